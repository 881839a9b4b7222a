/// The Castagnoli checksum (RFC 3720, appendix B.4) and the masked form that TensorFlow's record files use.
package enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0x82F6_3B78 ^ (value >> 1) : value >> 1 }
    }

    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes { value = table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ (value >> 8) }
        return value ^ 0xFFFF_FFFF
    }

    /// The checksum rotated right by 15 bits plus a constant, so that checksums of checksums stay meaningful.
    package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let value = checksum(bytes)
        return ((value >> 15) | (value << 17)) &+ 0xA282_EAD8
    }
}
