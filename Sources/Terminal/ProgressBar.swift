import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A line on standard error that tells how far long work is: share, rate, time left.
///
/// On a terminal the line is redrawn at most ten times a second; elsewhere a plain line is printed every
/// few seconds, so that a log stays short. Safe to call from several threads.
public final class ProgressBar: Sendable {
    private struct State {
        var completed: Int
        var notes: [String] = []
        var lastDraw: ContinuousClock.Instant?
        var isDrawn: Bool = false
        var drawnCount: Int?
        var isFinished: Bool = false
    }

    private let title: String
    private let total: Int?
    private let unit: String
    private let style: TerminalStyle
    private let plainInterval: Duration
    private let write: @Sendable (String) -> Void
    private let start: ContinuousClock.Instant
    private let startCount: Int
    private let state: Mutex<State>

    /// Starts the clock; nothing is printed before the first ``update(_:note:)``.
    /// - Parameters:
    ///   - title: what is being done, for example `checking records`.
    ///   - total: units in all; nil where it is not known (no share and no time left are shown then).
    ///   - unit: plural name of what is counted.
    ///   - completed: units done before this run (a resumed run), left out of the rate.
    public convenience init(_ title: String, total: Int?, unit: String = "items", completed: Int = 0) {
        self.init(title, total: total, unit: unit, completed: completed, style: .standardError) { text in
            writeToStandardError(text)
        }
    }

    /// The same with a given style and output.
    package init(
        _ title: String, total: Int?, unit: String, completed: Int = 0, style: TerminalStyle,
        plainInterval: Duration = .seconds(5), write: @escaping @Sendable (String) -> Void
    ) {
        self.title = title
        self.total = total
        self.unit = unit
        self.style = style
        self.plainInterval = plainInterval
        self.write = write
        start = .now
        startCount = completed
        state = Mutex(State(completed: completed))
    }

    /// Adds `count` units and redraws when it is time.
    public func advance(by count: Int = 1) {
        state.withLock { state in
            state.completed += count
            drawIfDue(&state)
        }
    }

    /// Sets the number of units done, with short notes after it (a loss, a speed), and redraws when it is time.
    /// - Parameter notes: the most important first; a narrow terminal leaves out the last ones. Nil keeps those before.
    public func update(_ completed: Int, notes: [String]? = nil) {
        state.withLock { state in
            state.completed = completed
            if let notes { state.notes = notes }
            drawIfDue(&state)
        }
    }

    /// Prints a whole line without tearing the bar.
    public func message(_ text: String) {
        state.withLock { state in
            write(clearing(&state) + text + "\n")
            if style.isInteractive, !state.isFinished { draw(&state) }
        }
    }

    /// Draws the last state and ends the line. Further calls do nothing.
    public func finish() {
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            // A log that has the last state already needs it no second time.
            if !style.isInteractive, state.drawnCount == state.completed { return }
            let text = line(state)
            write(style.isInteractive ? "\r\u{1B}[K" + text + "\n" : text + "\n")
        }
    }

    private func clearing(_ state: inout State) -> String {
        defer { state.isDrawn = false }
        return state.isDrawn ? "\r\u{1B}[K" : ""
    }

    private func drawIfDue(_ state: inout State) {
        guard !state.isFinished else { return }
        let interval = style.isInteractive ? Duration.milliseconds(100) : plainInterval
        let now = ContinuousClock.now
        // A pipe gets its first line after one interval, so that short work prints only its last line.
        let reference = state.lastDraw ?? (style.isInteractive ? nil : start)
        if let reference, now - reference < interval { return }
        draw(&state)
        state.lastDraw = now
    }

    private func draw(_ state: inout State) {
        state.drawnCount = state.completed
        if style.isInteractive {
            write("\r\u{1B}[K" + line(state))
            state.isDrawn = true
        } else {
            write(line(state) + "\n")
        }
    }

    private func line(_ state: State) -> String {
        ProgressLine(
            title: title, completed: state.completed, total: total, unit: unit, notes: state.notes,
            seconds: (ContinuousClock.now - start).inSeconds, startCount: startCount
        ).text(style: style)
    }
}

/// Writes all of `text` to descriptor 2; a closed standard error is not worth ending the work for.
func writeToStandardError(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if count <= 0 { return }
        bytes = bytes.dropFirst(count)
    }
}

extension Duration {
    /// The duration in seconds.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
