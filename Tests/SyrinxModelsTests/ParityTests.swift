import Checkpoints
import Foundation
import NN
import SyrinxModels
import Testing
import Torch

/// The parts of MM1 against the Python reference implementations, on tiny random weights of unusual sizes.
///
/// The fixtures come from `scripts/reference/mm1_parts.py`: outputs and gradients computed in float64. The error is
/// max|a - b| over max(max|b|, 1e-4 times the largest value of the step). Bounds are 1e-5 for outputs and 1e-4 for
/// gradients, float32's rounding over a few layers; a missing bias, a swapped head or GELU for QuickGELU is off by 1e-2.
struct ParityTests {
    /// A fixture's tensors by name.
    private struct Fixture {
        let all: StateDict
        var weights: StateDict { all.under("weight") }
        var gradients: StateDict { all.under("gradient") }

        init(_ name: String) throws {
            let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("Fixtures/\(name).safetensors").path
            let file = try SafetensorsFile(path: path)
            all = StateDict(try file.names.map { ($0, try file.tensor($0)) })
        }

        func callAsFunction(_ name: String) throws -> Tensor { try #require(all[name]) }
    }

    private func error(_ a: Tensor, _ b: Tensor, largest: Double? = nil) -> Double {
        let scale = max(b.abs().max().item(), 1e-4 * (largest ?? b.abs().max().item()))
        return (a.detach().to(.float64) - b.to(.float64)).abs().max().item() / scale
    }

    /// Every gradient of the reference against ours, by our names.
    private func expectGradients(_ store: ParameterStore, _ reference: StateDict) {
        let largest = reference.pairs.map { $0.1.abs().max().item() }.max() ?? 0
        for (name, expected) in reference.pairs {
            guard let gradient = store[name]?.tensor.grad else {
                Issue.record("no gradient for \(name)")
                continue
            }
            if name.hasSuffix("k_proj.bias") {
                // Softmax ignores what all keys share: in exact arithmetic this gradient is zero, and only noise is left.
                #expect(gradient.abs().max().item() < 1e-6 * largest, "\(name)")
                continue
            }
            let worst = error(gradient, expected, largest: largest)
            #expect(worst < 1e-4, "\(name): \(worst)")
        }
    }

    @Test func `The CLIP encoder equals transformers' in features, embeddings and every gradient`() throws {
        let fixture = try Fixture("clip")
        let config = VisionTransformer.Config(
            imageSize: 20, stem: .patch(size: 4), hiddenSize: 24, intermediateSize: 44, layerCount: 3, headCount: 3,
            projectionSize: 10)
        let store = ParameterStore()
        let encoder = VisionTransformer(config, at: store.root)
        try store.load(VisionTransformer.stateDict(fromPublished: fixture.weights, for: config))
        let pixels = try fixture("pixels")
        #expect(error(encoder.hiddenStates(pixels), try fixture("hidden")) < 1e-5)
        let embeddings = encoder.imageEmbeddings(pixels)
        #expect(error(embeddings, try fixture("embeddings")) < 1e-5)
        (embeddings * (try fixture("output_weights"))).sum().backward()
        expectGradients(store, try VisionTransformer.stateDict(fromPublished: fixture.gradients, for: config))
    }

    @Test func `The C-Abstractor equals timm's stages around a pooling, in tokens and every gradient`() throws {
        let fixture = try Fixture("abstractor")
        let store = ParameterStore()
        let connector = CAbstractor(
            tokenCount: 9, inputGrid: 5, visionWidth: 12, innerWidth: 20, hiddenSize: 14, depth: 2, readoutDepth: 2,
            at: store.root)
        try store.load(fixture.weights)
        let output = connector(try fixture("features"))
        #expect(error(output, try fixture("output")) < 1e-5)
        (output * (try fixture("output_weights"))).sum().backward()
        expectGradients(store, fixture.gradients)
    }

    @Test(arguments: [RotaryEmbedding.Layout.halfSplit, .interleaved])
    func `The decoder equals transformers' Llama in logits, and its loss`(layout: RotaryEmbedding.Layout) throws {
        let (fixture, store, decoder) = try llama(layout)
        let tokens = try fixture("tokens")
        let logits = decoder.logits(
            hiddenStates: decoder.hiddenStates(
                embeddings: decoder.embed(tokens), positionIDs: Tensor.arange(11).unsqueeze(0).expand([2, 11]),
                layout: nil, cache: nil))
        #expect(error(logits, try fixture("logits")) < 1e-5)
        let loss = crossEntropy(
            logits.narrow(dim: 1, start: 0, length: 10).reshape([20, 37]),
            tokens.narrow(dim: 1, start: 1, length: 10).reshape([20]))
        #expect(error(loss.reshape([1]), try fixture("loss")) < 1e-5)
        loss.backward()
        // Reordering the rows of a projection reorders its gradient's in the same way.
        expectGradients(store, LLaMADecoder.stateDict(fromPublished: fixture.gradients, for: decoder.config))
    }

    private func llama(_ layout: RotaryEmbedding.Layout) throws -> (Fixture, ParameterStore, LLaMADecoder) {
        let fixture = try Fixture("llama")
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
