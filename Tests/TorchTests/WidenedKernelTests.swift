import TestSupport
import Testing
import Torch

/// Products and short attention of bfloat16 in float32 arithmetic, at sizes that leave rests in every block they are cut into.
extension ProductKernelTests {
    /// Rows, inputs, outputs: one more than tiles, panels, parts of the depth and packed blocks hold; and much less.
    static let layers: [[Int]] = [
        [1, 1, 1], [7, 9, 17], [9, 300, 5], [97, 257, 49], [103, 41, 1600], [64, 1100, 1000], [530, 16, 24],
    ]

    @Test(arguments: layers, [true, false])
    func `A linear layer in bfloat16 has the values and gradients of float64 at odd sizes`(
        sizes: [Int], hasRows: Bool
    ) throws {
        let (rows, inputs, outputs) = (sizes[0], sizes[1], sizes[2])
        let values = [[rows, inputs], [outputs, inputs], [outputs], [rows, outputs]].enumerated().map {
            random($0.element, UInt64(50 + $0.offset), .bfloat16)
        }
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = values[..<3].map { $0.to(dtype).clone().withGrad() }
            // The input, and with it the output's gradient, as rows or as columns that lie in one piece.
            let columns = leaves[0].transpose(0, 1).contiguous().transpose(0, 1)
            let output = linear(hasRows ? leaves[0] : columns, leaves[1], leaves[2])
            let weights = values[3].to(dtype)
            if hasRows {
                (output * weights).sum().backward()
            } else {
                (output.transpose(0, 1).contiguous() * weights.transpose(0, 1).contiguous()).sum().backward()
            }
            return [output.detach()] + leaves.map { $0.grad! }
        }
        let references = run(.float64)
        try inEveryClass {
            for (value, reference) in try pairs(run(.bfloat16), references) {
                #expect(value.shape == reference.shape)
                #expect(error(value, reference) < 1.2e-2)
            }
        }
    }

    @Test func `A row of a recorded product is the same to the bit whatever rows are computed with it`() {
        let (x, weight) = (random([97, 600], 54, .bfloat16).withGrad(), random([70, 600], 55, .bfloat16))
        for each in KernelClass.available where each == .avx2 {
            each.limiting {
                let together = linear(x, weight).detach()
                for (start, count) in [(0, 1), (0, 20), (13, 50), (90, 7)] {
                    let some = linear(x.narrow(dim: 0, start: start, length: count), weight).detach()
                    #expect(some.bytes() == together.narrow(dim: 0, start: start, length: count).bytes())
                }
            }
        }
    }

    /// B, H, queries, keys, head size.
    static let shortAttentions: [[Int]] = [
        [1, 1, 1, 1, 1], [2, 3, 45, 45, 32], [1, 2, 37, 101, 24], [3, 1, 5, 7, 33], [1, 2, 128, 128, 128],
        [1, 1, 129, 129, 16],
    ]

    @Test(arguments: shortAttentions, [true, false])
    func `Attention in bfloat16 has the values and gradients of float64 at odd sizes`(
        sizes: [Int], isCausal: Bool
    ) throws {
        let (batch, heads, queries, keys, size) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4])
        if isCausal && queries != keys { return }
        // Heads behind positions, as projections leave them.
        let values = [queries, keys, keys, queries].enumerated().map {
            random([batch, $0.element, heads, size], UInt64(60 + $0.offset), .bfloat16).transpose(1, 2)
        }
        func run(_ dtype: DType) -> [Tensor] {
            let leaves = values[..<3].map { $0.to(dtype).detach().withGrad() }
            let output = attention(leaves[0], leaves[1], leaves[2], mask: isCausal ? .causal : .full)
            (output * values[3].to(dtype)).sum().backward()
            return [output.detach()] + leaves.map { $0.grad! }
        }
        let references = run(.float64)
        // A single key has all the share whatever the query: those gradients are zero.
        let scale = references.map { max($0.abs().max().item(), 1e-2) }
        try inEveryClass {
            for ((value, reference), scale) in zip(try pairs(run(.bfloat16), references), scale) {
                #expect(value.shape == reference.shape)
                #expect((value.to(.float64) - reference).abs().max().item() / scale < 3e-2)
            }
        }
    }

    @Test func `A query that is no number spoils its own answer and no other`() {
        var numbers = [Float](repeating: 0.5, count: 40 * 16)
        numbers[3 * 16 + 2] = .nan
        let query = Tensor(numbers).reshape([1, 1, 40, 16]).to(.bfloat16).withGrad()
        let others = random([1, 1, 40, 16], 70, .bfloat16)
        inEveryClass {
            let answer = attention(query, others, others, mask: .full).detach()
            let spoilt = answer.isNaN().to(.float32).sum(dims: [0, 1, 3]).array(of: Float.self)
            #expect(spoilt.indices.filter { spoilt[$0] > 0 } == [3])
        }
    }
}
