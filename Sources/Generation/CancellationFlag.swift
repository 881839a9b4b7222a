import Synchronization

/// A flag that any thread may raise and the computing thread asks between steps.
public final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A lowered flag.
    public init() {}

    /// Raises the flag for good.
    public func cancel() { flag.store(true, ordering: .relaxed) }

    /// Whether the flag was raised.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
