import Checkpoints
import Digests
import Foundation
import Testing
import Torch

@Suite("Safetensors files")
struct SafetensorsFileTests {
    @Test func `Nothing is written in place of a pipe or a folder`() throws {
        let folder = NSTemporaryDirectory() + "syrinx-places-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/folder", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: "pipe")
        for (name, reason) in [("pipe", "a device or a pipe"), ("link", "a device or a pipe"), ("folder", "a folder")] {
            let error = #expect(throws: CheckpointError.self) { try AtomicFile.write([1], to: "\(folder)/\(name)") }
            #expect(error?.description.contains("cannot write \(folder)/\(name): it is \(reason)") == true)
        }
        var status = stat()
        #expect(stat(folder + "/pipe", &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["folder", "link", "pipe"])
    }

    @Test("every dtype, scalars, empty and transposed tensors come back bit by bit")
    func roundTrip() throws {
        let folder = TemporaryFolder()
        let tensors = sampleTensors()
        try Safetensors.write(tensors, metadata: ["format": "pt", "a": "b\"\\\n"], to: folder("f"))
        let file = try SafetensorsFile(path: folder("f"))
        #expect(Set(file.names) == Set(tensors.map(\.0)))
        #expect(file.metadata == ["format": "pt", "a": "b\"\\\n"])
        for (name, tensor) in tensors {
            #expect(isEqual(try file.tensor(name), tensor), "\(name)")
            #expect(file.shape(of: name) == tensor.shape)
        }
        #expect(file.typeName(of: "scalar") == "F32")
        #expect(folder.content == ["f"])
    }

    @Test("the same tensors in any order give the same bytes, and the digest is the file's")
    func deterministic() throws {
        let folder = TemporaryFolder()
        let digest = try Safetensors.write(sampleTensors(), metadata: ["b": "1", "a": "2"], to: folder("f"))
        let second = try Safetensors.write(sampleTensors().reversed(), metadata: ["a": "2", "b": "1"], to: folder("g"))
        #expect(digest == second)
        #expect(try Digest.sha256(fileAt: folder("f")) == digest)
        #expect(bytes(ofFileAt: folder("f")) == bytes(ofFileAt: folder("g")))
    }

    @Test("no tensors at all are a valid file")
    func empty() throws {
        let folder = TemporaryFolder()
        try Safetensors.write([], metadata: [:], to: folder("f"))
        let file = try SafetensorsFile(path: folder("f"))
        #expect(file.names.isEmpty)
        #expect(file.tensorByteCount == 0)
    }

    @Test("a file of the Python package is read: every dtype, a scalar, an empty tensor, its metadata")
    func pythonFile() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/python.safetensors").path
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["format": "pt", "note": "\"quoted\" \\ \u{e9}"])
        #expect(file.names.count == 12)
        let values = (0..<6).map { Double($0) - 2.5 }
        for type in ["float16", "float32", "float64"] {
            let tensor = try file.tensor("values.\(type)")
            #expect(tensor.shape == [2, 3] && "\(tensor.dtype)" == type)
            #expect(tensor.array(of: Double.self) == values)
        }
        for type in ["int8", "int16", "int32", "int64"] {
            let tensor = try file.tensor("values.\(type)")
            #expect("\(tensor.dtype)" == type)
            #expect(tensor.array(of: Int64.self) == [-2, -1, 0, 0, 1, 2])
        }
        #expect(try file.tensor("values.uint8").shape == [3, 2])
        #expect(try file.tensor("values.bool").array(of: Bool.self) == [true, false, true])
        #expect(try file.tensor("scalar").shape == [])
        #expect(try file.tensor("scalar").item() == 3.25)
        #expect(try file.tensor("empty").shape == [0, 4])
        #expect(try file.tensor("name \u{e9} \u{1F99C}").item() == 7)
    }

    @Test("tensors outlive the file value and even the file's name")
    func lifetime() throws {
        let folder = TemporaryFolder()
        try Safetensors.write([("a", Tensor.full([1000], value: 7))], to: folder("f"))
        let view: Tensor
        do {
            view = try SafetensorsFile(path: folder("f")).tensor("a").narrow(dim: 0, start: 500, length: 3)
        }
        try FileManager.default.removeItem(atPath: folder("f"))
        #expect(view.array(of: Float.self) == [7, 7, 7])
    }

    @Test("reading maps: a tensor of 256 MB costs no memory until it is touched")
    func mapped() throws {
        let folder = TemporaryFolder()
        let byteCount = 256 << 20
        var header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[\(byteCount / 4)],\"data_offsets\":[0,\(byteCount)]}}"
        while header.utf8.count % 8 != 0 { header += " " }
        let start = safetensors(header, dataByteCount: 0)
        #expect(start.count % 4 == 0)
        let path = folder.write(start, "f")
        // The file's end is a hole: the test writes nothing to speak of.
        truncate(path, off_t(start.count + byteCount))
        let tensor = try SafetensorsFile(path: path).tensor("a")
        #expect(tensor.shape == [byteCount / 4])
        #expect(residentByteCount(tensor) < byteCount / 8)
        #expect(tensor.narrow(dim: 0, start: byteCount / 4 - 1, length: 1).item() == 0)
    }

    @Test("bytes at an address their dtype does not allow are copied and right")
    func unaligned() throws {
        let folder = TemporaryFolder()
        let header = """
            {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}
            """
        var content = safetensors(header, dataByteCount: 3)
        content += withUnsafeBytes(of: Float(1.5)) { Array($0) }
        let file = try SafetensorsFile(path: folder.write(content, "f"))
        #expect(try file.tensor("b").item() == 1.5)
    }

    @Test("what is not there or not computable is named")
    func refusals() throws {
        let folder = TemporaryFolder()
        let header = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}"
        let file = try SafetensorsFile(path: folder.write(safetensors(header, dataByteCount: 8), "f"))
        let type = #expect(throws: CheckpointError.self) { try file.tensor("a") }
        #expect("\(type!)".contains("F8_E4M3"))
        let missing = #expect(throws: CheckpointError.self) { try file.tensor("b") }
        #expect("\(missing!)" == "\(folder("f")) has no tensor named b")
        let absent = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder("none")) }
        #expect("\(absent!)" == "cannot read \(folder("none")): No such file or directory")
        #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder.path) }
    }

    @Test("a failed write leaves the old file and nothing else")
    func failedWrite() throws {
        let folder = TemporaryFolder()
        try Safetensors.write([("a", Tensor.ones([2]))], to: folder("f"))
        let old = bytes(ofFileAt: folder("f"))
        let twice = #expect(throws: CheckpointError.self) {
            try Safetensors.write([("a", Tensor.ones([2])), ("a", Tensor.ones([3]))], to: folder("f"))
        }
        #expect("\(twice!)".contains("two tensors are named \"a\""))
        #expect(throws: CheckpointError.self) {
            try Safetensors.write([("__metadata__", Tensor.ones([2]))], to: folder("f"))
        }
        #expect(bytes(ofFileAt: folder("f")) == old)
        #expect(folder.content == ["f"])
        let nowhere = #expect(throws: CheckpointError.self) {
            try Safetensors.write([("a", Tensor.ones([2]))], to: folder("no/such/folder/f"))
        }
        #expect("\(nowhere!)".contains("no/such/folder/f"))
    }

    @Test("a file larger than the free disk is refused before anything is written")
    func noSpace() throws {
        let folder = TemporaryFolder()
        // An expanded tensor pretends to have 2^50 elements and owns one.
        let huge = Tensor.ones([1]).expand([1 << 50])
        let error = #expect(throws: CheckpointError.self) { try Safetensors.write([("a", huge)], to: folder("f")) }
        guard case .noSpace(_, let needed, let available)? = error else {
            Issue.record("expected noSpace, got \(String(describing: error))")
            return
        }
        #expect(needed > 1 << 52)
        #expect(available > 0 && available < needed)
        #expect("\(error!)".contains("\(needed) bytes"))
        #expect(folder.content.isEmpty)
    }
}

#if canImport(Darwin)
    private typealias PageState = CChar
#else
    private typealias PageState = UInt8
#endif

/// Bytes of a tensor's pages that are in memory. Of these pages alone, not of the process: other tests run at the same time.
private func residentByteCount(_ tensor: Tensor) -> Int {
    tensor.withUnsafeBytes { bytes in
        let pageSize = Int(getpagesize())
        let before = Int(bitPattern: bytes.baseAddress) % pageSize
        let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! - before)
        var pages = [PageState](repeating: 0, count: (before + bytes.count + pageSize - 1) / pageSize)
        #expect(mincore(start, before + bytes.count, &pages) == 0)
        return pages.count { $0 & 1 == 1 } * pageSize
    }
}
