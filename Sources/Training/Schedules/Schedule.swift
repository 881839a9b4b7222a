public import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the learning rate moves over a run: linear warm-up from zero, then a decay; a factor of the peak rate.
///
/// Progress is a fraction of the run, so the same schedule serves runs limited by steps and runs limited by time
/// (see `RunLimit.progress`).
public struct Schedule: Codable, Hashable, Sendable {
    /// What follows the warm-up.
    public enum Decay: Codable, Hashable, Sendable, ConfigChoices {
        /// The peak rate until the end.
        case constant
        /// A half cosine from the peak to `finalFraction` of it at the end of the run.
        case cosine(finalFraction: Double)
        /// A straight line from the peak to `finalFraction` of it at the end of the run.
        case linear(finalFraction: Double)

        public static var choiceNames: [String] { ["constant", "cosine", "linear"] }
    }

    /// Steps of linear warm-up; the first step already has rate 1/warmupSteps. Nil takes `warmupFraction`.
    public var warmupSteps: Int?
    /// The share of the run spent warming up (0...1) where `warmupSteps` is nil.
    public var warmupFraction: Double
    public var decay: Decay

    public init(warmupSteps: Int? = nil, warmupFraction: Double = 0.03, decay: Decay = .cosine(finalFraction: 0.1)) {
        self.warmupSteps = warmupSteps
        self.warmupFraction = warmupFraction
        self.decay = decay
    }

    /// The factor of the peak learning rate for the update that follows.
    ///
    /// - Parameters:
    ///   - step: updates already made, from 0.
    ///   - steps: updates planned, or nil where only time limits the run.
    ///   - progress: the share of the run that is over, 0...1.
    public func factor(step: Int, of steps: Int?, progress: Double) -> Double {
        let progress = min(max(progress, 0), 1)
        let warmupShare: Double
        if let warmupSteps {
            if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
            // Where only time is limited, the share that the warm-up took is not known ahead: decay over the whole run.
            warmupShare = steps.map { min(1, Double(warmupSteps) / Double(max($0, 1))) } ?? 0
        } else {
            warmupShare = min(max(warmupFraction, 0), 1)
            // Half a step into the run, so that the first update is not lost to a rate of zero.
            let reached = progress + (steps.map { 1 / Double(max($0, 1)) } ?? 0)
            if warmupShare > 0, progress < warmupShare { return max(min(reached / warmupShare, 1), 1e-3) }
        }
        let share = warmupShare < 1 ? max(0, (progress - warmupShare) / (1 - warmupShare)) : 1
        switch decay {
        case .constant: return 1
        case .cosine(let final): return final + (1 - final) * 0.5 * (1 + cos(.pi * share))
        case .linear(let final): return final + (1 - final) * (1 - share)
        }
    }

    /// Checks the values.
    ///
    /// - Throws: `ConfigError` that names the value and its range.
    public func validate(at place: String) throws {
        if let warmupSteps, warmupSteps < 0 {
            throw ConfigError(
                place: "\(place).warmupSteps", problem: "\(warmupSteps) is negative; use 0 for no warm-up")
        }
        guard (0...1).contains(warmupFraction) else {
            throw ConfigError(place: "\(place).warmupFraction", problem: "\(warmupFraction) is not a share from 0 to 1")
        }
        switch decay {
        case .cosine(let final), .linear(let final):
            guard (0...1).contains(final) else {
                throw ConfigError(place: "\(place).decay.finalFraction", problem: "\(final) is not a share from 0 to 1")
            }
        case .constant: break
        }
    }
}
