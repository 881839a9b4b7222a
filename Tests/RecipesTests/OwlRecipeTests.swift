import Checkpoints
import Codecs
import Foundation
import Media
import NN
import Recipes
import SyrinxModels
import TestSupport
import Testing
import Torch
import Training

/// mPLUG-Owl's and mPLUG-Owl2's recipes, at a size of a few thousand parameters and on the built-in scenes.
@Suite("Recipes of the mPLUG-Owls", .serialized)
struct OwlRecipeTests {
    /// A tiny sibling made tinier still.
    func recipe(
        _ name: String, _ folder: String, imageSize: Int = 32, _ settings: [String] = []
    ) throws -> Recipe {
        try RecipeRegistry.recipe(name, overrides: try self.settings(name, folder, imageSize: imageSize) + settings)
    }

    /// What makes it tinier.
    func settings(_ name: String, _ folder: String, imageSize: Int = 32) throws -> [String] {
        var changes = [
            "data.corpus=\(folder)/corpus", "precision=float32", "device=cpu", "data.contextLength=160",
            "data.tokenizer.vocabularySize=400", "data.validationLimit=4", "model.visionEncoder.imageSize=\(imageSize)",
            "model.visionEncoder.hiddenSize=24", "model.visionEncoder.intermediateSize=32",
            "model.visionEncoder.layerCount=2", "model.visionEncoder.headCount=2", "model.abstractor.hiddenSize=24",
            "model.abstractor.intermediateSize=20", "model.abstractor.headCount=2", "model.abstractor.layerCount=1",
            "model.abstractor.queryCount=3", "model.languageModel.hiddenSize=32",
            "model.languageModel.intermediateSize=48", "model.languageModel.layerCount=2",
            "model.languageModel.headCount=2", "model.languageModel.keyValueHeadCount=2",
            "model.languageModel.headSize=16", "checkpoints.interval=2",
        ]
        if name.contains("owl2") { changes.append("model.abstractor.positionGrid=\(imageSize / 8)") }
        let stages = try RecipeRegistry.recipe(name).stages
        for (index, stage) in stages.enumerated() {
            let size = stage.objective == .bagOfWords ? 4 : 2
            changes += ["steps=3", "globalBatchSize=\(size)", "microbatchSize=\(size)"].map { "stages.\(index).\($0)" }
        }
        return changes
    }

    private func changed(_ report: EndReport) -> [String: Bool] {
        Dictionary(uniqueKeysWithValues: (report.audit?.parts ?? []).map { ($0.name, $0.changed ?? false) })
    }

    @Test("Every recipe survives its YAML, and its values can work")
    func yaml() throws {
        for (name, make) in try nonempty(RecipeRegistry.recipes) {
            let recipe = make()
            #expect(recipe.name == name)
            try recipe.validate()
            let text = try StrictYAML.encode(recipe)
            #expect(try StrictYAML.decode(Recipe.self, from: text, file: name) == recipe)
        }
    }

    @Test("The published recipes train and freeze the paper's parts")
    func publishedParts() throws {
        func stage(_ name: String) throws -> (trained: Int, total: Int) {
            let plan = try MemoryPlan(try RecipeRegistry.recipe(name, overrides: ["precision=bfloat16", "device=cpu"]))
            return (plan.stages[0].trainableCount, plan.stages[0].parameterCount)
        }
        let owl1 = try stage("mplug-owl-stage1"), owl1Full = try stage("mplug-owl-stage2-full")
        // Rank 8 on queries and values of 32 layers.
        #expect(try stage("mplug-owl-stage2").trained == 32 * 2 * 2 * 8 * 4096)
        #expect(owl1.total == 7_123_068_928)
        #expect(owl1.trained == 303_179_776 + 81_408_000 + 65_536)
        #expect(owl1Full.trained == 6_738_415_616)
        let owl2 = try stage("mplug-owl2-stage1"), owl2Full = try stage("mplug-owl2-stage2")
        #expect(owl2Full.trained == 8_197_859_328 && owl2Full.total == 8_197_859_328)
        // At 224 pixels the position table has 768 rows fewer.
        #expect(owl2.total == 8_197_859_328 - 768 * 1024)
        #expect(owl2.trained == 303_966_208 - 768 * 1024 + 81_408_000 + 65_536 + 1_074_003_968)
    }

    @Test(
        "mPLUG-Owl2's stages train what they say, start the new branch from the old, and change the image size between"
    )
    func owl2() throws {
        try RecipeRunnerTests().withFolder { folder in
            var said: [String] = []
            let first = try RecipeRunner.run(
                try recipe("mplug-owl2-stage1-tiny", folder), .init(output: folder + "/one", say: { said.append($0) }))
            #expect(said.contains { $0.contains("starts as a copy") })
            #expect(first.reports.map(\.stage) == ["warm-start", "language", "stage1"])
            let stage1 = changed(first.reports[2])
            #expect(stage1["model.vision_model"] == true && stage1["model.visual_abstractor"] == true)
            #expect(stage1["model.layers"] == true, "the branch for images")
            #expect(
                stage1["lm_head"] == false && stage1["model.embed_tokens"] == false && stage1["model.norm"] == false)
            let key = "model.layers.0.self_attn.k_proj.multiway"
            let text = try #require(first.store["\(key).0.weight"]),
                images = try #require(first.store["\(key).1.weight"])
            let distance = (text.tensor - images.tensor).abs().max().item()
            #expect(distance > 0 && distance < 0.5, "three steps from a copy")

            let model = "initialize.checkpoint=\(folder)/one/model"
            let second = try RecipeRunner.run(
                try recipe("mplug-owl2-stage2-tiny", folder, imageSize: 48, [model]), .init(output: folder + "/two"))
            #expect(try nonempty(changed(second.reports[0])).values.allSatisfy { $0 })
            let rates = try #require(
                second.reports[0].audit?.parts.first { $0.name == "model.vision_model" }?.learningRates)
            #expect(rates[0] < rates[1] * 0.8)
            let position = try #require(second.store["model.vision_model.embeddings.position_embedding"])
            #expect(position.shape == [1, 37, 24])
            let written = try ModelFolder(path: second.folder.model)
            let configuration = Data(try written.bytes(of: ModelFolder.FileName.config))
            #expect(ModelRegistry.artefacts(ofConfiguration: configuration).chatTemplate == "mplug-owl2")
            let (_, _, store, weights) = try ModelRegistry.open(written)
            try store.load(weights)

            let result = try ResumeCheck.run(
                try recipe("mplug-owl2-stage2-tiny", folder, imageSize: 48, [model]), say: { _ in })
            #expect(result.interruptions == 1)
        }
    }

    @Test("mPLUG-Owl's second stage mixes text and images in every update, and its language model alone moves")
    func owl() throws {
        try RecipeRunnerTests().withFolder { folder in
            let first = try RecipeRunner.run(
                try recipe("mplug-owl-stage1-tiny", folder), .init(output: folder + "/one"))
            #expect(
                changed(first.reports[2]) == [
                    "vision_model": true, "query_tokens": true, "abstractor": true, "language_model": false,
                ])
            // The scenes have no dictionary: two conversations of text, one of them with an empty answer.
            let record = ConversationRecords.text("yes")
            let lines = try ConversationRecords.images(folder) + [record, record, ConversationRecords.text("")]
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: folder + "/data.jsonl"))
            var said: [String] = []
            let second = try RecipeRunner.run(
                try recipe(
                    "mplug-owl-stage2-full-tiny", folder,
                    [
                        "initialize.checkpoint=\(folder)/one/model", "data.instructions.files=[\(folder)/data.jsonl]",
                        "data.corpus=null",
                    ]),
                .init(output: folder + "/two", say: { said.append($0) }))
            #expect(
                changed(second.reports[0]) == [
                    "vision_model": false, "query_tokens": false, "abstractor": false, "language_model": true,
                ])
            #expect(said.contains { $0.contains("without a supervised token (counted in every pass)") }, "\(said)")
        }
    }

    @Test(
        "LoRA trains its terms alone, repeats to the bit, and leaves an adapter that changes the model's answers when merged"
    )
    func lora() throws {
        try RecipeRunnerTests().withFolder { folder in
            let first = try RecipeRunner.run(
                try recipe("mplug-owl-stage1-tiny", folder), .init(output: folder + "/one"))
            let settings = ["initialize.checkpoint=\(folder)/one/model", "data.instructions.textShare=null"]
            let second = try RecipeRunner.run(
                try recipe("mplug-owl-stage2-tiny", folder, settings), .init(output: folder + "/two"))
            for parameter in try nonempty(first.store.parameters) {
                #expect(parameter.tensor.bytes() == second.store[parameter.name]?.tensor.bytes(), "\(parameter.name)")
            }
            #expect(second.store.adapterParameters.count == 2 * 2 * 2)
            let written = try ModelFolder(path: second.folder.model).stateDict()
            #expect(Set(written.names) == Set(first.store.parameters.map(\.name)))
            let adapter = try AdapterFolder(path: second.folder.adapter)
            try adapter.check(second.store)
            #expect(adapter.warning(on: written, named: "written") == nil)
            let other = StateDict(written.pairs.map { ($0.0, $0.0.hasPrefix("abstractor.") ? $0.1 + 1 : $0.1) })
            #expect(adapter.warning(on: other, named: "other")?.contains("than other: abstractor") == true)
            let name = "language_model.model.layers.1.self_attn.v_proj.weight"
            let base = try #require(written[name])
            #expect((adapter.merged(name, base) - base).abs().max().item() > 0)
            let result = try ResumeCheck.run(try recipe("mplug-owl-stage2-tiny", folder, settings), say: { _ in })
            #expect(result.interruptions == 1)
            let wrong = try recipe("mplug-owl-stage2-tiny", folder, settings + ["lora.targets=[q_proj, w_proj]"])
            let error = #expect(throws: ConfigError.self) {
                try RecipeRunner.run(wrong, .init(output: folder + "/three"))
            }
            #expect(error?.description.contains("no linear layer ends with 'w_proj'") == true)
        }
    }

    @Test("A key of another family is refused with the family's own")
    func foreignKey() {
        let error = #expect(throws: ConfigError.self) {
            try RecipeRegistry.recipe(
                "mplug-owl2-stage1-tiny", overrides: ["model.connector={averagePool: {tokenCount: 4}}"])
        }
        #expect(error?.description.contains("a model of the family mplug-owl2 has no key connector") == true)
    }

    @Test(
        "Values that cannot work are refused",
        arguments: [
            ("data.instructions.textShare=1.5", "textShare"),
            ("data.instructions.template=vicuna", "did you mean 'vicuna-v1'"),
            ("data.corpus=null", "there is no data"),
            ("stages.0.optimizer.layerDecay={model.vision_model: 2}", "is 2.0"),
            ("model.abstractor.positionGrid=3", "grid_size is 3"),
        ])
    func refusals(setting: String, expected: String) {
        do {
            try RecipeRegistry.recipe("mplug-owl2-stage2-tiny", overrides: [setting]).validate()
            Issue.record("accepted")
        } catch { #expect("\(error)".contains(expected), "\(error)") }
    }
}

/// Lines of a file of conversations.
private enum ConversationRecords {
    static func text(_ answer: String) -> String {
        #"{"conversations": [{"from": "human", "value": "Is it?"}, {"from": "gpt", "value": "\#(answer)"}]}"#
    }

    /// Eight small images beside the file, each with a question.
    static func images(_ folder: String) throws -> [String] {
        try (0..<8).map { number in
            let name = "picture-\(number).png"
            let codec = ImageCodec()
            let pixels = (0..<16 * 16 * 3).map { UInt8(truncatingIfNeeded: $0 * (number + 1)) }
            try Data(codec.encodePNG(Image(width: 16, height: 16, pixels: pixels))).write(
                to: URL(fileURLWithPath: folder + "/" + name))
            return #"{"image": "\#(name)", "conversations": [{"from": "human", "value": "<image>\nWhich?"}, "#
                + #"{"from": "gpt", "value": "number \#(number)"}]}"#
        }
    }
}
