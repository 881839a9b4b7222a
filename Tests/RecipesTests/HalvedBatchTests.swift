import DataPipeline
import NN
import Processors
import Recipes
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch
import Training

/// What the trainer does when a micro-batch does not fit into memory.
struct HalvedBatchTests {
    /// The summed loss of some micro-batches, and the gradients they accumulate.
    private func step(_ batches: [Batch]) -> (loss: Double, gradients: [(name: String, value: Tensor)]) {
        let store = ParameterStore()
        let model = MM1(PackedExamples.config, at: store.root)
        store.initialize(seed: 62)
        var loss = 0.0
        for batch in batches {
            let part = model.nextTokenLoss(batch.input, labels: batch.labels).total
            part.backward()
            loss += part.item()
        }
        return (loss, store.parameters.compactMap { parameter in parameter.tensor.grad.map { (parameter.name, $0) } })
    }

    @Test("The halves of a batch have its loss and gradients, each with its own images, to 1e-5 and 1e-4")
    func halves() throws {
        let pixels = Tensor.randn([6, 3, 15, 15], generator: Generator(seed: 61))
        let batch = Batch(
            collated: try PackedExamples.batch(pixelValues: pixels), rowSources: ["a", "b"],
            itemIDs: ["1", "2", "3", "4", "5"], imageCount: 6)
        let (first, second) = try #require(batch.halves())
        #expect([first.imageCount, second.imageCount] == [3, 3])
        #expect(first.rowSources == ["a"] && second.rowSources == ["b"])
        #expect(!first.itemIDs.isEmpty && first.itemIDs + second.itemIDs == ["1", "2", "3", "4", "5"])
        for count in [\Batch.supervisedTokenCount, \.filledTokenCount, \.textTokenCount] {
            #expect(first[keyPath: count] + second[keyPath: count] == batch[keyPath: count])
        }
        #expect(first.halves() == nil)
        let whole = step([batch]), parts = step([first, second])
        #expect(abs(parts.loss - whole.loss) < 1e-5 * whole.loss)
        #expect(parts.gradients.map(\.name) == whole.gradients.map(\.name))
        let largest = whole.gradients.map { $0.value.abs().max().item() }.max() ?? 0
        for (part, reference) in try pairs(parts.gradients, whole.gradients) where !part.name.hasSuffix("k_proj.bias") {
            let scale = max(reference.value.abs().max().item(), 1e-4 * largest)
            #expect((part.value - reference.value).abs().max().item() < 1e-4 * scale, "\(part.name)")
        }
    }

    /// The step that a trainer makes with a loss that has a term over all filled positions.
    private func auxiliaryStep(
        _ batch: Batch, halvings: Int = 0, recomputation: Recomputation = .none
    ) throws -> (loss: Double, norm: Double, parts: [String: Double]) {
        final class Steps: TrainingObserver {
            var steps: [StepReport] = []
            func onStep(_ report: StepReport) throws { steps.append(report) }
        }
        let store = ParameterStore()
        let model = MM1(PackedExamples.config, at: store.root)
        store.initialize(seed: 62)
        let objective = Objective<Batch>(
            name: "toy", weight: { Double($0.supervisedTokenCount) },
            auxiliaryWeights: { ["spread": Double($0.filledTokenCount)] }
        ) { batch in
            let loss = ForwardContext(recomputation: recomputation).run {
                model.nextTokenLoss(batch.input, labels: batch.labels)
            }
            let layout = batch.input.layout
            let filled = layout.segments.flatMap { segment in
                (0..<segment.length).map { Int64(segment.row * layout.columns + segment.start + $0) }
            }
            let embedded = model.embed(batch.input)
            let rows = embedded.reshape([-1, embedded.size(-1)]).indexSelect(dim: 0, Tensor(filled))
            return StepLoss(
                total: loss.total, parts: loss.parts,
                auxiliary: [
                    AuxiliaryLoss(
                        name: "spread", sum: rows.logsumexp(dim: -1).square().sum() * 0.1, weight: Double(filled.count))
                ], tokenCount: batch.filledTokenCount, imageCount: batch.imageCount)
        }
        let weights = MasterWeights(store, computeDType: .float32)
        let optimizers = try OptimizerSet(OptimizerConfig(peakLearningRate: 0), weights, nonEmbeddingParameterCount: 1)
        var state = TrainerState(stageIndex: 0, stage: "toy", step: 0)
        state.halvings = halvings
        let source = TrainingSource<Batch>(next: { batch }, position: { "" }, restore: { _ in })
        let watcher = Steps()
        // A rate of zero changes nothing, which the trainer's audit reports after the step.
        _ = try? Trainer(
            .init(stage: "toy", limit: RunLimit(steps: 1)), objective, on: TrainingData(source), optimizers,
            TrainingHooks(observers: [watcher])
        ).run(resuming: state)
        let step = try #require(watcher.steps.first)
        return (step.loss, step.gradientNorm, step.parts)
    }

    @Test(
        "A term of the loss over all positions is the same packed, padded, halved and with recomputed layers, to 1e-5")
    func auxiliaryTerm() throws {
        let pixels = Tensor.randn([6, 3, 15, 15], generator: Generator(seed: 61))
        func batch(_ collated: Collator.Collated, rows: Int) -> Batch {
            Batch(
                collated: collated, rowSources: Array(repeating: "a", count: rows), itemIDs: ["1", "2", "3", "4", "5"],
                imageCount: 6)
        }
        let packed = batch(try PackedExamples.batch(pixelValues: pixels), rows: 2)
        let padded = batch(
            try PackedExamples.collator.padded(PackedExamples.rows.flatMap { $0 }, pixelValues: pixels), rows: 5)
        let whole = try auxiliaryStep(packed)
        #expect(whole.parts.keys.sorted() == ["cross_entropy", "spread"])
        #expect(abs(whole.parts.values.reduce(0, +) - whole.loss) < 1e-9)
        let others = [
            try auxiliaryStep(packed, halvings: 1), try auxiliaryStep(packed, recomputation: .layers),
            try auxiliaryStep(padded), try auxiliaryStep(padded, halvings: 2, recomputation: .layers),
        ]
        for other in others {
            #expect(abs(other.loss - whole.loss) < 1e-5 * whole.loss)
            #expect(abs(other.norm - whole.norm) < 1e-4 * whole.norm)
            let (part, expected) = (try #require(other.parts["spread"]), try #require(whole.parts["spread"]))
            #expect(expected > 0 && abs(part - expected) < 1e-5 * expected)
        }
    }
}
