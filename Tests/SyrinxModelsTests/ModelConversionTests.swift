import Checkpoints
import Foundation
import NN
import SyrinxModels
import Testing
import TinyModels
import Torch

/// `syrinx convert` below the command: published archives become safetensors that give the same model.
struct ModelConversionTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"

    /// Calls `body` with a path that is removed afterwards.
    private func temporary(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "syrinx-conversion-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func logits(_ path: String, _ fixture: ParityFixture) throws -> [UInt8] {
        let (model, _, store, weights) = try ModelRegistry.open(try ModelFolder(path: path))
        try store.load(weights)
        let ids = try fixture("input.text.ids")
        return withoutGrad {
            model.logits(
                embeddings: model.embed(tokenIDs: ids), positionIDs: Tensor.arange(ids.size(1)).unsqueeze(0)
            ).bytes()
        }
    }

    @Test(arguments: ["mplug-owl/model", "mplug-owl-video/model", "mplug-owl2/model", "mplug-owl2/sharded"])
    func `A published archive becomes shards with the same scores, without what is recomputed`(name: String) throws {
        let source = try ModelFolder(path: Self.fixtures + name)
        let conversion = try ModelConversion(source)
        #expect(
            !conversion.ignoredNames.isEmpty
                && conversion.ignoredNames.allSatisfy { $0.contains("inv_freq") })
        try temporary { path in
            var written = 0
            try conversion.write(to: path, maximumShardByteCount: 30_000) { written += $0 }
            #expect(written == conversion.byteCount)
            let folder = try ModelFolder(path: path)
            #expect(try folder.weightFileNames().count > 2 && folder.contains("model.safetensors.index.json"))
            #expect(try folder.verifyChecksums() > 4)
            for file in ["config.json", "tokenizer.model", "preprocessor_config.json"] where source.contains(file) {
                #expect(try folder.bytes(of: file) == (try source.bytes(of: file)))
            }
            if name != "mplug-owl-video/model" {
                let fixture = try ParityFixture("\(name.split(separator: "/")[0])/expected")
                #expect(try logits(path, fixture) == (try logits(source.path, fixture)))
            }
        }
    }

    @Test func `Another dtype is written, and the configuration says so`() throws {
        let conversion = try ModelConversion(
            try ModelFolder(path: Self.fixtures + "mplug-owl2/model"), dtype: .bfloat16)
        // The published code reads tables as they are stored: in another dtype it would compute otherwise.
        func isWritten(_ name: String, _ dtype: DType) -> Bool {
            dtype == (name.hasSuffix("_pos_embed") ? .float32 : .bfloat16)
        }
        #expect(conversion.tensors.allSatisfy { isWritten($0.name, $0.dtype) })
        try temporary { path in
            let folder = try conversion.write(to: path)
            #expect(String(decoding: try folder.bytes(of: "config.json"), as: UTF8.self).contains(#""bfloat16""#))
            #expect(try folder.stateDict().pairs.allSatisfy { isWritten($0.0, $0.1.dtype) })
        }
    }

    @Test func `A writing that is stopped leaves nothing`() throws {
        let conversion = try ModelConversion(try ModelFolder(path: Self.fixtures + "mplug-owl2/model"))
        try temporary { path in
            var pieces = 0
            #expect(throws: CheckpointError.cancelled) {
                try conversion.write(to: path, maximumShardByteCount: 30_000) { (_) throws(CheckpointError) in
                    pieces += 1
                    if pieces == 40 { throw .cancelled }
                }
            }
            let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
            let left = try FileManager.default.contentsOfDirectory(atPath: parent)
                .filter { $0.hasPrefix(URL(fileURLWithPath: path).lastPathComponent) }
            #expect(left.isEmpty)
        }
    }

    @Test func `Weights that do not fit the configuration are refused before anything is written`() throws {
        try temporary { path in
            try FileManager.default.copyItem(atPath: Self.fixtures + "mplug-owl2/model", toPath: path)
            let config = URL(fileURLWithPath: path + "/config.json")
            let text = try String(contentsOf: config, encoding: .utf8)
            try text.replacing(#""intermediate_size": 44"#, with: #""intermediate_size": 48"#)
                .write(to: config, atomically: true, encoding: .utf8)
            let report = #expect(throws: LoadReport.self) { try ModelConversion(try ModelFolder(path: path)) }
            #expect(report?.mismatched.count == 6 && report?.checkpoint == path)
        }
    }

    @Test func `Weights of whole numbers, as quantized ones are stored, are refused by name`() throws {
        try temporary { path in
            try ModelConversion(try ModelFolder(path: Self.fixtures + "mplug-owl2/model")).write(to: path)
            let file = path + "/model.safetensors"
            let whole = try SafetensorsFile(path: file)
            let tensors = try whole.names.map { ($0, try whole.tensor($0).to(.int8)) }
            try FileManager.default.removeItem(atPath: path + "/SHA256SUMS")
            try FileManager.default.removeItem(atPath: file)
            try Safetensors.write(tensors, to: file)
            let error = #expect(throws: CheckpointError.self) { try ModelConversion(try ModelFolder(path: path)) }
            #expect(error?.description.contains("has the dtype int8, as quantized weights have") == true)
        }
    }

    @Test func `Weights that a dtype or an adapter makes infinite are refused by name, and nothing is left`() throws {
        let adapter = Self.fixtures + "mplug-owl2/adapter"
        try temporary { path in
            try FileManager.default.copyItem(atPath: adapter, toPath: path)
            let config = path + "/adapter_config.json"
            let text = try String(contentsOfFile: config, encoding: .utf8)
            try Data(text.replacing("\"lora_alpha\": 12", with: "\"lora_alpha\": 1e40").utf8)
                .write(to: URL(fileURLWithPath: config))
            let conversion = try ModelConversion(
                try ModelFolder(path: Self.fixtures + "mplug-owl2/model"), adapter: try AdapterFolder(path: path))
            let error = #expect(throws: CheckpointError.self) { try conversion.write(to: path + "/out") }
            #expect(error?.description.contains("become infinite") == true, "\(error as Any)")
            #expect(error?.description.contains("self_attn") == true || error?.description.contains("mlp") == true)
            #expect(!FileManager.default.fileExists(atPath: path + "/out"))
        }
    }
}
