import Foundation
import NN
import Torch

/// Two ways to route positions to mPLUG-Owl2's two branches, timed in turns: gathering each branch's rows, as ``Multiway``
/// does, or computing both branches everywhere and selecting.
///
/// Prompts of one image (65 of T positions) at the width of the 7B model: one norm, one projection.
struct MultiwayWork {
    private static let width = 4096
    private static let imageCount = 65
    private static let rounds = 9

    func run() {
        print("| dtype | rows | T | part | gather ms | both ms | both / gather (lowest-highest) |")
        print("|---|---|---|---|---|---|---|")
        for dtype in [DType.bfloat16, .float32] {
            let store = ParameterStore()
            let norm = Multiway(at: store.root / "norm") { RMSNorm(Self.width, epsilon: 1e-6, at: $0) }
            let projection = Multiway(at: store.root / "k_proj") {
                Linear(Self.width, Self.width, bias: false, at: $0)
            }
            store.initialize(seed: 1, dtype: dtype)
            let norms = (0..<2).compactMap { store["norm.multiway.\($0).weight"]?.tensor }
            let weights = (0..<2).compactMap { store["k_proj.multiway.\($0).weight"]?.tensor }
            for (rows, length) in [(1, 100), (1, 300), (1, 1000), (1, 2000), (8, 100), (8, 300)] {
                let input = RoutedInput(rows: rows, length: length, images: Self.imageCount, dtype: dtype)
                compare(
                    input, dtype, "norm", { norm($0, routing: input.routing) { $0($1) } },
                    { x in input.select(norms.map { rmsNorm(x, weight: $0, epsilon: 1e-6) }) })
                compare(
                    input, dtype, "projection", { projection($0, routing: input.routing) { $0($1) } },
                    { x in input.select(weights.map { linear(x, $0) }) })
            }
        }
    }

    /// Times both in turns and prints a row; traps when they do not compute the same.
    private func compare(
        _ input: RoutedInput, _ dtype: DType, _ part: String, _ gather: (Tensor) -> Tensor, _ both: (Tensor) -> Tensor
    ) {
        func seconds(_ body: (Tensor) -> Tensor) -> Double {
            let start = ContinuousClock.now
            inferenceMode { _ = body(input.x) }
            return (ContinuousClock.now - start).seconds
        }
        let difference = inferenceMode { (gather(input.x) - both(input.x)).abs().max().item() }
        precondition(difference < (dtype == .float32 ? 1e-3 : 0.2), "\(part): the ways differ by \(difference)")
        let times = (0..<Self.rounds).map { _ in (gather: seconds(gather), both: seconds(both)) }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let ratios = times.map { $0.both / $0.gather }
        print(
            String(
                format: "| %@ | %d | %d | %@ | %.2f | %.2f | %.2f (%.2f-%.2f) |", "\(dtype)", input.x.size(0),
                input.x.size(1), part, 1e3 * median(times.map(\.gather)), 1e3 * median(times.map(\.both)),
                median(ratios), ratios.min() ?? 0, ratios.max() ?? 0))
    }
}

/// Rows whose positions 10 ..< 10 + P are an image's.
private struct RoutedInput {
    let x: Tensor
    let routing: MultiwayRouting
    private let isImage: Tensor

    init(rows: Int, length: Int, images: Int, dtype: DType) {
        let width = 4096
        x = Tensor.randn([rows, length, width], generator: Generator(seed: 3)).to(dtype)
        let positions = (0..<rows).flatMap { row in (0..<images).map { Int64(row * length + 10 + $0) } }
        routing = MultiwayRouting(second: Tensor(positions), positionCount: rows * length)
        var mask = [Bool](repeating: false, count: rows * length)
        for position in positions { mask[Int(position)] = true }
        isImage = Tensor(mask, shape: [rows, length, 1])
    }

    func select(_ branches: [Tensor]) -> Tensor { Tensor.where(isImage, branches[1], branches[0]) }
}
