import Synchronization

/// Says on standard error that work goes on which cannot tell how far it is, and for how long it has.
///
/// On a terminal one line is redrawn every second and removed at the end; elsewhere a line is printed every half minute.
public struct Heartbeat: Sendable {
    private let title: String
    private let style: TerminalStyle
    private let interval: Duration
    private let write: @Sendable (String) -> Void

    /// - Parameter title: what is being done, for example `training the vocabulary`.
    public init(_ title: String) {
        let style = TerminalStyle.standardError
        self.init(title, style: style, interval: .seconds(style.isInteractive ? 1 : 30)) { writeToStandardError($0) }
    }

    /// The same with a given style, interval and output.
    package init(
        _ title: String, style: TerminalStyle, interval: Duration, write: @escaping @Sendable (String) -> Void
    ) {
        self.title = title
        self.style = style
        self.interval = interval
        self.write = write
    }

    private final class State: Sendable {
        let isFinished = Mutex(false)
    }

    /// Does the work on the calling thread, with the line beside it.
    /// - Returns: what the work returned, and the seconds it took.
    public func during<Result>(_ work: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
        let start = ContinuousClock.now
        let state = State()
        let beat = Task.detached(priority: .high) {
            while (try? await Task.sleep(for: interval)) != nil {
                state.isFinished.withLock { isFinished in
                    guard !isFinished else { return }
                    let line = "\(title): \(ProgressLine.time((ContinuousClock.now - start).inSeconds)) so far"
                    write(style.isInteractive ? "\r\u{1B}[K\(line.prefix(max(20, style.width - 1)))" : line + "\n")
                }
            }
        }
        defer {
            beat.cancel()
            state.isFinished.withLock { isFinished in
                isFinished = true
                if style.isInteractive { write("\r\u{1B}[K") }
            }
        }
        let result = try work()
        return (result, (ContinuousClock.now - start).inSeconds)
    }
}
