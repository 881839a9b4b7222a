import Checkpoints
import Codecs
import Foundation
import Generation
import Media
import NN
import Processors
import Recipes
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Torch
import Training

@Suite("A family from outside the library", .serialized)
struct ToyFamilyTests {
    init() throws { try #require(ToyModel.isRegistered && SoundPreparer.isRegistered) }

    /// The `model:` block of a recipe.
    private static let block = """
        {family: toy, imageSize: 16, tokenCount: 2, languageModel: {vocabularySize: 400, hiddenSize: 16, intermediateSize: 24, \
        layerCount: 1, headCount: 2, keyValueHeadCount: 2, headSize: 8, contextLength: 128, normEpsilon: 1e-5, \
        ropeTheta: 1e4, ropeScalingFactor: null, ropeBands: null, ropeLayout: half_split, tiesEmbeddings: true, \
        biases: null}, imagePlaceholder: 4}
        """

    private func recipe(_ folder: String, _ settings: [String] = []) throws -> Recipe {
        let small = [
            "stages.0.steps=2", "stages.1.steps=2", "data.resize=squash", "stages.0.freeze=[sound_projection]",
            "stages.1.freeze=[sound_projection]",
        ]
        return try RecipeRunnerTests().recipe(folder, small + ["model=\(Self.block)"] + settings)
    }

    @Test("A recipe names it, two steps train it, its folder loads, and it answers in its own template")
    func wholeWay() async throws {
        let folder = NSTemporaryDirectory() + "toy-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let image = folder + "/image.png"
        let outcome = try RecipeRunnerTests().withFolder { corpus in
            let outcome = try RecipeRunner.run(
                try recipe(
                    corpus,
                    [
                        "data.instructions={files: [], pictures: null, template: toy-questions, textShare: null, heldOutShare: 0.1}"
                    ]), .init(output: folder))
            let png = try ImageCodec().encodePNG(
                Image(width: 9, height: 7, filledWith: .init(red: 9, green: 0, blue: 0)))
            try Data(png).write(to: URL(fileURLWithPath: image))
            return outcome
        }
        #expect(outcome.model is ToyModel)
        #expect(outcome.reports.map(\.audit?.parts.count) == [3, 3])

        let written = try ModelFolder(path: outcome.folder.model)
        let (model, _, store, weights) = try ModelRegistry.open(written)
        #expect(model is ToyModel)
        try store.load(weights)
        #expect(store.stateDict().names == outcome.store.stateDict().names)

        let loaded = try Syrinx.load(outcome.folder.model)
        #expect(loaded.chatTemplate == .toy)
        let answer = try await loaded.answer(
            to: [try .image(at: image), "What is it?"], options: AnswerOptions(GenerationConfig(maxNewTokens: 3)))
        #expect(answer.usage.imageTokenCount == 2)
    }

    @Test(
        "A medium from outside has a mark, as many tokens as each item needs, and gradients; models without it refuse it"
    )
    func sound() async throws {
        let store = ParameterStore()
        let config = ToyModel.Config(
            imageSize: 16, tokenCount: 2,
            languageModel: LLaMADecoder.Config(
                vocabularySize: 400, hiddenSize: 16, intermediateSize: 24, layerCount: 1, headCount: 2,
                contextLength: 128, ropeLayout: .halfSplit, tiesEmbeddings: true), imagePlaceholder: 4)
        let toy = ToyModel(config, at: store.root)
        store.initialize(seed: 3)
        let folder = try TinyFolder()
        let deaf = try Syrinx.load(folder.path)
        let model = try SyrinxModel(
            toy, description: config.description, tokenizer: deaf.tokenizer,
            imageProcessor: ImageProcessor(imageSize: 16),
            name: "toy")
        let short = SoundReference(name: "short", samples: [1, 2, 3, 4, 5, 6, 7, 8])
        let long = SoundReference(name: "long", samples: (0..<20).map { Float($0) / 20 })
        let image = ImageReference(.image(Image(width: 9, height: 7)), name: "image")
        let text = MarkedText("<sound>or<image>or<|sound|>?")
        let parts = [short, image, long] as [any MediaReference]
        let prompt = try Prompt(text, media: parts.map(Prompt.Part.media), keepsSpaces: false)
        let prepared = try model.prepare(prompt, target: "yes")
        #expect(prepared.input.media.map(\.modality) == [.sound, .image, .sound])
        #expect(prepared.input.media.map(\.tokenCounts) == [[2], [2], [5]])
        #expect(prepared.mediaTokenCounts == [.sound: 7, .image: 2])
        #expect(prepared.accounts.map(\.name) == ["short", "image", "long"])
        let answer = try await model.answer(
            to: [prompt.message], options: AnswerOptions(GenerationConfig(maxNewTokens: 2)))
        #expect(answer.usage.otherTokenCounts == ["sound": 7] && answer.usage.imageTokenCount == 2)
        let stages = try model.activations(of: prepared).tensors.map(\.name)
        #expect(stages.prefix(4) == ["sound_values", "pixel_values", "sound_values.1", "connector_output"])

        // Two steps: what is heard is learnt from.
        var losses: [Double] = []
        for _ in 0..<3 {
            let loss = toy.nextTokenLoss(prepared.input, labels: prepared.labels).total
            losses.append(loss.item())
            loss.backward()
            let heard = try #require(store["sound_projection.weight"]?.tensor.grad)
            #expect(heard.abs().max().item() > 0)
            withoutGrad {
                for parameter in store.parameters {
                    guard let gradient = parameter.tensor.grad else { continue }
                    parameter.tensor.add_(gradient * -0.05)
                    parameter.tensor.setGrad(nil)
                }
            }
        }
        #expect(losses[1] < losses[0] && losses[2] < losses[1])

        let error = #expect(throws: SyrinxError.self) { try deaf.prepare([.media(short), "?"]) }
        #expect(error?.description == "short: the model reads images alone, no sounds")
    }

    @Test("Its block survives YAML, and what is wrong in it is refused with its own keys")
    func block() throws {
        try RecipeRunnerTests().withFolder { folder in
            let recipe = try recipe(folder)
            let text = try StrictYAML.encode(recipe)
            #expect(text.contains("model:\n  family: toy\n  imageSize: 16\n  tokenCount: 2\n"))
            #expect(try StrictYAML.decode(Recipe.self, from: text, file: "toy.yaml") == recipe)
            func message(_ settings: [String]) -> String {
                do {
                    try self.recipe(folder, settings).validate()
                    return "no error"
                } catch { return "\(error)" }
            }
            #expect(message(["model.tokenCont=3"]).contains("unknown key 'tokenCont'; did you mean 'tokenCount'?"))
            #expect(
                message(["model.connector={averagePool: {tokenCount: 4}}"]).contains(
                    "a model of the family toy has no key connector; its keys are family, imageSize, tokenCount, languageModel, "
                        + "imagePlaceholder"))
            #expect(message(["model.tokenCount=65"]).contains("token_count is 65; it must be from 1 to 64"))
            #expect(message(["model.family=tow"]).contains("did you mean 'toy'?"))
            #expect(
                message(["initialize.vision=clip"]).contains(
                    "models of the family toy do not start from a published part"))
            #expect(
                message(["stages.0.copiesTextBranch=true"]).contains("the model's decoder has no branch for images"))
        }
    }

    @Test("A name that is taken is refused: a family's, a model_type, a size's, a template's, a recipe's")
    func taken() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "no error"
            } catch { return "\(error)" }
        }
        func register(_ name: String, sizes: [ModelFamily.NamedSize] = [], template: String? = nil) -> String {
            message {
                try ModelRegistry.register(
                    ModelFamily(
                        name: name, configuration: ToyModel.Config.self, sizes: sizes,
                        chatTemplates: template.map { [ChatTemplate($0, layout: DocumentLayout())] } ?? [],
                        keys: PublishedKeys()))
            }
        }
        let size = try #require(ModelRegistry.namedSizes.first)
        #expect(register("toy").contains("a family named toy with the model_type toy is already registered"))
        #expect(register("toy2", sizes: [size]).contains("a size named \(size.name) is already registered"))
        #expect(register("toy2", template: "document").contains("a chat template named document is already registered"))
        #expect(ModelRegistry.family(named: "toy2") == nil)
        let recipe = try #require(RecipeRegistry.recipes.first)
        #expect(message { try RecipeRegistry.register(FamilyRecipes([recipe])) }.contains("is already registered"))
    }
}
