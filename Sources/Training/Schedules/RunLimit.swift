/// When a stage ends: after a number of updates, after a number of seconds, or whichever comes first.
///
/// A stage limited by steps gives bit-identical results when repeated or resumed. One limited by time does not: how far it
/// gets, and through the schedule every update's rate, depends on the machine's speed at that moment.
public struct RunLimit: Codable, Hashable, Sendable {
    /// The most updates, or nil for no limit.
    public var steps: Int?
    /// The most seconds of training (time spent before an interruption counts), or nil for no limit.
    public var maximumSeconds: Double?

    public init(steps: Int?, maximumSeconds: Double? = nil) {
        self.steps = steps
        self.maximumSeconds = maximumSeconds
    }

    /// Whether repeating the run repeats its numbers.
    public var isReproducible: Bool { maximumSeconds == nil }

    /// The share of the run that is over, 0...1: the larger of the share of steps and the share of time.
    public func progress(step: Int, seconds: Double) -> Double {
        let bySteps = steps.map { $0 <= 0 ? 1 : Double(step) / Double($0) } ?? 0
        let byTime = maximumSeconds.map { $0 <= 0 ? 1 : seconds / $0 } ?? 0
        return min(1, max(bySteps, byTime))
    }

    /// Whether no further update is to be made.
    public func isReached(step: Int, seconds: Double) -> Bool { progress(step: step, seconds: seconds) >= 1 }
}
