/// Random numbers that depend on a key alone: the same seed, purpose and number give the same draws, in whatever
/// order and on whatever thread they are asked for.
///
/// Each draw is the SplitMix64 output function (Steele, Lea, Flood 2014, https://doi.org/10.1145/2714064.2660195) of a
/// counter that starts at the mixed key.
package struct KeyedRandom: Sendable {
    /// What the numbers are for; different purposes never share draws.
    package enum Purpose: UInt64, Sendable {
        case mixture = 1
        case order = 2
        case caption = 3
        case augmentation = 4
    }

    private var counter: UInt64

    package init(seed: UInt64, purpose: Purpose, _ numbers: Int...) {
        var key = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15 &* (purpose.rawValue &+ 1))
        for number in numbers { key = Self.mix(key ^ (UInt64(bitPattern: Int64(number)) &+ 0x9E37_79B9_7F4A_7C15)) }
        counter = key
    }

    /// 64 uniform bits.
    package mutating func next() -> UInt64 {
        counter &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(counter)
    }

    /// Uniform in [0, 1), 53 bits.
    package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in [low, high).
    package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }

    /// Uniform in 0..<count (bias below 2^-32 for any count that fits memory).
    package mutating func below(_ count: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// Fisher-Yates; written out, because the standard library does not promise the same order in later versions.
    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for index in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(index, below(index + 1)) }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
