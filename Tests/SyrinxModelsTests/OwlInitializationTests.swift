import NN
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Published CLIPs and LLaMAs as the beginning of an mPLUG-Owl or mPLUG-Owl2.
struct OwlInitializationTests {
    private var encoder: OwlVisionTransformer.Config {
        var config = OwlVisionTransformer.Config(imageSize: 12)
        config.patchSize = 4
        config.hiddenSize = 12
        config.intermediateSize = 20
        config.layerCount = 2
        config.headCount = 3
        return config
    }

    /// A random CLIP encoder with norms and biases that are not what they start as.
    private func clip() -> (VisionTransformer, ParameterStore) {
        let store = ParameterStore()
        var config = encoder.clip
        config.featureLayer = .postNorm
        let model = VisionTransformer(config, at: store.root)
        store.initialize(seed: 5)
        withoutGrad {
            for (number, parameter) in store.parameters.enumerated() {
                parameter.tensor.add_(Tensor.randn(parameter.shape, generator: Generator(seed: UInt64(number))) * 0.1)
            }
        }
        return (model, store)
    }

    @Test func `A CLIP encoder computes the same features under mPLUG-Owl's names`() throws {
        let (clip, published) = clip()
        let store = ParameterStore()
        let owl = OwlVisionTransformer(encoder, at: store.root)
        try store.load(try OwlVisionTransformer.stateDict(fromCLIP: published.stateDict(), for: encoder))
        let pixels = Tensor.randn([2, 3, 12, 12], generator: Generator(seed: 9))
        let theirs = clip.patchFeatures(pixels)
        let ours = owl.features(pixels).narrow(dim: 1, start: 1, length: 9)
        #expect((theirs - ours).abs().max().item() < 1e-5)
    }

    @Test func `The position table is resized to a larger grid, the class token's row kept`() throws {
        let (_, published) = clip()
        var larger = encoder
        larger.imageSize = 20
        let store = ParameterStore()
        _ = OwlVisionTransformer(larger, at: store.root)
        try store.load(try OwlVisionTransformer.stateDict(fromCLIP: published.stateDict(), for: larger))
        let name = "embeddings.position_embedding"
        let table = try #require(store[name]).tensor
        let original = try #require(published["\(name).weight"]).tensor
        #expect(table.shape == [1, 26, 12])
        let (first, before) = (
            table.select(dim: 0, index: 0).narrow(dim: 0, start: 0, length: 1),
            original.narrow(dim: 0, start: 0, length: 1)
        )
        #expect((first - before).abs().max().item() == 0)
        // The corner stays where it is, roughly, and a table of the right size stays as it is.
        let back = OwlVisionTransformer.resizedPositions(original.unsqueeze(0), for: encoder)
        #expect((back - original.unsqueeze(0)).abs().max().item() == 0)
    }

    @Test func `A plain LLaMA as both branches gives its own scores, wherever images are`() throws {
        var config = MPLUGOwl2.Config()
        config.visionEncoder = encoder
        config.abstractor.hiddenSize = 12
        config.abstractor.headCount = 3
        config.abstractor.layerCount = 1
        config.abstractor.intermediateSize = 8
        config.abstractor.positionGrid = 3
        config.languageModel = LLaMADecoder.Config(
            vocabularySize: 50, hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 2, contextLength: 32,
            normEpsilon: 1e-6, ropeLayout: .halfSplit, tiesEmbeddings: false)
        let plain = ParameterStore()
        let llama = LLaMADecoder(config.languageModel, at: plain.root)
        plain.initialize(seed: 3)
        let ids = Tensor((0..<12).map { Int64($0 * 3) }, shape: [1, 12])
        let positions = Tensor.arange(12).unsqueeze(0)
        let expected = llama.logits(
            hiddenStates: llama.hiddenStates(
                embeddings: llama.embed(ids), positionIDs: positions, layout: nil, cache: nil))
        for isModalityAdaptive in [true, false] {
            config.isModalityAdaptive = isModalityAdaptive
            let store = ParameterStore()
            let owl = MPLUGOwl2(config, at: store.root)
            store.initialize(seed: 1)
            let weights = MPLUGOwl2.languageModel(fromLLaMA: plain.stateDict(), for: config)
            #expect(weights.names.contains { MPLUGOwl2.textBranch(of: $0) != nil } == isModalityAdaptive)
            for prefix in ["model.layers", "model.embed_tokens", "model.norm", "lm_head"] {
                let part = StateDict(weights.pairs.filter { $0.0.hasPrefix(prefix + ".") })
                try store.load(part, under: prefix)
            }
            let found = owl.logits(
                embeddings: owl.embed(tokenIDs: ids), positionIDs: positions,
                mediaPositions: Tensor([Int64(2), 3, 7]))
            #expect((found - expected).abs().max().item() < 1e-5)
            // A plain model's weights are a modality-adaptive one's to start from; what has both branches stays.
            var adaptive = config
            adaptive.isModalityAdaptive = true
            let branched = MPLUGOwl2.branched(weights, for: adaptive)
            #expect(branched.names.filter { MPLUGOwl2.textBranch(of: $0) != nil }.count == 2 * 4)
            #expect(MPLUGOwl2.branched(weights, for: config).names == weights.names)
        }
    }

    @Test func `A model without a branch for images says so in its configuration`() throws {
        var config = MPLUGOwl2.Config()
        config.isModalityAdaptive = false
        let data = try MPLUGOwl2.configuration(of: config)
        #expect(try MPLUGOwl2.config(from: data) == config)
        #expect(
            !String(decoding: try MPLUGOwl2.configuration(of: MPLUGOwl2.Config()), as: UTF8.self).contains("adaptive"))
    }
}
