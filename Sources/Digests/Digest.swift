#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// SHA-256 of bytes, strings and files, and stable numbers derived from it.
public enum Digest {
    /// The digest of the bytes.
    public static func sha256(_ bytes: [UInt8]) -> SHA256Digest {
        bytes.withUnsafeBytes { sha256($0) }
    }

    /// The digest of the bytes.
    public static func sha256(_ bytes: UnsafeRawBufferPointer) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of the string's UTF-8 bytes.
    public static func sha256(_ string: String) -> SHA256Digest {
        var hasher = SHA256Hasher()
        hasher.update(string)
        return hasher.finalize()
    }

    /// The first 16 hexadecimal digits of the digest: enough to tell files of one project apart, short enough to show.
    public static func fingerprint(_ bytes: [UInt8]) -> String { String(sha256(bytes).hex.prefix(16)) }

    /// The digest of a file's content, read once in pieces of 1 MiB.
    ///
    /// - Throws: ``DigestError`` when the file cannot be opened or read.
    public static func sha256(fileAt path: String) throws(DigestError) -> SHA256Digest {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw DigestError(path: path, errorNumber: errno) }
        defer { close(file) }
        var hasher = SHA256Hasher()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = read(file, buffer.baseAddress, buffer.count)
            if count == 0 { return hasher.finalize() }
            if count < 0 {
                if errno == EINTR { continue }
                throw DigestError(path: path, errorNumber: errno)
            }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// A 64-bit hash of a string that is the same in every run, on every machine and in every version.
///
/// The first eight bytes of the SHA-256 of its UTF-8, big-endian. Use it where membership must not move: splits, shards,
/// seeds derived from names. Swift's own `Hasher` is seeded per process and must not be used there.
public func stableHash64(_ string: String) -> UInt64 {
    Digest.sha256(string).prefix64
}

/// A place in `0 ..< 1` for a string, stable like ``stableHash64(_:)``: compare it with a split's share.
public func stableUnitInterval(_ string: String) -> Double {
    Double(stableHash64(string) >> 11) * 0x1p-53
}

/// Why a file's digest could not be computed.
public struct DigestError: Error, Hashable, CustomStringConvertible {
    /// The file that could not be read.
    public let path: String
    /// The system's error number (`errno`).
    public let errorNumber: Int32

    /// One sentence with the path and the system's reason.
    public var description: String {
        "cannot read \(path) to compute its SHA-256: \(String(cString: strerror(errorNumber)))"
    }
}
