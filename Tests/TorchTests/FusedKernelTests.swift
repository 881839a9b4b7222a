import TestSupport
import Testing
import Torch

/// The fused CPU kernels against the formulas composed in float64, which take libtorch's own path.
struct FusedKernelTests {
    /// The values and gradients of `function` on float32 and bfloat16 leaves and on their float64 copies.
    private func compare(
        _ shapes: [[Int]], spread: Double = 1, tolerance: Double = 1e-5, _ function: ([Tensor]) -> Tensor
    ) throws {
        let generator = Generator(seed: 21)
        let values = shapes.map { (Tensor.randn($0, generator: generator) * spread).to(.bfloat16) }
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = values.map { $0.to(dtype).clone().withGrad() }
            let output = function(leaves)
            let weights = Tensor.randn(output.shape, generator: Generator(seed: 22)).to(dtype)
            (output * weights).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        // bfloat16 rounds the output, its weights and each gradient to 8 bits.
        for (dtype, tolerance) in [(DType.float32, tolerance), (.bfloat16, 1.5e-2)] {
            for (fused, reference) in try pairs(run(dtype), run(.float64)) {
                let scale = max(reference.abs().max().item(), 1e-4)
                #expect((fused.to(.float64) - reference).abs().max().item() / scale < tolerance)
            }
        }
    }

    @Test(arguments: [[5, 7], [2, 3, 33], [1, 256], [300, 64]])
    func `RMSNorm equals its formula, forward and backward`(shape: [Int]) throws {
        try compare([shape, [shape.last!]]) { rmsNorm($0[0], weight: $0[1], epsilon: 1e-5) }
    }

    @Test(arguments: [1.0, 30.0]) func `SwiGLU equals its formula, for large inputs too`(spread: Double) throws {
        try compare([[3, 129], [3, 129]], spread: spread) { swiGLU(gate: $0[0], up: $0[1]) }
    }

    @Test(arguments: [1.0, 30.0]) func `QuickGELU equals its formula, for large inputs too`(spread: Double) throws {
        try compare([[3, 130]], spread: spread) { leaves in
            leaves[0].dtype == .float64 ? leaves[0] * (leaves[0] * 1.702).sigmoid() : leaves[0].quickGELU()
        }
    }

    @Test func `Rotation equals its formula on transposed heads, forward and backward`() throws {
        let angles = Tensor.randn([6, 4], generator: Generator(seed: 23))
        for interleaved in [true, false] {
            try compare([[2, 6, 3, 8]]) { leaves in
                let heads = leaves[0].transpose(1, 2)
                let (cosine, sine) = (angles.cos().to(heads.dtype), angles.sin().to(heads.dtype))
                return rotary(heads, cosine: cosine, sine: sine, interleaved: interleaved)
            }
        }
    }
}
