public import Torch

/// Chooses one token per row from processed logits.
public protocol Sampler {
    /// The chosen token IDs, one per row, each in `0 ..< V`.
    /// - Parameter logits: float32[B, V]; excluded tokens are minus infinity, at least one token per row is finite.
    func sample(_ logits: Tensor) -> [Int]
}

/// The most likely token.
public struct GreedySampler: Sampler {
    /// The sampler.
    public init() {}

    /// The index of each row's greatest logit.
    public func sample(_ logits: Tensor) -> [Int] {
        logits.argmax(dim: 1).array(of: Int64.self).map(Int.init)
    }
}

/// A token drawn with its probability, from one generator per row.
///
/// The rows' generators are independent, so a row draws the same tokens alone and in a batch.
public struct MultinomialSampler: Sampler {
    private let generators: [Generator]

    /// A sampler whose row `r` draws from a generator seeded with `seeds[r]`.
    public init(seeds: [UInt64]) { self.init(generators: seeds.map { Generator(seed: $0) }) }

    /// A sampler whose row `r` draws from `generators[r]`.
    public init(generators: [Generator]) { self.generators = generators }

    /// One draw per row from softmax(logits).
    public func sample(_ logits: Tensor) -> [Int] {
        precondition(
            logits.shape[0] == generators.count,
            "\(logits.shape[0]) rows of logits, but \(generators.count) generators")
        let probabilities = logits.to(.cpu).softmax(dim: 1)  // [B, V]
        return generators.enumerated().map { row, generator in
            let draw = probabilities.select(dim: 0, index: row).multinomial(count: 1, generator: generator)
            return Int(draw.item())
        }
    }
}
