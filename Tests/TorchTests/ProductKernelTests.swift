import TestSupport
import Testing
import Torch

/// Our own CPU kernels against the same arithmetic in float64; on processors without their instructions these test the
/// portable versions and libtorch.
struct ProductKernelTests {
    /// The largest difference by the largest value.
    private func error(_ value: Tensor, _ reference: Tensor) -> Double {
        (value.to(.float64) - reference).abs().max().item() / reference.abs().max().item()
    }

    private func random(_ shape: [Int], _ seed: UInt64, _ dtype: DType) -> Tensor {
        Tensor.randn(shape, generator: Generator(seed: seed)).to(dtype)
    }

    static let shapes: [[Int]] = [
        [1, 1, 1], [1, 33, 31], [2, 64, 32], [3, 7, 1000], [5, 257, 65], [8, 130, 4999], [9, 40, 64], [80, 64, 48],
        [81, 96, 333], [65, 700, 129], [9, 100, 1026], [17, 49, 1024], [47, 131, 2050], [65, 97, 1500],
        [130, 200, 1100],
    ]

    @Test(arguments: shapes, [DType.bfloat16, .float32])
    func `A linear layer without gradients equals float64 at odd sizes, for few rows and many`(
        shape: [Int], dtype: DType
    ) {
        let (rows, outputs, inputs) = (shape[0], shape[1], shape[2])
        let x = random([rows, inputs], 1, dtype)
        let (weight, bias) = (random([outputs, inputs], 2, dtype), random([outputs], 3, dtype))
        let reference = linear(x.to(.float64), weight.to(.float64), bias.to(.float64))
        let tolerance = dtype == .bfloat16 ? 4e-3 : 2e-6
        withoutGrad {
            #expect(error(linear(x, weight, bias), reference) < tolerance)
            #expect(error(TorchRuntime.withoutVectorKernels { linear(x, weight, bias) }, reference) < tolerance)
            let plain = linear(x.to(.float64), weight.to(.float64))
            #expect(error(linear(x.reshape([1, rows, inputs]), weight), plain.unsqueeze(0)) < tolerance)
        }
    }

    @Test(arguments: [DType.bfloat16, .float32])
    func `A row's product is the same to the bit whatever rows are computed with it`(dtype: DType) {
        let (x, weight) = (random([8, 2500], 4, dtype), random([70, 2500], 5, dtype))
        withoutGrad {
            let together = linear(x, weight)
            for count in 1...8 {
                let some = linear(x.narrow(dim: 0, start: 0, length: count), weight)
                #expect(some.bytes() == together.narrow(dim: 0, start: 0, length: count).bytes())
            }
        }
    }

    @Test func `Our kernels run on all of libtorch's threads`() {
        #expect(TorchRuntime.kernelThreadCount == TorchRuntime.threadCount)
    }

    @Test func `A large linear layer has the gradients of float64`() throws {
        // Beyond the size from which another product may be chosen; three dimensions and a bias.
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = [
                random([3, 50, 96], 6, .float32), random([130, 96], 7, .float32), random([130], 8, .float32),
            ].map { $0.to(dtype).withGrad() }
            let output = linear(leaves[0], leaves[1], leaves[2])
            (output * random([3, 50, 130], 9, .float32).to(dtype)).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        for (value, reference) in try pairs(run(.float32), run(.float64)) {
            #expect(value.shape == reference.shape)
            #expect(error(value, reference) < 2e-6)
        }
    }

    /// B, H, key-value heads, queries, keys, head size.
    static let attentions: [[Int]] = [
        [1, 1, 1, 1, 1, 16], [2, 4, 4, 37, 37, 32], [1, 3, 3, 130, 130, 64], [1, 2, 2, 65, 200, 80],
        [2, 8, 2, 49, 64, 128], [3, 6, 3, 1, 77, 64], [1, 2, 1, 1, 300, 48], [1, 1, 1, 55, 55, 24],
    ]

    @Test(arguments: attentions, [true, false])
    func `Attention in bfloat16 without gradients equals float64, with shared heads and strides`(
        sizes: [Int], isCausal: Bool
    ) {
        let (batch, queries, keys, size) = (sizes[0], sizes[3], sizes[4], sizes[5])
        // Heads behind positions, as projections leave them.
        func heads(_ count: Int, _ length: Int, _ seed: UInt64) -> Tensor {
            random([batch, length, count, size], seed, .bfloat16).transpose(1, 2)
        }
        let (q, k, v) = (heads(sizes[1], queries, 10), heads(sizes[2], keys, 11), heads(sizes[2], keys, 12))
        func wide(_ x: Tensor) -> Tensor { x.to(.float64).repeatInterleave(sizes[1] / x.size(1), dim: 1) }
        var scores = wide(q).matmul(wide(k).transpose(2, 3)) * (1 / Double(size).squareRoot())
        if isCausal {
            let allowed = Tensor.ones([queries, keys], dtype: .bool).tril(diagonal: keys - queries)
            scores = Tensor.where(allowed, scores, Tensor.full([], value: -1e30, dtype: .float64))
        }
        let reference = scores.softmax(dim: -1).matmul(wide(v))
        let result = withoutGrad { attention(q, k, v, mask: isCausal ? .causal : .full) }
        #expect(result.shape == reference.shape)
        #expect(error(result, reference) < 1e-2)
    }

    @Test(arguments: [true, false])
    func `Short attention in bfloat16 has the gradients of float64`(isCausal: Bool) throws {
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = (20..<23).map { random([2, 3, 45, 32], $0, .bfloat16).to(dtype).withGrad() }
            let output = attention(leaves[0], leaves[1], leaves[2], mask: isCausal ? .causal : .full)
            (output * random([2, 3, 45, 32], 23, .bfloat16).to(dtype)).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        for (value, reference) in try pairs(run(.bfloat16), run(.float64)) { #expect(error(value, reference) < 3e-2) }
    }

    @Test func `Memory of large tensors is used again, and a new tensor of zeros is zero`() {
        let count = 3 << 20
        for round in 1...3 {
            let zeros = Tensor.zeros([count])
            #expect(zeros.abs().max().item() == 0)
            #expect(Tensor.full([count], value: Double(round)).sum().item() == Double(round * count))
        }
    }
}
