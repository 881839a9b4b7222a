// `stdout` is a global variable to Swift; this file imports nothing else that declares it.
#if canImport(Glibc)
    @preconcurrency import Glibc
#elseif canImport(Musl)
    @preconcurrency import Musl
#elseif canImport(Darwin)
    @preconcurrency import Darwin
#endif

/// Standard output took less than was printed: a full disk, for instance.
struct LostOutput: Error, CustomStringConvertible {
    private let reason: String

    /// Empties the buffers; nil when all that was printed has arrived, now and before.
    init?() {
        let isWritten = fflush(nil) == 0
        guard !isWritten || ferror(stdout) != 0 else { return nil }
        reason = isWritten ? "" : ": " + String(cString: strerror(errno))
    }

    var description: String { "cannot write to standard output\(reason); the output is incomplete" }
}
