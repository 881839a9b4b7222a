public import Settings

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Rotary frequencies stretched by how fast they turn, so that a model reads longer contexts than it was first trained on.
///
/// Pairs that turn slowly are divided by a factor, fast ones stay, and those in between are mixed. Equations as in
/// transformers 5 (`rope_parameters` of these types).
public enum RotaryBands: Sendable, Hashable, Codable, ConfigChoices {
    /// Llama 3.1's: the bounds are wavelengths, `trainedLength` over each of the two band factors.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, trainedLength: Int)
    /// YaRN (Peng et al., 2023): the bounds are turns within `trainedLength` positions.
    ///
    /// `attentionFactor` multiplies cosines and sines, so scores grow by its square; `roundsBounds` takes whole pairs as bounds.
    case yarn(
        factor: Double, fastTurns: Double, slowTurns: Double, trainedLength: Int, attentionFactor: Double,
        roundsBounds: Bool)

    public static var choiceNames: [String] { ["llama3", "yarn"] }

    /// What cosines and sines are multiplied with.
    var attentionFactor: Double {
        switch self {
        case .llama3: 1
        case .yarn(_, _, _, _, let attentionFactor, _): attentionFactor
        }
    }

    /// The stretched frequencies, in radians a position.
    ///
    /// - Parameters:
    ///   - plain: theta^(-2i/D) of every pair i.
    ///   - theta: the base of those powers.
    func frequencies(_ plain: [Double], theta: Double) -> [Double] {
        switch self {
        case .llama3(let factor, let low, let high, let trainedLength):
            plain.map { frequency in
                let turns = Double(trainedLength) * frequency / (2 * .pi)
                let share = min(max((turns - low) / (high - low), 0), 1)
                return frequency * (share + (1 - share) / factor)
            }
        case .yarn(let factor, let fast, let slow, let trainedLength, _, let roundsBounds):
            stretched(
                plain, factor: factor,
                from: Self.pair(turning: fast, in: trainedLength, count: plain.count, theta: theta),
                to: Self.pair(turning: slow, in: trainedLength, count: plain.count, theta: theta), roundsBounds)
        }
    }

    /// The pair, as a fraction, that makes so many turns within a length.
    private static func pair(turning turns: Double, in length: Int, count: Int, theta: Double) -> Double {
        Double(count) * log(Double(length) / (turns * 2 * .pi)) / log(theta)
    }

    private func stretched(
        _ plain: [Double], factor: Double, from first: Double, to last: Double, _ roundsBounds: Bool
    ) -> [Double] {
        let start = max(roundsBounds ? first.rounded(.down) : first, 0)
        var end = min(roundsBounds ? last.rounded(.up) : last, Double(2 * plain.count - 1))
        if start == end { end += 0.001 }
        return plain.enumerated().map { index, frequency in
            let share = min(max((Double(index) - start) / (end - start), 0), 1)
            return frequency * (share / factor + 1 - share)
        }
    }
}
