public import Torch

/// Which of two branches each position of a batch takes, decided once a pass: 0 for text, 1 for images.
public struct MultiwayRouting: Sendable {
    /// Flat positions, those of branch 0 first, and where each position went; nil when all take branch 0.
    fileprivate let mixed: (order: Tensor, inverse: Tensor, counts: [Int])?

    /// Everything takes branch 0.
    public static let first = MultiwayRouting(mixed: nil)

    private init(mixed: (order: Tensor, inverse: Tensor, counts: [Int])?) { self.mixed = mixed }

    /// Positions in `second`, int64[K] and flat, take branch 1; the others of `positionCount` take branch 0.
    public init(second: Tensor?, positionCount: Int) {
        guard let second, second.elementCount > 0 else {
            self = .first
            return
        }
        let chosen = second.array(of: Int64.self)
        let members = Set(chosen)
        let others = (0..<Int64(positionCount)).filter { !members.contains($0) }
        let order = others + chosen
        var inverse = [Int64](repeating: 0, count: order.count)
        for (place, position) in order.enumerated() { inverse[Int(position)] = Int64(place) }
        mixed = (
            Tensor(order).to(second.device), Tensor(inverse).to(second.device), [others.count, chosen.count]
        )
    }
}

/// Two copies of a part under `multiway.0` and `multiway.1`, of which every position uses one.
///
/// The modality-adaptive module of Ye et al. (arXiv 2311.04257, section 3.2): y_t = f_{m(t)}(x_t), no mixing, no gate. Rows
/// are gathered by branch, each branch runs once, and the rows go back: no work is done for the branch not taken.
public struct Multiway<Branch: Sendable>: Sendable {
    private let branches: [Branch]

    /// - Parameters:
    ///   - count: 2 branches, or 1 that everything takes.
    ///   - make: declares one branch at a path.
    public init(count: Int = 2, at path: ParameterPath, _ make: (ParameterPath) -> Branch) {
        branches = (0..<count).map { make(path / "multiway" / $0) }
    }

    /// Runs x [B, T, D] through the branches with `apply`, which gets rows [..., D].
    public func callAsFunction(
        _ x: Tensor, routing: MultiwayRouting, apply: (Branch, Tensor) -> Tensor
    ) -> Tensor {
        guard let mixed = routing.mixed, branches.count > 1 else { return apply(branches[0], x) }
        let rows = x.reshape([-1, x.size(-1)]).indexSelect(dim: 0, mixed.order)
        let parts = rows.split(mixed.counts, dim: 0)
        let results = zip(branches, parts).compactMap { branch, part in
            part.size(0) > 0 ? apply(branch, part) : nil
        }
        let joined = Tensor.cat(results, dim: 0).indexSelect(dim: 0, mixed.inverse)
        return joined.reshape(Array(x.shape.dropLast()) + [joined.size(-1)])
    }
}
