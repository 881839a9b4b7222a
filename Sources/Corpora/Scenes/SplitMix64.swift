/// A small seeded generator (SplitMix64, Steele, Lea and Flood 2014, https://doi.org/10.1145/2660193.2660195).
///
/// The same seed gives the same numbers on every machine and in every version, which Swift's system generator does not.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number in `range`, from the top 53 bits; written out because the standard library's may change.
    mutating func number(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * (Double(next() >> 11) * 0x1p-53)
    }

    /// An integer in `0 ..< bound` by multiplication; the bias is below 2^-32 for the small bounds used here.
    mutating func index(_ bound: Int) -> Int {
        Int((next() >> 32).multipliedReportingOverflow(by: UInt64(bound)).partialValue >> 32)
    }

    /// One of the elements, each equally likely.
    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[index(elements.count)] }

    /// The elements in random order (Fisher-Yates).
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var elements = elements
        for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, index(last + 1)) }
        return elements
    }
}
