import Checkpoints
import Foundation
import Generation
import NN
import Processors
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Adapters beside a loaded model: exchanged, taken away, merged.
struct AdapterTests {
    private static let owl2 = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SyrinxModelsTests/Fixtures/mplug-owl2/model").path

    /// Writes an adapter of all linear layers of mPLUG-Owl2's language model, drawn from a seed.
    private func adapter(
        seed: UInt64, rank: Int, base: StateDict? = nil, at path: String
    ) throws -> AdapterFolder {
        let folder = try ModelFolder(path: Self.owl2)
        let adaptation = LowRankAdaptation(rank: rank, alpha: 8, targets: ["model.layers.**"])
        let (_, _, store) = try ModelRegistry.declare(
            configuration: Data(try folder.bytes(of: "config.json")), adaptation: adaptation)
        store.initializeAdapters(seed: seed)
        var weights = store.stateDict(of: .adapters)
        let generator = Generator(seed: seed)
        for (name, tensor) in weights.pairs where name.contains("lora_B") {
            weights[name] = Tensor.randn(tensor.shape, generator: generator, standardDeviation: 0.1)
        }
        try AdapterFolder.write(weights, adaptation, baseModel: Self.owl2, base: base, to: path)
        return try AdapterFolder(path: path)
    }

    private func logits(_ model: SyrinxModel) throws -> Tensor {
        let activations = try model.activations(
            of: try model.prepare(Prompt("USER: What is a cat? ASSISTANT:")))
        return try #require(activations["logits"])
    }

    @Test func `Adapters are exchanged over the same weights, and without one the base answers to the last bit`() throws
    {
        let folder = try TinyFolder()
        let first = try adapter(seed: 1, rank: 2, at: folder.path + "/first")
        let second = try adapter(seed: 2, rank: 5, at: folder.path + "/second")
        #expect(
            first.adaptation.targets.count == 2 * 9 && first.adaptation.targets.allSatisfy { $0.contains("layers") })
        let base = try Syrinx.load(Self.owl2)
        let scores = try logits(base)
        let one = try base.adapted(by: first)
        let two = try one.adapted(by: second)
        #expect(one.adapter == first.path && two.adapter == second.path)
        let (oneScores, twoScores) = (try logits(one), try logits(two))
        #expect((oneScores - scores).abs().max().item() > 1e-3 && (oneScores - twoScores).abs().max().item() > 1e-3)
        #expect(try logits(try two.adapted(by: nil)).bytes() == scores.bytes())
        #expect(try logits(try two.adapted(by: first)).bytes() == oneScores.bytes())
        #expect(try logits(base).bytes() == scores.bytes())
        #expect(try logits(try Syrinx.load(Self.owl2, adapter: second.path)).bytes() == twoScores.bytes())
    }

    @Test func `A merged model gives the scores of the model with the adapter beside it`() throws {
        let folder = try TinyFolder()
        let adapter = try adapter(seed: 1, rank: 3, at: folder.path + "/adapter")
        try ModelConversion(try ModelFolder(path: Self.owl2), adapter: adapter).write(to: folder.path + "/merged")
        let unmerged = try logits(try Syrinx.load(Self.owl2, adapter: adapter.path))
        let merged = try logits(try Syrinx.load(folder.path + "/merged"))
        // float32's rounding over two layers
        #expect((merged - unmerged).abs().max().item() < 1e-5 * unmerged.abs().max().item())
    }

    @Test func `An adapter beside other weights of the same shapes is used with a warning`() throws {
        let folder = try TinyFolder()
        let base = try ModelFolder(path: Self.owl2).stateDict()
        let adapter = try adapter(seed: 1, rank: 3, base: base, at: folder.path + "/adapter")
        let conversion = try ModelConversion(try ModelFolder(path: Self.owl2), adapter: adapter)
        #expect(conversion.adapterWarning == nil)
        try conversion.write(to: folder.path + "/merged")
        let right = try Syrinx.load(Self.owl2, adapter: adapter.path, dtype: .bfloat16)
        #expect(right.adapterWarning == nil)
        let wrong = try Syrinx.load(folder.path + "/merged", adapter: adapter.path)
        #expect(wrong.adapterWarning?.contains("was trained with other weights (\(Self.owl2)) than") == true)
        #expect(try wrong.adapted(by: nil).adapterWarning == nil)
        let again = try ModelConversion(try ModelFolder(path: folder.path + "/merged"), adapter: adapter)
        #expect(
            again.adapterWarning?.contains("than \(folder.path)/merged: model.layers differs (model.") == true)
    }

    @Test
    func `An adapter beside the model from before its training is used with a warning that names what was trained`()
        throws
    {
        let folder = try TinyFolder()
        var trained = try ModelFolder(path: Self.owl2).stateDict()
        for (name, weight) in trained.pairs where name.hasPrefix("model.visual_abstractor.") {
            trained[name] = weight + 0.001
        }
        let adapter = try adapter(seed: 1, rank: 3, base: trained, at: folder.path + "/adapter")
        let expected =
            "the adapter \(adapter.path) was trained with other weights (\(Self.owl2)) than \(Self.owl2): "
            + "model.visual_abstractor differs (model.visual_abstractor."
        let model = try Syrinx.load(Self.owl2, adapter: adapter.path)
        #expect(model.adapterWarning?.hasPrefix(expected) == true, "\(model.adapterWarning ?? "")")
        let conversion = try ModelConversion(try ModelFolder(path: Self.owl2), adapter: adapter)
        #expect(conversion.adapterWarning == model.adapterWarning)
    }

    @Test func `A conversation goes on with another adapter as if it had been read with it from the start`() throws {
        let folder = try TinyFolder()
        let first = try adapter(seed: 1, rank: 2, at: folder.path + "/first")
        let second = try adapter(seed: 2, rank: 5, at: folder.path + "/second")
        let options = AnswerOptions(GenerationConfig(maxNewTokens: 8))
        let base = try Syrinx.load(Self.owl2)
        let chat = ChatSession(base, options: options)
        func ask(_ question: Prompt) throws -> Answer {
            try chat.answer(question, onText: { _ in }, isCancelled: { false })
        }
        let image = try ImageReference(path: Self.owl2 + "/../pictures/wide.jpg")
        _ = try ask([.image(image), "What is shown?"])
        for adapter in [first, second, nil] {
            try chat.use(adapter)
            #expect(chat.model.adapter == adapter?.path)
            let question = Message(role: .user, text: "Why?")
            let model = try base.adapted(by: adapter)
            let expected = try model.respond(to: try model.prepare(chat.messages + [question]), options: options)
            let answer = try ask("Why?")
            #expect(answer.text == expected.text && answer.usage.cachedTokenCount == 0)
            #expect(try ask("And why?").usage.cachedTokenCount > 0)
            chat.undo()
            chat.undo()
        }
        // What does not fit leaves everything as it was.
        try chat.use(second)
        let foreign = try AdapterFolder(path: Self.owl2 + "/../../lora/safetensors")
        #expect(throws: LoadReport.self) { try chat.use(foreign) }
        #expect(chat.model.adapter == second.path && chat.messages.count == 2)
        #expect(try ask("Why?").text.isEmpty == false)
    }

    @Test func `An adapter that does not fit is refused with the names, and parts take none`() throws {
        let folder = try TinyFolder()
        let owl = try adapter(seed: 1, rank: 2, at: folder.path + "/adapter")
        let report = #expect(throws: LoadReport.self) { try Syrinx.load(folder.path, adapter: owl.path) }
        #expect(report?.checkpoint == owl.path && report?.unexpected.count == owl.weights.count)
        let loaded = try Syrinx.load(folder.path)
        let parts = try SyrinxModel(
            loaded.model, tokenizer: loaded.tokenizer, imageProcessor: loaded.imageProcessor, name: "parts")
        #expect(throws: SyrinxError.self) { try parts.adapted(by: owl) }
    }

    @Test func `Weights that were trained beside an adapter are in use with it, and gone without it`() throws {
        let folder = try TinyFolder()
        let fixtures = Self.owl2 + "/../"
        try FileManager.default.copyItem(atPath: fixtures + "adapter", toPath: folder.path + "/adapter")
        try FileManager.default.copyItem(
            atPath: fixtures + "non_lora_trainables.bin", toPath: folder.path + "/adapter/non_lora_trainables.bin")
        let adapter = try AdapterFolder(path: folder.path + "/adapter")
        #expect(adapter.trainedBase.names.contains("model.visual_abstractor.vit_eos"))
        let base = try Syrinx.load(Self.owl2), pixels = Tensor.ones([1, 3, 20, 20])
        func tokens(_ model: SyrinxModel) -> Tensor { withoutGrad { model.model.imageTokens(pixels) } }
        let adapted = try base.adapted(by: adapter)
        #expect((tokens(adapted) - tokens(base)).abs().max().item() > 0.01 && adapted.adapterRemarks.isEmpty)
        #expect(try tokens(adapted.adapted(by: nil)).bytes() == tokens(base).bytes())
        try ModelConversion(try ModelFolder(path: Self.owl2), adapter: adapter).write(to: folder.path + "/merged")
        let merged = try Syrinx.load(folder.path + "/merged")
        #expect(tokens(merged).bytes() == tokens(adapted).bytes())
        #expect(try tokens(Syrinx.load(Self.owl2, adapter: adapter.path)).bytes() == tokens(adapted).bytes())
    }

    @Test func `An adapter that contains NaN is refused by convert as such, with its tensor`() throws {
        let folder = try TinyFolder()
        let good = try adapter(seed: 1, rank: 2, at: folder.path + "/good")
        var weights = good.weights
        let name = "model.layers.1.mlp.up_proj.lora_B.weight"
        weights[name] = Tensor.full(try #require(weights[name]).shape, value: .nan)
        try AdapterFolder.write(weights, good.adaptation, to: folder.path + "/nan")
        let conversion = try ModelConversion(
            try ModelFolder(path: Self.owl2), adapter: try AdapterFolder(path: folder.path + "/nan"))
        let error = #expect(throws: CheckpointError.self) { try conversion.write(to: folder.path + "/merged") }
        #expect("\(error!)".contains("its \(name) contains NaN") && !"\(error!)".contains("infinite"), "\(error!)")
    }
}
