import Checkpoints
import Digests
import Foundation
import Testing
import Torch

/// PyTorch archives: what is read, and what is refused before anything of it could run.
@Suite("PyTorch archives")
struct TorchArchiveTests {
    private func open(_ bytes: [UInt8], in folder: TemporaryFolder = TemporaryFolder()) throws -> TorchArchive {
        try TorchArchive(path: folder.write(bytes, "model.bin"))
    }

    /// Why an archive is refused.
    private func refusal(_ builder: TorchArchiveBuilder) -> String {
        do {
            _ = try open(builder.bytes)
            return "it was read"
        } catch { return "\(error)" }
    }

    private let six: [UInt8] = (1...6).flatMap { value in withUnsafeBytes(of: Float(value)) { Array($0) } }

    private func archive(shape: [Int], strides: [Int], offset: Int = 0, count: Int = 6) -> TorchArchiveBuilder {
        TorchArchiveBuilder(
            pickle: .tensor("w", count: count, offset: offset, shape: shape, strides: strides), storages: ["0": six])
    }

    @Test("Bytes that do not have their checksum are named with both, only where they are compared")
    func checksums() throws {
        let folder = TemporaryFolder()
        var archive = archive(shape: [2, 3], strides: [3, 1])
        func weights() throws -> StoredWeights {
            try ModelFolder.storedWeights(inFile: folder.write(archive.bytes, "model.bin"))
        }
        // Archives may leave them out.
        try weights().verifyChecksum(of: "w")
        let right = six.withUnsafeBytes { CRC32.checksum($0) }
        archive.checksums = ["archive/data/0": right]
        try weights().verifyChecksum(of: "w")
        archive.checksums = ["archive/data/0": right ^ 0x1, "archive/data.pkl": 7]
        let damaged = try weights()
        #expect(try damaged.tensor("w").array(of: Float.self) == [1, 2, 3, 4, 5, 6])
        let storage = #expect(throws: CheckpointError.self) { try damaged.verifyChecksum(of: "w") }
        let numbers = [right, right ^ 0x1].map { String(format: "%08x", $0) }
        #expect(
            storage?.description.hasSuffix(
                "is damaged: its entry archive/data/0 (tensor w) has the CRC-32 \(numbers[0]), but \(numbers[1]) is "
                    + "listed; fetch the file again") == true, "\(storage?.description ?? "")")
        let description = #expect(throws: CheckpointError.self) { try damaged.verifyDescriptions() }
        #expect(description?.description.contains("archive/data.pkl has the CRC-32 ") == true)
        #expect(description?.description.contains("but 00000007 is listed") == true)
    }

    @Test("Tensors come with their shape, offset and order of storage")
    func tensors() throws {
        let rows = try open(archive(shape: [2, 3], strides: [3, 1]).bytes)
        #expect(rows.names == ["w"] && rows.shape(of: "w") == [2, 3])
        #expect(try rows.tensor("w").array(of: Float.self) == [1, 2, 3, 4, 5, 6])
        let columns = try open(archive(shape: [3, 2], strides: [1, 3]).bytes).tensor("w")
        #expect(columns.shape == [3, 2] && columns.contiguous().array(of: Float.self) == [1, 4, 2, 5, 3, 6])
        let part = try open(archive(shape: [2], strides: [1], offset: 3).bytes).tensor("w")
        #expect(part.array(of: Float.self) == [4, 5])
        #expect(try open(archive(shape: [0, 3], strides: [3, 1]).bytes).tensor("w").elementCount == 0)
    }

    @Test("A tensor stays readable when its archive is gone")
    func lifetime() throws {
        let tensor = try open(archive(shape: [6], strides: [1]).bytes).tensor("w")
        #expect(tensor.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
    }

    @Test("A training script's dictionary is searched for its state dict")
    func wrapped() throws {
        let inner = Pickle.tensor("w", count: 6, shape: [6], strides: [1])
        var outer = Pickle().code("}(").string("step").integer(7).string("model")
        outer.bytes += inner.bytes.dropFirst(2)
        let builder = TorchArchiveBuilder(pickle: outer.code("u"), storages: ["0": six])
        #expect(try open(builder.bytes).names == ["w"])
    }

    @Test(
        "A pickle that asks for anything but tensors is refused by what it asks for, and nothing of it runs",
        arguments: [
            ("posix", "system"), ("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("torch", "load"),
            ("torch", "EvilStorage"), ("torch._utils", "_rebuild_tensor"), ("collections", "OrderedDict\u{0}"),
        ])
    func functions(module: String, name: String) {
        let call = Pickle().global(module, name).code("(").string("touch /tmp/owned").code("tR")
        #expect(refusal(TorchArchiveBuilder(pickle: call)).contains("it may be malicious, and nothing was executed"))
        let stacked = Pickle().string(module).string(name).code("\u{93}").code(")R")
        #expect(refusal(TorchArchiveBuilder(pickle: stacked)).contains("it may be malicious"))
    }

    @Test(
        "Instructions that no tensor needs are refused",
        arguments: ["(ios\nsystem\n", ")\u{81}", "(o", "\u{82}\u{1}", "Pname\n", "S'a'\n", "\u{92}", "V\n"])
    func instructions(code: String) {
        let message = refusal(TorchArchiveBuilder(pickle: Pickle().code(")").code(code)))
        #expect(message.contains("which no tensor needs"), "\(message)")
    }

    @Test(
        "A pickle that contradicts itself is one sentence",
        arguments: [
            (Pickle().code("t"), "closes a group that was never opened"), (Pickle().code("R"), "pops an empty stack"),
            (Pickle().code("]").code("h\u{9}"), "reads an unset memo entry"),
            (Pickle().code("]").string("a").string("b").code("s"), "a key on a value that is not a dictionary"),
            (Pickle().code("})]s"), "a tuple as a key"), (Pickle().code("}]]s"), "a list as a key"),
            (Pickle().code("]"), "expected a dictionary of tensors"),
            (
                Pickle().code("}").string("a").integer(1).code("s"),
                "its key \"a\" contains an integer, expected a tensor"
            ),
            (Pickle().code("}]").code(String(repeating: "\u{85}", count: 100)), "nest deeper than 32"),
            (Pickle().code("X\u{FF}\u{FF}\u{FF}\u{7F}"), "truncated"), (Pickle().code("\u{80}\u{9}"), "protocol 9"),
            (Pickle().string("storage").code("\u{85}Q"), "something that is not a storage"),
        ])
    func contradictions(pickle: Pickle, expected: String) {
        let message = refusal(TorchArchiveBuilder(pickle: pickle))
        #expect(message.contains(expected) && !message.contains("\n"), "\(message)")
    }

    @Test("Tensors that leave their storage, and storages that are not there, are refused with both numbers")
    func places() {
        #expect(
            refusal(archive(shape: [7], strides: [1])).contains("\"w\" reaches element 6 of a storage of 6"))
        #expect(refusal(archive(shape: [2, 3], strides: [4, 1])).contains("reaches element 6 of a storage of 6"))
        #expect(refusal(archive(shape: [3], strides: [0])).contains("has the strides [0] for the shape [3]"))
        #expect(
            refusal(archive(shape: [6], strides: [1], count: 60)).contains(
                "needs 60 elements, but its file has 24 bytes"))
        let missing = TorchArchiveBuilder(
            pickle: .tensor("w", key: "../../etc/passwd", count: 6, shape: [6], strides: [1]), storages: ["0": six])
        #expect(refusal(missing).contains("data/../../etc/passwd, which the archive does not have"))
    }

    @Test("Compressed, encrypted, doubled and overlapping files are refused: no archive expands")
    func zip() {
        let right = archive(shape: [6], strides: [1])
        var compressed = right
        compressed.method = 8
        #expect(refusal(compressed).contains("is compressed, which PyTorch never does"))
        var encrypted = right
        encrypted.flags = 1
        #expect(refusal(encrypted).contains("is encrypted"))
        var doubled = right
        doubled.files.append(doubled.files[1])
        #expect(refusal(doubled).contains("it has \"archive/data/0\" twice"))
        var overlapping = right
        overlapping.files.append(("archive/data/1", six))
        overlapping.movedOffsets["archive/data/1"] = 0
        #expect(refusal(overlapping).contains("overlap"))
        var lost = right
        lost.movedOffsets["archive/data/0"] = 5
        #expect(refusal(lost).contains("is not where the list of files says"))
        var other = right
        other.files.removeFirst()
        #expect(refusal(other).contains("has no data.pkl"))
    }

    @Test("A file cut at any length and a flipped byte anywhere give tensors or a sentence, never a crash")
    func damage() throws {
        let whole = archive(shape: [2, 3], strides: [3, 1]).bytes
        // Thousands of files: one folder for all of them.
        let folder = TemporaryFolder()
        for length in 1..<whole.count {
            #expect(throws: CheckpointError.self, "\(length)") { try open(Array(whole[..<length]), in: folder) }
        }
        for place in whole.indices {
            for bit in [1, 0x80] as [UInt8] {
                var flipped = whole
                flipped[place] ^= bit
                do {
                    let archive = try open(flipped, in: folder)
                    for name in archive.names { _ = try archive.tensor(name).array(of: Float.self) }
                } catch let error as CheckpointError {
                    #expect(!error.description.contains("\n"))
                }
            }
        }
    }
}
