import DataPipeline
import NN
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
}
