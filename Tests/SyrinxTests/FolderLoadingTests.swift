import Checkpoints
import Foundation
import Generation
import Media
import NN
import Processors
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Tokenizers
import Torch

/// Folders as people have them, through the front door: what is missing, left over or in another form.
struct FolderLoadingTests {
    private static let fixtures =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SyrinxModelsTests/Fixtures").path + "/"
    private let folder: TinyFolder

    init() throws { folder = try TinyFolder() }

    /// A copy of a published folder, changed.
    private func copy(_ system: String, _ change: (_ path: String) throws -> Void) throws -> String {
        let path = folder.path + "/copy"
        try FileManager.default.copyItem(atPath: "\(Self.fixtures)\(system)/model", toPath: path)
        try change(path)
        return path
    }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    @Test(arguments: ["mplug-owl", "mplug-owl-video", "mplug-owl2"])
    func `A published folder as it is gives no remark`(system: String) throws {
        let model = try Syrinx.load("\(Self.fixtures)\(system)/model")
        #expect(model.remarks.isEmpty, "\(model.remarks)")
    }

    @Test(arguments: ["mplug-owl", "mplug-owl-video", "mplug-owl2"])
    func `Without a preprocessor_config.json images are prepared as the family was published, and that is said`(
        system: String
    ) throws {
        let whole = try Syrinx.load("\(Self.fixtures)\(system)/model")
        let model = try Syrinx.load(
            copy(system) { try FileManager.default.removeItem(atPath: $0 + "/preprocessor_config.json") })
        #expect(model.imageProcessor == whole.imageProcessor)
        #expect(model.remarks.count == 1 && model.remarks[0].contains("has no preprocessor_config.json"))
        // Syrinx's own model was trained with values that nothing else says.
        try FileManager.default.removeItem(atPath: folder.path + "/preprocessor_config.json")
        let error = #expect(throws: CheckpointError.self) { try Syrinx.load(folder.path) }
        #expect("\(error!)".contains("it has no preprocessor_config.json"))
    }

    @Test func `The preprocessing is found where transformers 5 keeps it`() throws {
        let whole = try Syrinx.load(Self.fixtures + "mplug-owl2/model")
        let path = try copy("mplug-owl2") { path in
            let own = try String(contentsOfFile: path + "/preprocessor_config.json", encoding: .utf8)
            try write(#"{"image_processor": \#(own), "processor_class": "X"}"#, path + "/processor_config.json")
            try FileManager.default.removeItem(atPath: path + "/preprocessor_config.json")
        }
        let model = try Syrinx.load(path)
        #expect(model.imageProcessor == whole.imageProcessor && model.remarks.isEmpty)
    }

    @Test(arguments: [
        (#""do_resize": true"#, #""do_resize": false"#, "do_resize is false"),
        (#""do_normalize": true"#, #""do_normalize": false"#, "do_normalize is false"),
        (#""width": 20"#, #""width": 24"#, "the size is 24x20"),
    ])
    func `A preprocessing that is not taken as it is written is refused by name`(
        old: String, new: String, expected: String
    ) throws {
        let path = try copy("mplug-owl2") { path in
            let own = try String(contentsOfFile: path + "/preprocessor_config.json", encoding: .utf8)
            #expect(own.contains(old))
            try write(own.replacing(old, with: new), path + "/preprocessor_config.json")
        }
        let error = #expect(throws: CheckpointError.self) { try Syrinx.load(path) }
        #expect("\(error!)".contains(expected), "\(error!)")
    }

    @Test func `A tokenizer.json alone is told where the SentencePiece file comes from`() throws {
        let path = try copy("mplug-owl2") { path in
            try FileManager.default.moveItem(atPath: path + "/tokenizer.model", toPath: path + "/tokenizer.json")
        }
        let error = #expect(throws: CheckpointError.self) { try Syrinx.load(path) }
        #expect(
            "\(error!)".contains("it has tokenizer.json but no tokenizer.model")
                && "\(error!)".contains("copy tokenizer.model"))
    }

    @Test func `An added token's row of the head is never drawn, and is told by its name`() throws {
        let (pad, best) = (331, 7)
        let path = try copy("mplug-owl2") { path in
            let source = try ModelFolder(path: path)
            var weights = try source.stateDict()
            for name in ["lm_head.weight", "model.embed_tokens.weight"] {
                let table = try #require(weights[name])
                // The new row scores above every other, whichever way the state points.
                let row = table.narrow(dim: 0, start: best, length: 1)
                weights[name] = Tensor.cat([table, row * 50, row * -50], dim: 0)
            }
            let config = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
                .replacing("\"vocab_size\": 331", with: "\"vocab_size\": 333")
            let files = try ["tokenizer.model", "preprocessor_config.json"].map { ($0, try source.bytes(of: $0)) }
            try FileManager.default.removeItem(atPath: path)
            try ModelFolder.write(
                weights,
                files: Dictionary(
                    uniqueKeysWithValues: files + [
                        ("config.json", Array(config.utf8)),
                        ("added_tokens.json", Array(#"{"<pad>": 331, "</s>": 2}"#.utf8)),
                    ]), to: path)
        }
        let model = try Syrinx.load(path)
        #expect(model.tokenizer.vocabularySize == pad && model.model.vocabularySize == 333)
        #expect(model.remarks.count == 1 && model.remarks[0].contains("added_tokens.json names tokens beyond the 331"))
        #expect(model.remarks[0].contains("(<pad>)"))
        let prompt = try model.prepare(Prompt("USER: What is a cat? ASSISTANT:"))
        for temperature in [0.0, 1.0] {
            let config = GenerationConfig(maxNewTokens: 12, temperature: temperature)
            let request = GenerationRequest(prompt.input, config: config)
            #expect(try model.engine.generate(request).tokenIDs.allSatisfy { $0 < pad })
            #expect(try GenerationEngine(model.model).generate(request).tokenIDs.contains { $0 >= pad })
            // Rows computed together are what each is alone.
            let options = AnswerOptions(config)
            let alone = try model.respond(to: prompt, options: options).text
            let together = try model.respond(to: [prompt, prompt], options: [options, options])
            #expect(together.map(\.text) == [alone, alone])
        }
    }

    @Test func `Rounded tables that are recomputed are told, with the option that reads them`() throws {
        let path = try copy("mplug-owl2") { path in
            let source = try ModelFolder(path: path)
            var weights = try source.stateDict()
            for (name, table) in weights.pairs where name.hasSuffix("_pos_embed") { weights[name] = table.to(.float16) }
            let names = ["config.json", "tokenizer.model", "preprocessor_config.json"]
            let files = try names.map { ($0, try source.bytes(of: $0)) }
            try FileManager.default.removeItem(atPath: path)
            try ModelFolder.write(weights, files: Dictionary(uniqueKeysWithValues: files), to: path)
        }
        let exact = try Syrinx.load(path), stored = try Syrinx.load(path, storedTables: true)
        #expect(exact.remarks.count == 1 && exact.remarks[0].contains("unless you give --stored-tables"))
        #expect(stored.remarks.isEmpty)
        // Both take adapters and give them back.
        #expect(try stored.adapted(by: nil).model.imageTokenCount == stored.model.imageTokenCount)
        let pixels = Tensor.ones([1, 3, 20, 20])
        let difference = withoutGrad {
            (exact.model.imageTokens(pixels) - stored.model.imageTokens(pixels)).abs().max()
        }
        #expect(difference.item() > 0)
    }
}
