import Checkpoints
import Foundation
import NN
import Testing
import Torch

@Suite("Model folders")
struct ModelFolderTests {
    private struct Config: Codable, Equatable {
        var hidden_size: Int
        var name: String
    }

    private let weights = StateDict((0..<6).map { ("layers.\($0).weight", Tensor.full([4, 4], value: Double($0))) })

    private func check(_ read: StateDict, against weights: StateDict) {
        #expect(Set(read.names) == Set(weights.names))
        for (name, tensor) in weights.pairs { #expect(read[name].map { isEqual($0, tensor) } == true, "\(name)") }
    }

    @Test("a folder comes back: weights, config, tokenizer, checksums")
    func roundTrip() throws {
        let folder = TemporaryFolder()
        let config = Config(hidden_size: 64, name: "tiny")
        let files = ["config.json": [UInt8](try JSONEncoder().encode(config)), "tokenizer.model": [1, 2, 3]]
        let written = try ModelFolder.write(weights, files: files, to: folder("sub/model"))
        check(try written.stateDict(), against: weights)
        #expect(try written.decode(Config.self) == config)
        #expect(try written.bytes(of: ModelFolder.FileName.tokenizerModel) == [1, 2, 3])
        #expect(try written.verifyChecksums() == 3)
        #expect(try written.weightFileNames() == ["model.safetensors"])
        #expect(folder.content == ["sub"])
        #expect(try SafetensorsFile(path: written.path(of: "model.safetensors")).metadata == ["format": "pt"])
    }

    @Test("weights above the limit become shards with an index", arguments: [64, 65, 128, 200, 383])
    func sharded(limit: Int) throws {
        let folder = TemporaryFolder()
        let written = try ModelFolder.write(weights, maximumShardByteCount: limit, to: folder("m"))
        let names = try written.weightFileNames()
        #expect(names.count == (6 + limit / 64 - 1) / (limit / 64))
        #expect(names.first == "model-00001-of-0000\(names.count).safetensors")
        #expect(!written.contains("model.safetensors"))
        for name in names { #expect(try SafetensorsFile(path: written.path(of: name)).tensorByteCount <= limit) }
        check(try written.stateDict(), against: weights)
        #expect(try written.verifyChecksums() == names.count + 1)
        let index = String(decoding: try written.bytes(of: "model.safetensors.index.json"), as: UTF8.self)
        #expect(index.contains("\"total_size\": 384"))
    }

    @Test("writing again replaces the folder as a whole")
    func replaces() throws {
        let folder = TemporaryFolder()
        try ModelFolder.write(weights, maximumShardByteCount: 64, to: folder("m"))
        let one = StateDict([("a", Tensor.ones([3]))])
        let second = try ModelFolder.write(one, to: folder("m/"))
        check(try second.stateDict(), against: one)
        #expect(folder.content == ["m"])
        #expect(!second.contains("model.safetensors.index.json"))
    }

    @Test("a folder may be written over the very mapping it was read from")
    func rewritesItself() throws {
        let folder = TemporaryFolder()
        let read = try ModelFolder.write(weights, to: folder("m")).stateDict()
        try ModelFolder.write(read, to: folder("m"))
        check(try ModelFolder(path: folder("m")).stateDict(), against: weights)
        check(read, against: weights)
    }

    @Test("a failed write leaves the old folder and nothing else")
    func failedWrite() throws {
        let folder = TemporaryFolder()
        try ModelFolder.write(weights, to: folder("m"))
        for name in ["../config.json", "", "model.safetensors", "SHA256SUMS", "a/b"] {
            #expect(throws: CheckpointError.self) { try ModelFolder.write(weights, files: [name: []], to: folder("m")) }
        }
        let huge = StateDict([("a", Tensor.ones([1]).expand([1 << 50]))])
        #expect(throws: CheckpointError.self) { try ModelFolder.write(huge, to: folder("m")) }
        check(try ModelFolder(path: folder("m")).stateDict(), against: weights)
        #expect(folder.content == ["m"])
        _ = folder.write([1], "file")
        let inTheWay = #expect(throws: CheckpointError.self) { try ModelFolder.write(weights, to: folder("file")) }
        #expect("\(inTheWay!)".contains("of that name exists"))
        #expect(folder.content == ["file", "m"])
    }

    @Test("what killed processes left is put right: a replaced folder comes back, parts go, running writers stay")
    func leftovers() throws {
        let folder = TemporaryFolder()
        // No process has this number: it is above the largest that Linux and macOS give out.
        let gone = 2_000_000_000
        try ModelFolder.write(weights, to: folder("m"))
        try FileManager.default.moveItem(atPath: folder("m"), toPath: folder("m.replaced-\(gone)-0"))
        let error = #expect(throws: CheckpointError.self) { try ModelFolder(path: folder("m")) }
        #expect("\(error!)".contains("its older content is in \(folder("m.replaced-\(gone)-0"))"))
        for name in ["m.partial-\(gone)-0", "m.partial-\(getpid())-7", "m.partial-x", "mm.partial-\(gone)-0"] {
            _ = folder.write([1], name)
        }
        // The write fails, and what the earlier process lost is back all the same.
        let huge = StateDict([("a", Tensor.ones([1]).expand([1 << 50]))])
        #expect(throws: CheckpointError.self) { try ModelFolder.write(huge, to: folder("m")) }
        check(try ModelFolder(path: folder("m")).stateDict(), against: weights)
        #expect(folder.content == ["m", "m.partial-\(getpid())-7", "m.partial-x", "mm.partial-\(gone)-0"].sorted())
    }

    @Test("the index decides which files count; others in the folder are left alone")
    func indexFirst() throws {
        let folder = TemporaryFolder()
        let written = try ModelFolder.write(weights, maximumShardByteCount: 200, to: folder("m"))
        try Safetensors.write([("stray", Tensor.ones([1]))], to: written.path(of: "model.safetensors"))
        check(try written.stateDict(), against: weights)
    }

    private func message(_ folder: ModelFolder) -> String {
        let error = #expect(throws: CheckpointError.self) { try folder.stateDict() }
        return error.map { "\($0)" } ?? ""
    }

    @Test("a missing shard, a tensor in two shards, and one the index misplaces are named")
    func brokenShards() throws {
        let folder = TemporaryFolder()
        let written = try ModelFolder.write(weights, maximumShardByteCount: 200, to: folder("m"))
        let second = written.path(of: "model-00002-of-00002.safetensors")
        let good = bytes(ofFileAt: second)
        try FileManager.default.removeItem(atPath: second)
        #expect(
            message(written).contains("the shard model-00002-of-00002.safetensors, which its index names, is missing"))

        try Safetensors.write([("layers.0.weight", Tensor.ones([1]))], to: second)
        #expect(message(written).contains("tensor layers.0.weight is in two shards"))

        try Safetensors.write([("layers.3.weight", Tensor.ones([1]))], to: second)
        #expect(
            message(written).contains(
                "places tensor layers.4.weight in model-00002-of-00002.safetensors, but it is in no shard"))

        _ = FileManager.default.createFile(atPath: second, contents: Data(good.dropLast()))
        #expect(message(written).contains("may be truncated"))
    }

    @Test(
        "an index that is no index is refused",
        arguments: [
            ("{", "expected a key"), ("{}", "no object named weight_map"), ("{\"weight_map\":{}}", "empty"),
            ("{\"weight_map\":{\"a\":1}}", "a number to tensor a"),
            ("{\"weight_map\":{\"a\":\"../x\"}}", "same folder"),
            ("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "duplicate key"),
        ])
    func brokenIndex(text: String, expected: String) throws {
        let folder = TemporaryFolder()
        _ = folder.write(Array(text.utf8), "model.safetensors.index.json")
        #expect(message(try ModelFolder(path: folder.path)).contains(expected))
    }

    @Test("a changed byte is found by the checksums")
    func checksums() throws {
        let folder = TemporaryFolder()
        let written = try ModelFolder.write(weights, to: folder("m"))
        let path = written.path(of: "model.safetensors")
        var content = bytes(ofFileAt: path)
        content[content.count - 1] ^= 1
        _ = FileManager.default.createFile(atPath: path, contents: Data(content))
        let error = #expect(throws: CheckpointError.self) { try written.verifyChecksums() }
        #expect("\(error!)".contains("model.safetensors has the SHA-256"))
    }

    @Test("no folder, no weights, no config: each is said in a sentence")
    func missing() throws {
        let folder = TemporaryFolder()
        let absent = #expect(throws: CheckpointError.self) { try ModelFolder(path: folder("none")) }
        #expect("\(absent!)" == "cannot read \(folder("none")): no such folder")
        let empty = try ModelFolder(path: folder.path)
        #expect(message(empty).contains("neither model.safetensors nor pytorch_model.bin"))
        let config = #expect(throws: CheckpointError.self) { try empty.decode(Config.self) }
        #expect("\(config!)".contains("it has no config.json"))
        _ = folder.write([0], "pytorch_model.bin")
        #expect(message(empty).contains("pytorch_model.bin is damaged: it is not a zip archive"))
        _ = folder.write(Array("version https://git-lfs.github.com/spec/v1\n".utf8), "pytorch_model.bin")
        #expect(message(empty).contains("it is a Git LFS pointer; fetch the file itself with `git lfs pull`"))
    }

    @Test(
        "a config that does not fit names its key",
        arguments: [
            ("{\"hidden_size\":64}", "the key name is missing"),
            ("{\"hidden_size\":\"64\",\"name\":\"a\"}", "hidden_size should be a whole number"),
            ("{\"hidden_size\":64,\"hidden_size\":65,\"name\":\"a\"}", "duplicate key \"hidden_size\""),
            ("nonsense", "expected the word null"),
        ])
    func brokenConfig(text: String, expected: String) throws {
        let folder = TemporaryFolder()
        _ = folder.write(Array(text.utf8), "config.json")
        let error = #expect(throws: CheckpointError.self) { try ModelFolder(path: folder.path).decode(Config.self) }
        #expect("\(error!)".contains(expected), "\(error!)")
    }
}
