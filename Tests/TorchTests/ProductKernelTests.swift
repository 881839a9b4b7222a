import TestSupport
import Testing
import Torch

/// Our own CPU kernels against the same arithmetic in float64, in every class that this processor runs.
struct ProductKernelTests {
    /// The largest difference by the largest value.
    func error(_ value: Tensor, _ reference: Tensor) -> Double {
        (value.to(.float64) - reference).abs().max().item() / reference.abs().max().item()
    }

    /// Runs `body` once in each class of kernels that this processor has.
    func inEveryClass(_ body: () throws -> Void) rethrows {
        for each in KernelClass.available { try each.limiting(body) }
    }

    func random(_ shape: [Int], _ seed: UInt64, _ dtype: DType) -> Tensor {
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
        let plain = linear(x.to(.float64), weight.to(.float64)).unsqueeze(0)
        inEveryClass {
            withoutGrad {
                #expect(error(linear(x, weight, bias), reference) < tolerance)
                #expect(error(linear(x.reshape([1, rows, inputs]), weight), plain) < tolerance)
                #expect(
                    error(linear(x, weight.transpose(0, 1).contiguous().transpose(0, 1), bias), reference) < tolerance)
            }
        }
    }

    @Test(arguments: [DType.bfloat16, .float32])
    func `A row's product is the same to the bit whatever rows are computed with it`(dtype: DType) {
        let (x, weight) = (random([8, 2500], 4, dtype), random([70, 2500], 5, dtype))
        inEveryClass {
            withoutGrad {
                let together = linear(x, weight)
                for count in 1...8 {
                    let some = linear(x.narrow(dim: 0, start: 0, length: count), weight)
                    #expect(some.bytes() == together.narrow(dim: 0, start: 0, length: count).bytes())
                }
            }
        }
    }

    @Test func `Our kernels run on all of libtorch's threads`() {
        #expect(TorchRuntime.kernelThreadCount == TorchRuntime.threadCount)
    }

    @Test(arguments: [(DType.float32, 2e-6), (.bfloat16, 1.2e-2), (.float16, 1.5e-3)])
    func `A large linear layer has the gradients of float64`(dtype: DType, tolerance: Double) throws {
        // Beyond the size from which another product may be chosen; three dimensions and a bias.
        let values = [
            random([3, 50, 96], 6, .float32), random([1300, 96], 7, .float32), random([1300], 8, .float32),
            random([3, 50, 1300], 9, .float32),
        ].map { $0.to(dtype) }
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = values[..<3].map { $0.to(dtype).clone().withGrad() }
            let output = linear(leaves[0], leaves[1], leaves[2])
            (output * values[3].to(dtype)).to(.float64).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        let references = run(.float64)
        try inEveryClass {
            let results = run(dtype)
            for (value, reference) in try pairs(results, references) {
                #expect(value.shape == reference.shape)
                #expect(error(value, reference) < tolerance)
            }
        }
    }

    @Test(arguments: [DType.bfloat16, .float16])
    func `Matrix products and convolutions of 16 bits have the values and gradients of float64`(dtype: DType) throws {
        let values = [[4, 33, 20], [4, 20, 17], [2, 6, 9, 8], [8, 3, 2, 2]].enumerated().map {
            random($0.element, UInt64(30 + $0.offset), dtype)
        }
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = values.map { $0.to(dtype).clone().withGrad() }
            let products = [
                leaves[0].matmul(leaves[1]), leaves[0].bmm(leaves[1]),
                conv2d(leaves[2], leaves[3], stride: 2, padding: 1, groups: 2),
            ]
            products.map { $0.to(.float64).sum() }.reduce(Tensor.zeros([], dtype: .float64), +).backward()
            return products.map { $0.detach() } + leaves.map { $0.grad! }
        }
        let references = run(.float64)
        try inEveryClass {
            let results = run(dtype)
            for (value, reference) in try pairs(results, references) { #expect(error(value, reference) < 1e-2) }
        }
    }

    @Test(arguments: [DType.bfloat16, .float16])
    func `Without instructions for them libtorch is asked for no product of 16 bits, forward or backward`(dtype: DType)
    {
        func products() {
            let x = random([2, 12, 32], 40, dtype).withGrad(), weight = random([48, 32], 41, dtype).withGrad()
            let heads = random([2, 2, 12, 16], 42, dtype).withGrad()
            let pixels = random([1, 3, 8, 8], 43, dtype).withGrad(),
                kernels = random([4, 3, 2, 2], 44, dtype).withGrad()
            let losses = [
                linear(x, weight), x.matmul(weight.transpose(0, 1)), x.bmm(x.transpose(1, 2)),
                attention(heads, heads, heads, mask: .causal), conv2d(pixels, kernels, stride: 2),
                attention(heads, heads, heads, mask: .prefix([3, 5])),
            ].map { $0.to(.float32).sum() }
            losses.reduce(Tensor.zeros([]), +).backward()
            withoutGrad {
                _ = linear(x, weight)
                _ = linear(x.narrow(dim: 1, start: 0, length: 1), weight)
                _ = attention(heads, heads, heads)
                _ = attention(heads.narrow(dim: 2, start: 0, length: 1), heads, heads, mask: .causal)
            }
        }
        // The watch sees what there is to see: float64 apart, any class may be asked for these.
        // What the watch can see: a weight without columns is left to libtorch.
        let seen = TorchRuntime.narrowProducts {
            _ = linear(Tensor.ones([3, 4], dtype: dtype), .ones([4], dtype: dtype))
        }
        #expect(seen.contains("aten::linear"))
        for each in KernelClass.available where !each.multipliesBFloat16 {
            each.limiting { #expect(TorchRuntime.narrowProducts(of: products) == [], "class \(each)") }
        }
    }

    @Test func `A class of kernels is limited on the thread that asks, and no longer than asked for`() {
        let own = KernelClass.current
        #expect(KernelClass.available.last == own)
        let lowest = KernelClass.available[0]
        lowest.limiting { #expect(KernelClass.current == lowest) }
        #expect(KernelClass.current == own)
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
        inEveryClass {
            let result = withoutGrad { attention(q, k, v, mask: isCausal ? .causal : .full) }
            #expect(result.shape == reference.shape)
            #expect(error(result, reference) < 1e-2)
        }
    }

    @Test(arguments: [true, false])
    func `Short attention in bfloat16 has the gradients of float64`(isCausal: Bool) throws {
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = (20..<23).map { random([2, 3, 45, 32], $0, .bfloat16).to(dtype).withGrad() }
            let output = attention(leaves[0], leaves[1], leaves[2], mask: isCausal ? .causal : .full)
            (output * random([2, 3, 45, 32], 23, .bfloat16).to(dtype)).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        let references = run(.float64)
        try inEveryClass {
            for (value, reference) in try pairs(run(.bfloat16), references) { #expect(error(value, reference) < 3e-2) }
        }
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
