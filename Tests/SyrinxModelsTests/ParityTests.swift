import Checkpoints
import NN
import SyrinxModels
import Testing
import TinyModels
import Torch

/// The parts of MM1 against the Python reference implementations, on tiny random weights of unusual sizes.
///
/// The fixtures come from `scripts/reference/mm1_parts.py`.
struct ParityTests {
    @Test func `The CLIP encoder equals transformers' in features, embeddings and every gradient`() throws {
        let fixture = try ParityFixture("clip")
        let config = VisionTransformer.Config(
            imageSize: 20, stem: .patch(size: 4), hiddenSize: 24, intermediateSize: 44, layerCount: 3, headCount: 3,
            projectionSize: 10)
        let store = ParameterStore()
        let encoder = VisionTransformer(config, at: store.root)
        try store.load(VisionTransformer.stateDict(fromPublished: fixture.weights, for: config))
        let pixels = try fixture("pixels")
        try fixture.expect(encoder.hiddenStates(pixels), equals: "hidden")
        let embeddings = encoder.imageEmbeddings(pixels)
        try fixture.expect(embeddings, equals: "embeddings")
        (embeddings * (try fixture("output_weights"))).sum().backward()
        fixture.expectGradients(store, try VisionTransformer.stateDict(fromPublished: fixture.gradients, for: config))
    }

    @Test(arguments: [Activation.quickGELU, .gelu])
    func `The CLIP encoder equals open_clip's in features, embeddings and every gradient`(
        activation: Activation
    ) throws {
        let fixture = try ParityFixture("open-clip")
        var config = VisionTransformer.Config(
            imageSize: 20, stem: .patch(size: 4), hiddenSize: 18, intermediateSize: 26, layerCount: 2, headCount: 3,
            activation: activation, projectionSize: 10)
        func encoder() throws -> (VisionTransformer, ParameterStore) {
            let store = ParameterStore()
            let encoder = VisionTransformer(config, at: store.root)
            try store.load(VisionTransformer.stateDict(fromPublished: fixture.weights, for: config))
            return (encoder, store)
        }
        let (plain, store) = try encoder()
        let (kind, pixels) = (activation.rawValue, try fixture("pixels"))
        try fixture.expect(plain.hiddenStates(pixels), equals: "\(kind).hidden")
        let embeddings = plain.imageEmbeddings(pixels)
        try fixture.expect(embeddings, equals: "\(kind).embeddings")
        (embeddings * (try fixture("output_weights"))).sum().backward()
        let gradients = fixture.all.under("\(kind).gradient")
        fixture.expectGradients(store, try VisionTransformer.stateDict(fromPublished: gradients, for: config))
        // What open_clip calls tokens is normalised; the other feature layer.
        config.featureLayer = .postNorm
        let tokens = try fixture("\(kind).tokens").narrow(dim: 1, start: 1, length: 25)
        #expect(ParityFixture.error(try encoder().0.patchFeatures(pixels), tokens) < ParityFixture.outputBound)
    }

    @Test func `The C-Abstractor equals timm's stages around a pooling, in tokens and every gradient`() throws {
        let fixture = try ParityFixture("abstractor")
        let store = ParameterStore()
        let connector = CAbstractor(
            tokenCount: 9, inputGrid: 5, visionWidth: 12, innerWidth: 20, hiddenSize: 14, depth: 2, readoutDepth: 2,
            at: store.root)
        try store.load(fixture.weights)
        func channelsFirst(_ x: Tensor) -> Tensor { x.permute([0, 3, 1, 2]) }
        let first = connector.firstStage(try fixture("features"))
        try fixture.expect(channelsFirst(first), equals: "stage1")
        try fixture.expect(channelsFirst(connector.pool(first)), equals: "pooled")
        try fixture.expect(channelsFirst(connector.secondStage(connector.pool(first))), equals: "stage2")
        let output = connector(try fixture("features"))
        try fixture.expect(output, equals: "output")
        (output * (try fixture("output_weights"))).sum().backward()
        fixture.expectGradients(store, fixture.gradients)
    }

    @Test(arguments: [RotaryEmbedding.Layout.halfSplit, .interleaved])
    func `The decoder equals transformers' Llama in logits, and its loss`(layout: RotaryEmbedding.Layout) throws {
        let (fixture, store, decoder) = try llama(layout)
        let tokens = try fixture("tokens")
        let logits = decoder.logits(
            hiddenStates: decoder.hiddenStates(
                embeddings: decoder.embed(tokens), positionIDs: Tensor.arange(11).unsqueeze(0).expand([2, 11]),
                layout: nil, cache: nil))
        try fixture.expect(logits, equals: "logits")
        let loss = crossEntropy(
            logits.narrow(dim: 1, start: 0, length: 10).reshape([20, 37]),
            tokens.narrow(dim: 1, start: 1, length: 10).reshape([20]))
        try fixture.expect(loss.reshape([1]), equals: "loss")
        loss.backward()
        // Reordering the rows of a projection reorders its gradient's in the same way.
        fixture.expectGradients(store, LLaMADecoder.stateDict(fromPublished: fixture.gradients, for: decoder.config))
    }

    private func llama(_ layout: RotaryEmbedding.Layout) throws -> (ParityFixture, ParameterStore, LLaMADecoder) {
        let fixture = try ParityFixture("llama")
        let config = LLaMADecoder.Config(
            vocabularySize: 37, hiddenSize: 24, intermediateSize: 40, layerCount: 3, headCount: 6,
            keyValueHeadCount: 2, headSize: 4, contextLength: 64, ropeTheta: 500, ropeLayout: layout,
            tiesEmbeddings: false)
        let store = ParameterStore()
        let decoder = LLaMADecoder(config, at: store.root)
        try store.load(LLaMADecoder.stateDict(fromPublished: fixture.weights, for: config))
        return (fixture, store, decoder)
    }
}
