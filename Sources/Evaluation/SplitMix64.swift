/// A small seeded generator whose numbers are the same on every platform and in every Swift version.
///
/// The evaluation needs fixed distractors, fixed shuffles and fixed bootstrap resamples; the standard library's
/// `shuffle(using:)` promises neither. Algorithm: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
/// number generators", OOPSLA 2014 (https://doi.org/10.1145/2714064.2660195), with Vigna's constants.
public struct SplitMix64: Sendable {
    private var state: UInt64

    /// Starts the sequence at `seed`.
    public init(seed: UInt64) { state = seed }

    /// Starts a sequence that belongs to `name`: two names under one seed give unrelated sequences.
    public init(seed: UInt64, name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a over the name's bytes.
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        state = seed ^ hash
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number in `0 ..< bound`, by the high half of a 128-bit product (bias below `bound / 2^64`).
    /// - Precondition: `bound > 0`.
    public mutating func next(below bound: Int) -> Int {
        precondition(bound > 0, "a random number below \(bound) does not exist")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// `0 ..< count` in random order (Fisher-Yates).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for last in stride(from: count - 1, through: 1, by: -1) {
            order.swapAt(last, next(below: last + 1))
        }
        return order
    }

    /// `0 ..< count` in random cyclic order: with two or more items no index stays at its place (Sattolo).
    ///
    /// This is what "shuffled pictures" means: no item may keep its own image.
    public mutating func derangement(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for last in stride(from: count - 1, through: 1, by: -1) {
            order.swapAt(last, next(below: last))
        }
        return order
    }
}
