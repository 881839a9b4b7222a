import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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

    /// Does the work on the calling thread, with the line beside it.
    /// - Returns: what the work returned, and the seconds it took.
    public func during<Result>(_ work: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
        let start = ContinuousClock.now
        let ticker = Ticker(every: interval) {
            let line = "\(title): \(ProgressLine.time((ContinuousClock.now - start).inSeconds)) so far"
            write(style.isInteractive ? "\r\u{1B}[K\(line.prefix(max(20, style.width - 1)))" : line + "\n")
        }
        defer {
            ticker?.stop()
            if style.isInteractive { write("\r\u{1B}[K") }
        }
        let result = try work()
        return (result, (ContinuousClock.now - start).inSeconds)
    }
}

/// Does something again and again on a thread of its own: the work beside it may hold every thread that Swift's tasks share.
private final class Ticker: Sendable {
    private let interval: DispatchTimeInterval
    private let body: @Sendable () -> Void
    private let end = DispatchSemaphore(value: 0)
    private let hasEnded = DispatchSemaphore(value: 0)

    /// Nil where the system refuses a thread: the work matters more than the line.
    init?(every interval: Duration, _ body: @escaping @Sendable () -> Void) {
        self.interval = .nanoseconds(Int(interval.inSeconds * 1e9))
        self.body = body
        let context = Unmanaged.passRetained(self)
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let code = pthread_create(&thread, nil, { Ticker.run($0) }, context.toOpaque())
        guard code == 0 else {
            context.release()
            return nil
        }
        #if canImport(Darwin)
            if let thread { pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
    }

    /// Returns when the last call has ended.
    func stop() {
        end.signal()
        hasEnded.wait()
    }

    private static func run(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let context else { return nil }
        let ticker = Unmanaged<Ticker>.fromOpaque(context).takeRetainedValue()
        while ticker.end.wait(timeout: .now() + ticker.interval) == .timedOut { ticker.body() }
        ticker.hasEnded.signal()
        return nil
    }
}
