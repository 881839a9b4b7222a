#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// Why the system refuses to write a file.
package struct FileFailure: Error {
    /// Its `errno`.
    package let code: Int32

    /// In the system's words, for example `No space left on device`.
    package var reason: String { String(cString: strerror(code)) }

    static var ofLastCall: FileFailure { FileFailure(code: errno) }
}

/// A file that several threads and processes add to at once, none of them losing what another wrote.
///
/// The file is open with `O_APPEND` and every addition is one call, so the system finds the end and writes there in one go. When
/// ``append(_:)`` returns, every reader finds the bytes in the file.
package final class AppendFile: Sendable {
    private let descriptor: Int32

    /// Opens the file, or creates it.
    /// - Parameter mustBeNew: whether a file that is there already is refused, with EEXIST.
    package init(_ path: String, mustBeNew: Bool = false) throws(FileFailure) {
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (mustBeNew ? O_EXCL : 0), 0o644)
        guard descriptor >= 0 else { throw .ofLastCall }
    }

    deinit { close(descriptor) }

    /// Adds bytes at the end.
    package func append(_ bytes: [UInt8]) throws(FileFailure) { try Self.write(bytes, to: descriptor) }

    /// Adds a line; a cut one before it, which a killed process or a full disk left, is ended.
    /// - Parameter line: without its end.
    package func append(line: [UInt8]) throws(FileFailure) {
        try append((endsInCutLine ? [0x0A] : []) + line + [0x0A])
    }

    private var endsInCutLine: Bool {
        let length = lseek(descriptor, 0, SEEK_END)
        var last: UInt8 = 0
        return length > 0 && pread(descriptor, &last, 1, length - 1) == 1 && last != 0x0A
    }

    /// Writes all bytes: in one call, or in as many as a full disk or a signal makes of it.
    package static func write(_ bytes: [UInt8], to descriptor: Int32) throws(FileFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { buffer in
                #if canImport(Darwin)
                    Darwin.write(descriptor, buffer.baseAddress, buffer.count)
                #else
                    Glibc.write(descriptor, buffer.baseAddress, buffer.count)
                #endif
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .ofLastCall }
            rest = rest.dropFirst(count)
        }
    }
}
