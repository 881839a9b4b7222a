internal import CZlib

/// The checksum of zip archives (CRC-32 of ISO 3309, as zlib computes it): it tells damage, not forgery.
public enum CRC32 {
    /// The checksum of the bytes; 0 for none.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
    }
}
