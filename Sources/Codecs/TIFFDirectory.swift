/// The first directory of a TIFF structure: of a TIFF file, or of the EXIF metadata in any other.
///
/// Every read is checked against the bounds; what is not well-formed gives `nil`. BigTIFF is read, too.
struct TIFFDirectory {
    /// The tags that are asked for.
    enum Tag: Int {
        case width = 0x0100
        case height = 0x0101
        case orientation = 0x0112
        case xmp = 0x02BC
    }

    private let bytes: ArraySlice<UInt8>
    private let isLittle: Bool
    private let isBig: Bool
    /// Where the values of each tag lie and of what type they are; of a tag that stands twice the last one counts.
    private var entries: [Int: (type: Int, count: Int, offset: Int)] = [:]

    /// Reads the directory; nil if the bytes are not a TIFF structure.
    init?(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        switch Array(bytes.prefix(4)) {
        case [0x49, 0x49, 0x2A, 0x00]: (isLittle, isBig) = (true, false)
        case [0x4D, 0x4D, 0x00, 0x2A]: (isLittle, isBig) = (false, false)
        case [0x49, 0x49, 0x2B, 0x00]: (isLittle, isBig) = (true, true)
        case [0x4D, 0x4D, 0x00, 0x2B]: (isLittle, isBig) = (false, true)
        default: return nil
        }
        let (wordSize, countSize) = isBig ? (8, 8) : (4, 2)
        guard let directory = integer(at: isBig ? 8 : 4, size: wordSize),
            let count = integer(at: directory, size: countSize)
        else { return nil }
        let entrySize = 4 + 2 * wordSize
        // No honest directory has more entries, and each is read.
        for index in 0..<min(count, 65_535) {
            let entry = directory + countSize + index * entrySize
            guard let tag = integer(at: entry, size: 2), let type = integer(at: entry + 2, size: 2),
                let valueCount = integer(at: entry + 4, size: wordSize)
            else { break }
            guard let size = Self.size(ofType: type), valueCount > 0 else { continue }
            let isInPlace = valueCount <= wordSize / size
            let place = entry + 4 + wordSize
            guard let offset = isInPlace ? place : integer(at: place, size: wordSize),
                offset <= bytes.count, valueCount <= (bytes.count - offset) / size
            else { continue }
            entries[tag] = (type, valueCount, offset)
        }
    }

    /// Bytes of one value.
    private static func size(ofType type: Int) -> Int? {
        switch type {
        case 1, 2, 6, 7: 1
        case 3, 8: 2
        case 4, 9, 11, 13: 4
        case 5, 10, 12, 16: 8
        default: nil
        }
    }

    /// Whether the directory has the tag, whatever its value.
    func has(_ tag: Tag) -> Bool { entries[tag.rawValue] != nil }

    /// The first value of a tag, where it is a whole number in any of the types that hold numbers: integers of 16 bits and
    /// more, fractions and floating point. Bytes and texts are no numbers, as in Pillow.
    func number(_ tag: Tag) -> Int? {
        guard let (type, _, offset) = entries[tag.rawValue] else { return nil }
        func value(_ size: Int, at place: Int = 0) -> Int? { integer(at: offset + place, size: size) }
        switch type {
        case 3: return value(2)
        case 4, 13: return value(4)
        case 6: return value(1).map { Int(Int8(truncatingIfNeeded: $0)) }
        case 8: return value(2).map { Int(Int16(truncatingIfNeeded: $0)) }
        case 9: return value(4).map { Int(Int32(truncatingIfNeeded: $0)) }
        case 16: return value(8)
        case 5, 10:
            guard let above = value(4), let below = value(4, at: 4) else { return nil }
            let (numerator, denominator) =
                type == 5
                ? (above, below) : (Int(Int32(truncatingIfNeeded: above)), Int(Int32(truncatingIfNeeded: below)))
            return denominator != 0 && numerator % denominator == 0 ? numerator / denominator : nil
        case 11: return value(4).flatMap { Int(exactly: Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
        case 12: return value(8).flatMap { Int(exactly: Double(bitPattern: UInt64(bitPattern: Int64($0)))) }
        default: return nil
        }
    }

    /// The bytes of a tag.
    func content(_ tag: Tag) -> ArraySlice<UInt8>? {
        guard let (type, count, offset) = entries[tag.rawValue], let size = Self.size(ofType: type) else { return nil }
        let start = bytes.startIndex + offset
        return bytes[start..<start + count * size]
    }

    /// An unsigned number; one of 8 bytes that no `Int` holds is none.
    private func integer(at offset: Int, size: Int) -> Int? {
        guard offset >= 0, size <= bytes.count, offset <= bytes.count - size else { return nil }
        let part = bytes[bytes.startIndex + offset..<bytes.startIndex + offset + size]
        let value =
            isLittle
            ? part.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            : part.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int(exactly: value)
    }
}
