import NN
import Processors
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

/// One whole training step of a tiny MM1 against PyTorch: every stage, the loss, every gradient.
///
/// The fixture comes from `scripts/reference/mm1_step.py`, which has the examples and the model of ``PackedExamples``.
struct MM1StepParityTests {
    private let fixture: ParityFixture
    private let batch: Collator.Collated

    init() throws {
        fixture = try ParityFixture("mm1-step")
        batch = try PackedExamples.batch(pixelValues: try fixture("pixels"))
    }

    /// The reference's tensors of one kind by our names.
    private func own(_ published: StateDict, _ config: MM1.Config) throws -> [(part: String, tensors: StateDict)] {
        let vision = try VisionTransformer.stateDict(
            fromPublished: published.under("vision_encoder"), for: config.visionEncoder)
        let language = LLaMADecoder.stateDict(
            fromPublished: published.under("language_model"), for: config.languageModel)
        return [
            ("vision_encoder", vision.prefixed(with: "vision_encoder")),
            ("connector", published.under("connector").prefixed(with: "connector")),
            ("language_model", language.prefixed(with: "language_model")),
        ]
    }

    private func model(_ layout: RotaryEmbedding.Layout) throws -> (MM1, ParameterStore) {
        var config = PackedExamples.config
        config.languageModel.ropeLayout = layout
        let store = ParameterStore()
        let model = MM1(config, at: store.root)
        for (part, tensors) in try own(fixture.weights, config) { try store.load(tensors, under: part) }
        return (model, store)
    }

    @Test func `Tokens, positions, labels and segments of the packed rows are the reference's`() throws {
        func values(_ name: String) throws -> [Int64] { try fixture(name).array(of: Int64.self) }
        #expect(batch.input.tokenIDs.array(of: Int64.self) == (try values("tokens")))
        #expect(batch.input.positionIDs.array(of: Int64.self) == (try values("positions")))
        #expect(batch.labels.array(of: Int64.self) == (try values("labels")))
        var segments = [Int64](repeating: -1, count: 58)
        var number = [Int64](repeating: 0, count: 2)
        for segment in batch.input.layout.segments {
            for column in 0..<segment.length {
                segments[segment.row * 29 + segment.start + column] = number[segment.row]
            }
            number[segment.row] += 1
        }
        #expect(segments == (try values("segments")))
    }

    @Test(arguments: [RotaryEmbedding.Layout.interleaved, .halfSplit])
    func `Every stage equals PyTorch's`(layout: RotaryEmbedding.Layout) throws {
        let (model, _) = try model(layout)
        let filled = try fixture("segments").reshape([-1]).notEqual(to: -1).nonzero().reshape([-1])
        try inferenceMode {
            let features = model.visionEncoder.patchFeatures(try fixture("pixels"))
            try fixture.expect(features, equals: "features")
            let visual = model.connector(features)
            try fixture.expect(visual, equals: "visual_tokens")
            let spliced = model.embed(batch.input)
            try fixture.expect(spliced, equals: "spliced")
            let hidden = model.hiddenStates(
                embeddings: spliced, positionIDs: batch.input.positionIDs, layout: batch.input.layout,
                mediaPositions: batch.input.mediaPositions, cache: nil)
            try fixture.expect(hidden, equals: "hidden", rows: filled)
            try fixture.expect(model.logits(hiddenStates: hidden), equals: "logits", rows: filled)
        }
    }

    @Test(arguments: [RotaryEmbedding.Layout.interleaved, .halfSplit])
    func `The loss and every parameter's gradient equal PyTorch's`(layout: RotaryEmbedding.Layout) throws {
        let (model, store) = try model(layout)
        let loss = model.nextTokenLoss(batch.input, labels: batch.labels, zLossScale: 0.01)
        #expect(loss.count == batch.supervisedTokenCount)
        for name in ["cross_entropy", "z_loss"] {
            let part = try #require(loss.parts[name])
            try fixture.expect((part * (1 / Double(loss.count))).reshape([1]), equals: name)
        }
        (loss.total * (1 / Double(loss.count))).backward()
        let reference = try own(fixture.gradients, model.config)
        let largest = reference.map { ParityFixture.largest($0.tensors) }.max()
        for (part, gradients) in try nonempty(reference) {
            fixture.expectGradients(store, gradients, under: part, largest: largest)
        }
    }
}
