internal import CCrypto

/// Computes a SHA-256 piece by piece, for data that is not in memory all at once.
///
/// A value: a copy goes on independently, and ``finalize()`` leaves the hasher usable.
public struct SHA256Hasher {
    private var context = Context()

    /// An empty hasher, whose digest is that of no bytes.
    public init() {}

    /// Adds the bytes to what has been hashed so far.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if !isKnownUniquelyReferenced(&context) { context = Context(copying: context) }
        context.update(bytes)
    }

    /// Adds the bytes to what has been hashed so far.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Adds the string's UTF-8 bytes to what has been hashed so far.
    public mutating func update(_ string: String) {
        var string = string
        string.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// The digest of everything added so far.
    public func finalize() -> SHA256Digest {
        let bytes = Context(copying: context).finish()
        guard let digest = SHA256Digest(bytes: bytes) else {
            fatalError("libcrypto returned a SHA-256 of \(bytes.count) bytes, expected \(SHA256Digest.byteCount)")
        }
        return digest
    }

    /// Owns one libcrypto context. Its calls fail only without memory or without SHA-256, and then they trap.
    private final class Context {
        private let pointer: OpaquePointer

        init() {
            pointer = Self.make()
            Self.check(EVP_DigestInit_ex(pointer, EVP_sha256(), nil), "EVP_DigestInit_ex")
        }

        init(copying other: Context) {
            pointer = Self.make()
            Self.check(EVP_MD_CTX_copy_ex(pointer, other.pointer), "EVP_MD_CTX_copy_ex")
        }

        deinit { EVP_MD_CTX_free(pointer) }

        func update(_ bytes: UnsafeRawBufferPointer) {
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
            Self.check(EVP_DigestUpdate(pointer, base, bytes.count), "EVP_DigestUpdate")
        }

        func finish() -> [UInt8] {
            var digest = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
            Self.check(EVP_DigestFinal_ex(pointer, &digest, nil), "EVP_DigestFinal_ex")
            return digest
        }

        private static func make() -> OpaquePointer {
            guard let context = EVP_MD_CTX_new() else { fatalError("libcrypto has no memory for a digest context") }
            return context
        }

        private static func check(_ result: Int32, _ name: String) {
            guard result == 1 else { fatalError("libcrypto's \(name) returned \(result), expected 1") }
        }
    }
}
