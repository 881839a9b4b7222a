import NN
import SyrinxModels
import Testing
import Torch

/// mPLUG-Owl video's convolution over time.
struct TemporalModuleTests {
    private let width = 16
    private let frameCount = 5

    /// A module of random weights in bfloat16, and clips [N, F, L, C] for its middle.
    private func module() throws -> (TemporalModule, ParameterStore, Tensor) {
        let (store, generator) = (ParameterStore(), Generator(seed: 8))
        let module = TemporalModule(width, gridSize: 4, at: store.root)
        try store.load(
            StateDict(store.parameters.map { ($0.name, Tensor.randn($0.shape, generator: generator)) }),
            dtype: .bfloat16)
        return (module, store, Tensor.randn([2, frameCount, 16, width / 2], generator: generator).to(.bfloat16))
    }

    /// The same sum in float64: neighbours in time, with nothing before the first frame and after the last.
    private func exact(_ store: ParameterStore, _ clips: Tensor) throws -> Tensor {
        let weights = try #require(store["conv.weight"]).tensor.to(.float64).reshape([-1, 3])
        let bias = try #require(store["conv.bias"]).tensor.to(.float64)
        let frames = clips.to(.float64)
        let mixed = (0..<frameCount).map { frame in
            (0..<3).filter { (0..<frameCount).contains(frame + $0 - 1) }.reduce(bias) { sum, tap in
                sum + frames.select(dim: 1, index: frame + tap - 1) * weights.select(dim: 1, index: tap)
            }
        }
        return Tensor.stack(mixed, dim: 1)
    }

    @Test func `In bfloat16 the convolution over time rounds once, at its end`() throws {
        let (module, store, clips) = try module()
        let exact = try exact(store, clips)
        let mixed = withoutGrad { module.mixedOverTime(clips) }
        #expect(mixed.dtype == .bfloat16 && mixed.shape == clips.shape)
        let error = (mixed.to(.float64) - exact).abs()
        // Of eight significant bits half a unit is at most 2^-8 of the value; float32 rounds sums that nearly cancel.
        let excess = (error - exact.abs() * 0.00390626).max().item()
        let relative = error.max().item() / exact.abs().max().item()
        #expect(excess < 1e-6, "\(excess); max|a - b| / max|b| \(relative)")
    }
}
