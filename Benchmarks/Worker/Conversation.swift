import Foundation
import Torch

/// Talks with `bench.py` over standard input and output: `ready`, then one line of seconds for each line `run`.
final class Conversation {
    /// Says what is ready and how far its output is from nothing: the driver compares files, not lines.
    func ready() { say("ready") }

    /// Waits for the next command; false at the end.
    func isAskedToRun() -> Bool {
        guard let line = readLine() else { return false }
        return line == "run"
    }

    func report(seconds: Double) { say("seconds \(seconds)") }

    /// Answers each `run` with the time of one repetition.
    func serve(_ body: () throws -> Void) rethrows {
        ready()
        while isAskedToRun() {
            let start = ContinuousClock.now
            try body()
            report(seconds: (ContinuousClock.now - start).seconds)
        }
    }

    func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// The largest resident set of this process so far, in bytes, as the system counts it for both sides.
func peakResidentBytes() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
    #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    #endif
}
