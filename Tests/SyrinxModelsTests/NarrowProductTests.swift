import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Whole models in bfloat16 on processors without instructions for it: libtorch would multiply in a scalar loop there.
struct NarrowProductTests {
    private static let withoutInstructions = KernelClass.available.filter { !$0.multipliesBFloat16 }

    @Test(arguments: withoutInstructions)
    func `A training step and an answer of MM1 in bfloat16 make every product in float32`(kernels: KernelClass) throws {
        let store = ParameterStore()
        let model = MM1(PackedExamples.config, at: store.root)
        store.initialize(seed: 71, dtype: .bfloat16)
        let pixels = Tensor.randn([6, 3, 15, 15], generator: Generator(seed: 72)).to(.bfloat16)
        let batch = try PackedExamples.batch(pixelValues: pixels)
        let products = try kernels.limiting {
            try TorchRuntime.narrowProducts {
                let loss = model.nextTokenLoss(batch.input, labels: batch.labels).total
                loss.backward()
                #expect(loss.item().isFinite)
                try withoutGrad {
                    let example = try PackedExamples.collator.padded(
                        [PackedExamples.rows[0][0]], pixelValues: pixels.narrow(dim: 0, start: 0, length: 2))
                    let cache = model.makeCache(batch: 1, capacity: 64)
                    _ = model.logits(
                        embeddings: model.embed(example.input), positionIDs: example.input.positionIDs, cache: cache)
                }
            }
        }
        #expect(products == [])
    }
}
