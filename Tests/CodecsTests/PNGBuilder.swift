/// Writes PNG files that no encoder would: wrong sizes, wrong chunks, data that inflate to far more than the image.
enum PNGBuilder {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A file of a header, `chunks`, and an end.
    static func file(
        width: Int, height: Int, depth: UInt8 = 8, colour: UInt8 = 2, interlace: UInt8 = 0, chunks: [[UInt8]]
    ) -> [UInt8] {
        let header = bigEndian(width) + bigEndian(height) + [depth, colour, 0, 0, interlace]
        return signature + chunk("IHDR", header) + chunks.flatMap { $0 } + chunk("IEND", [])
    }

    /// A whole image of zeros: grey or RGB of 8 bits.
    static func zeros(width: Int, height: Int, colour: UInt8 = 2, extra: [[UInt8]] = []) -> [UInt8] {
        let row = 1 + width * (colour == 2 ? 3 : 1)
        return file(
            width: width, height: height, colour: colour,
            chunks: extra + [chunk("IDAT", deflated(zeroCount: row * height))])
    }

    /// Length, kind, content, checksum.
    static func chunk(_ kind: String, _ body: [UInt8], statedLength: Int? = nil) -> [UInt8] {
        let content = Array(kind.utf8) + body
        return bigEndian(statedLength ?? body.count) + content + bigEndian(Int(crc32(content)))
    }

    static func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// A zlib stream of zeros at 158 bytes for one: every 13 bits copy the last byte 258 times.
    static func deflated(zeroCount: Int) -> [UInt8] {
        var bits = BitWriter()
        bits.write(0b011, count: 3)  // the last block, fixed codes
        var rest = zeroCount
        if rest > 0 {
            bits.write(0b0000_1100, count: 8)  // the literal 0, its code 00110000 from the highest bit on
            rest -= 1
        }
        while rest >= 258 {
            bits.write(0b1010_0011, count: 8)  // length 258, code 11000101
            bits.write(0, count: 5)  // distance 1
            rest -= 258
        }
        for _ in 0..<rest { bits.write(0b0000_1100, count: 8) }
        bits.write(0, count: 7)  // end of block
        return [0x78, 0x9C] + bits.finish() + bigEndian((zeroCount % 65_521) << 16 | 1)
    }

    /// Least significant bit first, as deflate has it.
    private struct BitWriter {
        private var bytes: [UInt8] = []
        private var current = 0
        private var filled = 0

        mutating func write(_ value: Int, count: Int) {
            current |= value << filled
            filled += count
            while filled >= 8 {
                bytes.append(UInt8(current & 0xFF))
                current >>= 8
                filled -= 8
            }
        }

        mutating func finish() -> [UInt8] {
            if filled > 0 { bytes.append(UInt8(current & 0xFF)) }
            return bytes
        }
    }

    /// The checksum of PNG chunks (ISO 3309).
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0 as UInt32) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
}
