import CTorch

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Marks errors the user caused with an argument or a file; a command exits with status 2 for these.
public protocol InputError: Error {}

/// What libtorch said when an operation failed.
public struct TorchError: Error, Sendable, CustomStringConvertible {
    /// What sort of failure it was.
    public enum Kind: Sendable {
        /// Shapes, dtypes, devices or arguments that do not fit.
        case usage
        /// The device or the machine had no memory left for the result.
        case outOfMemory
        /// Anything else.
        case other
    }

    public let kind: Kind
    public let message: String

    /// The failure libtorch recorded on this thread.
    static var current: TorchError {
        let kind: Kind =
            switch syrinx_torch_error_kind() {
            case 1: .usage
            case 2: .outOfMemory
            default: .other
            }
        return TorchError(kind: kind, message: String(cString: syrinx_torch_error_message()))
    }

    public var description: String { message }
}

/// The failures of the scopes open on the current thread, innermost last.
private final class ErrorScopes {
    var first: [TorchError?] = []
}

/// One `ErrorScopes` a thread, found through a C thread-local depth and a small table.
private enum ThreadScopes {
    static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { pointer in
            let raw: UnsafeMutableRawPointer? = pointer
            if let raw { Unmanaged<ErrorScopes>.fromOpaque(raw).release() }
        }
        return key
    }()

    static var current: ErrorScopes {
        if let pointer = pthread_getspecific(key) {
            return Unmanaged<ErrorScopes>.fromOpaque(pointer).takeUnretainedValue()
        }
        let scopes = ErrorScopes()
        pthread_setspecific(key, Unmanaged.passRetained(scopes).toOpaque())
        return scopes
    }
}

/// Runs `body`, turning the first failing tensor operation into a thrown error instead of a trap.
///
/// Inside, a failing operation returns a poisoned tensor; operations on it do nothing, its shape is empty, and the
/// scope throws when `body` ends. The scope belongs to the calling thread: do not suspend inside.
///
/// - Throws: ``TorchError`` for the first failed operation, or whatever `body` throws.
public func withTorchErrors<Result>(_ body: () throws -> Result) throws -> Result {
    let scopes = ThreadScopes.current
    scopes.first.append(nil)
    syrinx_torch_scope_enter()
    defer { syrinx_torch_scope_leave() }
    let result: Result
    do {
        result = try body()
    } catch {
        // The recorded failure came first and explains what `body` stumbled over.
        if let recorded = scopes.first.removeLast() { throw recorded }
        throw error
    }
    if let recorded = scopes.first.removeLast() { throw recorded }
    return result
}

/// Records a failure in the innermost scope, or traps with the message and the call site when there is none.
func recordOrTrap(_ error: TorchError, _ file: StaticString, _ line: UInt) {
    guard syrinx_torch_scope_depth() > 0 else { fatalError("torch: \(error.message)", file: file, line: line) }
    let scopes = ThreadScopes.current
    let innermost = scopes.first.count - 1
    if scopes.first[innermost] == nil { scopes.first[innermost] = error }
}

/// Checks a condition of the caller's making, like `precondition`, but inside ``withTorchErrors(_:)`` it throws there.
///
/// - Returns: whether the condition held.
@discardableResult
public func check(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Bool {
    if !condition { recordOrTrap(TorchError(kind: .usage, message: message()), file, line) }
    return condition
}
