import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The signal received (0: none). A lock-free word is all that a signal handler may touch.
private let receivedSignal = Atomic<Int32>(0)

/// Ctrl-C, SIGTERM and SIGPIPE as a flag that long work asks between two steps, so that it can leave things whole.
///
/// The first signal only sets the flag; a second one ends the process at once with the same status, but for SIGPIPE,
/// which every further line to a closed pipe raises. The statuses are the shell's: 130 after SIGINT, 143 after SIGTERM,
/// 141 after SIGPIPE.
public enum InterruptFlag {
    /// Begins to catch the signals. Safe to call more than once.
    public static func install() {
        _ = receivedSignal.load(ordering: .relaxed)  // initialised here, not first inside the handler
        // Whoever started this program may have had them blocked, which is inherited.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in [SIGINT, SIGTERM, SIGPIPE] {
            signal(number) { number in
                let (isFirst, _) = receivedSignal.compareExchange(
                    expected: 0, desired: number, ordering: .sequentiallyConsistent)
                if !isFirst && number != SIGPIPE { _exit(128 + number) }
            }
        }
    }

    /// True once a signal has arrived.
    public static var isRaised: Bool { receivedSignal.load(ordering: .relaxed) != 0 }

    /// 130 after SIGINT, 143 after SIGTERM, 141 after SIGPIPE, nil while none has arrived.
    public static var exitCode: Int32? {
        let number = receivedSignal.load(ordering: .relaxed)
        return number == 0 ? nil : 128 + number
    }

    /// Throws ``Interrupted`` once a signal has arrived.
    /// - Throws: ``Interrupted`` with the exit status to end with.
    public static func check() throws(Interrupted) {
        if let exitCode { throw Interrupted(exitCode: exitCode) }
    }

    /// Forgets a signal (tests, and a command that has dealt with the first one).
    package static func reset() { receivedSignal.store(0, ordering: .relaxed) }
}

/// The work was stopped by Ctrl-C, SIGTERM or a closed pipe after it had left its files whole.
public struct Interrupted: Error, CustomStringConvertible, Sendable {
    /// 130, 143 or 141.
    public let exitCode: Int32
    /// Wraps an exit status.
    public init(exitCode: Int32) { self.exitCode = exitCode }
    public var description: String { "interrupted" }
}
