import Foundation
import TestSupport
import Testing

/// A folder with a small corpus, a small model, and damaged copies of both, for a suite of tests that only read it.
struct Playground: Sendable {
    @TaskLocal static var current = Playground(root: "")

    let root: String

    /// The path of something in the folder.
    func callAsFunction(_ name: String) -> String { "\(root)/\(name)" }

    var model: String { self("run/model") }
    var corpus: String { self("corpus") }

    /// Settings that make a recipe's model and run tiny.
    static let tiny = [
        "model.languageModel.layerCount=1", "model.visionEncoder.layerCount=1", "model.visionEncoder.imageSize=16",
        "data.tokenizer.vocabularySize=400", "stages.0.steps=1", "stages.1.steps=1",
    ]

    /// Arguments of a tiny training run on the corpus.
    func train(_ settings: String..., output: String) -> [String] {
        let all = Self.tiny + ["data.corpus=\(corpus)"] + settings
        return ["train", "mm1-demo-short", "--output", output] + all.flatMap { ["--set", $0] }
    }

    /// Every file with its size and time of change, to see that nothing was touched.
    var snapshot: [String: String] {
        let files = FileManager.default
        var entries: [String: String] = [:]
        for name in files.subpaths(atPath: root) ?? [] where !name.hasPrefix("out") {
            let attributes = try? files.attributesOfItem(atPath: self(name))
            entries[name] = "\(attributes?[.size] ?? 0) \(attributes?[.modificationDate] ?? 0)"
        }
        return entries
    }
}

extension Playground {
    /// Makes the folder: one run of the command trains the model.
    static func make() throws -> Playground {
        let playground = Playground(root: NSTemporaryDirectory() + "syrinx-playground-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: playground("out"), withIntermediateDirectories: true)
        let corpus = try SyrinxProcess.run(["data", "fetch", "scenes", "--count", "80", "--output", playground.corpus])
        try #require(corpus.status == 0, "\(corpus.errors)")
        let run = try SyrinxProcess.run(playground.train(output: playground("run")))
        try #require(run.status == 0, "\(run.errors)")
        try playground.writeFiles()
        try playground.damageModels()
        try playground.damageCorpora()
        return playground
    }

    private func write(_ content: String, _ name: String) throws {
        try Data(content.utf8).write(to: URL(fileURLWithPath: self(name)))
    }

    private func writeFiles() throws {
        try write("", "empty")
        try write("a line of text\n", "text.png")
        try write("{\"a\": [1,", "cut.json")
        try write("[{\"text\": \"x\", \"image\": \"y\"}]", "prompt.json")
        try Data([0xFF, 0xFE, 0x00, 0x80]).write(to: URL(fileURLWithPath: self("binary.yaml")))
        let recipe = try SyrinxProcess.run(["recipe", "show", "mm1-demo-short"]).output
        try write(recipe.replacingOccurrences(of: "globalBatchSize: 2", with: "globalBatchSiz: 2"), "misspelt.yaml")
        try write(recipe + "colour: red\n", "stranger.yaml")
        try write(recipe.replacingOccurrences(of: "seed: 0", with: "seed: [0"), "unclosed.yaml")
        // A PNG header that claims 30,000 x 30,000 pixels, and its checksum.
        let header: [UInt8] = [
            0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0x75, 0x30, 0, 0,
            0x75, 0x30, 8, 2, 0, 0, 0, 0xE9, 0x45, 0x6F, 0xED, 0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54, 0x35, 0xAF, 0x06,
            0x1E,
        ]
        try Data(header).write(to: URL(fileURLWithPath: self("huge.png")))
        try FileManager.default.createDirectory(atPath: self("out/foreign"), withIntermediateDirectories: true)
        try write("mine", "out/foreign/thesis.txt")
        try FileManager.default.createDirectory(atPath: self("nothing"), withIntermediateDirectories: true)
    }

    private func copy(_ original: String, as name: String, changing file: String, _ change: (inout Data) -> Void) throws
    {
        try FileManager.default.copyItem(atPath: original, toPath: self(name))
        let url = URL(fileURLWithPath: self(name)).appendingPathComponent(file)
        var content = try Data(contentsOf: url)
        change(&content)
        try content.write(to: url)
    }

    private func damageModels() throws {
        func damage(_ name: String, _ file: String, _ change: (inout Data) -> Void) throws {
            try copy(model, as: name, changing: file, change)
        }
        func replace(_ text: String, with other: String) -> (inout Data) -> Void {
            { $0 = Data(String(decoding: $0, as: UTF8.self).replacingOccurrences(of: text, with: other).utf8) }
        }
        try damage("config-cut", "config.json") { $0 = $0.prefix($0.count / 2) }
        try damage("config-garbage", "config.json") { $0 = Data((0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }) }
        try damage("config-activation", "config.json", replace("\"gelu\"", with: "\"gelo\""))
        try damage("config-typeless", "config.json", replace("\"model_type\"", with: "\"type\""))
        try damage("config-stranger", "config.json", replace("\"mm1\"", with: "\"gpt\""))
        try damage("config-zero", "config.json", replace("\"head_count\" : 8", with: "\"head_count\" : 0"))
        try damage(
            "config-context", "config.json", replace("\"context_length\" : 512", with: "\"context_length\" : 16777216"))
        try FileManager.default.removeItem(atPath: self("config-context/SHA256SUMS"))
        try damage("tokenizer-damaged", "tokenizer.model") {
            $0.replaceSubrange(0..<40, with: repeatElement(0xFF, count: 40))
        }
        try damage("tokenizer-empty", "tokenizer.model") { $0 = Data() }
        try damage("pictures-stranger", "preprocessor_config.json", replace("\"resize\"", with: "\"rezise\""))
        try damage("weights-cut", "model.safetensors") { $0 = $0.dropLast(100) }
        try damage("weights-flipped", "model.safetensors") { $0[$0.count - 5] ^= 0x10 }
        try damage("weights-missing", "model.safetensors") { $0 = Data() }
        try FileManager.default.removeItem(atPath: self("weights-missing/model.safetensors"))
    }

    private func damageCorpora() throws {
        func damage(_ name: String, _ file: String, _ change: (inout Data) -> Void) throws {
            try copy(corpus, as: name, changing: file, change)
        }
        try damage("index-empty", "index.json") { $0 = Data() }
        try damage("index-cut", "index.json") { $0 = $0.prefix(1000) }
        try damage("index-escaping", "index.json") {
            $0 = Data(
                String(decoding: $0, as: UTF8.self).replacingOccurrences(of: "shard-00000", with: "../shard-00000").utf8
            )
        }
        try damage("shard-cut", "shard-00000.tar") { $0 = $0.dropLast(1) }
        try damage("shard-flipped", "shard-00000.tar") { content in
            if let image = content.range(of: Data([0x89, 0x50, 0x4E, 0x47])) { content[image.lowerBound] = 0 }
        }
        try damage("shard-missing", "shard-00000.tar") { _ in }
        try FileManager.default.removeItem(atPath: self("shard-missing/shard-00000.tar"))
    }
}

/// Makes the folder for a suite, removes it afterwards, and sees that no test changed what it had been given.
struct PlaygroundTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let playground = try await onOwnThread { try Playground.make() }
        defer { try? FileManager.default.removeItem(atPath: playground.root) }
        let before = playground.snapshot
        try await Playground.$current.withValue(playground) { try await function() }
        #expect(playground.snapshot == before, "an input was changed")
        #expect(FileManager.default.contents(atPath: playground("out/foreign/thesis.txt")) == Data("mine".utf8))
    }
}
