import TestSupport
import Testing
import Torch

struct AttentionTests {
    /// A packed batch with segments of many lengths, a gap and padding at the ends.
    static let layout = SegmentLayout(
        rows: 2, columns: 40,
        segments: [
            .init(row: 0, start: 0, length: 1), .init(row: 0, start: 1, length: 17),
            .init(row: 0, start: 18, length: 20), .init(row: 1, start: 0, length: 33),
            .init(row: 1, start: 35, length: 5),
        ])

    /// The mask the layout means, written out: true where query i may see key j.
    static func dense(_ layout: SegmentLayout) -> Tensor {
        var allowed = [Bool](repeating: false, count: layout.rows * layout.columns * layout.columns)
        for segment in layout.segments {
            for i in 0..<segment.length {
                for j in 0...i {
                    let query = segment.row * layout.columns + segment.start + i
                    allowed[query * layout.columns + segment.start + j] = true
                }
            }
        }
        return Tensor(allowed, shape: [layout.rows, 1, layout.columns, layout.columns])
    }

    @Test func `Segmented attention equals the block-diagonal causal mask, forward and backward`() throws {
        let generator = Generator(seed: 5)
        let values = (0..<3).map { _ in Tensor.randn([2, 3, 40, 8], generator: generator) }
        let real = Tensor.zeros([80]).indexCopy(
            dim: 0,
            index: Tensor(
                Self.layout.segments.flatMap { s in (0..<s.length).map { Int64(s.row * 40 + s.start + $0) } }),
            source: Tensor.ones([76])
        ).reshape([2, 1, 40, 1])
        let weights = Tensor.randn([2, 3, 40, 8], generator: generator) * real
        func run(_ mask: AttentionMask) -> (Tensor, [Tensor]) {
            let leaves = values.map { $0.withGrad() }
            let output = attention(leaves[0], leaves[1], leaves[2], mask: mask)
            (Tensor.where(weights.notEqual(to: 0), output * weights, Tensor.zeros([1]))).sum().backward()
            return (output.detach() * real, leaves.map { $0.grad! })
        }
        let (output, gradients) = run(.segments(Self.layout))
        let (expected, expectedGradients) = run(.allowed(Self.dense(Self.layout)))
        // Rows of padding see nothing under the dense mask and come out as NaN there: compare real positions.
        let difference = Tensor.where(real.expand(expected.shape).notEqual(to: 0), output - expected, Tensor.zeros([1]))
        #expect(difference.abs().max().item() < 1e-5)
        for (gradient, reference) in try pairs(gradients, expectedGradients) {
            let clean = Tensor.where(reference.isNaN(), Tensor.zeros([1]), reference)
            #expect((gradient - clean).abs().max().item() < 1e-5)
        }
    }

    @Test func `Padding positions of a layout come out as zero`() {
        let x = Tensor.ones([2, 1, 40, 4])
        let output = attention(x, x, x, mask: .segments(Self.layout))
        #expect(output.select(dim: 0, index: 0).narrow(dim: 1, start: 38, length: 2).abs().sum().item() == 0)
        #expect(output.select(dim: 0, index: 1).narrow(dim: 1, start: 33, length: 2).abs().sum().item() == 0)
    }

    @Test func `Causal attention with more keys than queries aligns the last ones`() {
        let generator = Generator(seed: 2)
        let (q, k) = (
            Tensor.randn([1, 2, 6, 4], generator: generator), Tensor.randn([1, 2, 6, 4], generator: generator)
        )
        let whole = attention(q, k, k, mask: .causal)
        let tail = attention(q.narrow(dim: 2, start: 4, length: 2), k, k, mask: .causal)
        #expect((whole.narrow(dim: 2, start: 4, length: 2) - tail).abs().max().item() < 1e-6)
    }

    @Test func `A prefix is visible to every position`() {
        let generator = Generator(seed: 3)
        let (q, k) = (
            Tensor.randn([2, 1, 5, 4], generator: generator), Tensor.randn([2, 1, 5, 4], generator: generator)
        )
        let output = attention(q, k, k, mask: .prefix([5, 0]))
        let full = attention(q, k, k, mask: .full)
        let causal = attention(q, k, k, mask: .causal)
        #expect((output.select(dim: 0, index: 0) - full.select(dim: 0, index: 0)).abs().max().item() < 1e-6)
        #expect((output.select(dim: 0, index: 1) - causal.select(dim: 0, index: 1)).abs().max().item() < 1e-6)
    }

    @Test func `Rotating by position makes scores depend on distance alone`() {
        let generator = Generator(seed: 4)
        let q = Tensor.randn([1, 1, 1, 8], generator: generator), k = Tensor.randn([1, 1, 1, 8], generator: generator)
        for interleaved in [true, false] {
            func score(_ i: Double, _ j: Double) -> Double {
                func rotated(_ x: Tensor, _ p: Double) -> Tensor {
                    let angles = Tensor([Float(p), Float(p / 10), Float(p / 100), Float(p / 1000)], shape: [1, 4])
                    return rotary(x, cosine: angles.cos(), sine: angles.sin(), interleaved: interleaved)
                }
                return (rotated(q, i) * rotated(k, j)).sum().item()
            }
            #expect(abs(score(5, 3) - score(9, 7)) < 1e-4)
            #expect(abs(score(5, 3) - score(5, 4)) > 1e-4)
        }
    }
}
