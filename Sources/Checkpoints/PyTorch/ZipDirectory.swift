/// Where the files of an uncompressed zip archive lie, so that they can be mapped.
///
/// PyTorch's archives store every file as it is. Everything is checked against the archive's length before it is
/// believed: compressed or encrypted entries, entries outside the archive or over one another, and names twice are refused,
/// so no archive expands into more than its own bytes. Format: PKWARE's APPNOTE.TXT, 4.3 and 4.5.3 (zip64).
struct ZipDirectory {
    /// A file of the archive.
    struct Entry: Hashable, Sendable {
        var name: String
        /// Its bytes, counted from the archive's first.
        var range: Range<Int>
        /// Their CRC-32 as the archive lists it; 0 where whoever wrote it left it out.
        var checksum: UInt32
    }

    /// Why the bytes are no such archive.
    struct Malformed: Error { let reason: String }

    let entries: [Entry]

    private enum Signature {
        static let local: UInt32 = 0x0403_4B50
        static let central: UInt32 = 0x0201_4B50
        static let end: UInt32 = 0x0605_4B50
        static let end64: UInt32 = 0x0606_4B50
        static let locator64: UInt32 = 0x0706_4B50
    }

    private static let entryLimit = 1_000_000

    init(_ file: UnsafeRawBufferPointer) throws(Malformed) {
        let reader = Reader(file: file)
        let directory = try Self.directory(reader)
        guard directory.count <= Self.entryLimit else {
            throw Malformed(reason: "it lists \(directory.count) files, more than the \(Self.entryLimit) allowed")
        }
        var place = directory.start
        var found: [Entry] = []
        var names: Set<String> = []
        for _ in 0..<directory.count {
            let entry = try Self.entry(reader, at: &place)
            guard names.insert(entry.name).inserted else {
                throw Malformed(reason: "it has \(entry.name.debugDescription) twice")
            }
            found.append(entry)
        }
        let ordered = found.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (before, after) in zip(ordered, ordered.dropFirst()) where after.range.lowerBound < before.range.upperBound
        {
            throw Malformed(
                reason: "\(before.name.debugDescription) and \(after.name.debugDescription) overlap")
        }
        entries = found
    }

    /// Where the central directory begins, and how many entries it has.
    private static func directory(_ reader: Reader) throws(Malformed) -> (start: Int, count: Int) {
        // The end record has 22 bytes and a comment of at most 65,535.
        let lowest = max(0, reader.file.count - 22 - 65_535)
        var end = reader.file.count - 22
        while end >= lowest, try reader.uint32(end) != Signature.end { end -= 1 }
        guard end >= lowest, end >= 0 else {
            throw Malformed(reason: "it has no end of a zip archive: it may be truncated")
        }
        let count = Int(try reader.uint16(end + 10)), start = Int(try reader.uint32(end + 16))
        guard count == 0xFFFF || start == 0xFFFF_FFFF else { return (start, count) }
        guard end >= 20, try reader.uint32(end - 20) == Signature.locator64 else { return (start, count) }
        let record = try reader.length(end - 20 + 8)
        guard try reader.uint32(record) == Signature.end64 else {
            throw Malformed(reason: "its zip64 end record is not where it says")
        }
        return (try reader.length(record + 48), try reader.length(record + 32))
    }

    /// Reads one entry of the central directory and moves past it.
    private static func entry(_ reader: Reader, at place: inout Int) throws(Malformed) -> Entry {
        guard try reader.uint32(place) == Signature.central else {
            throw Malformed(reason: "its list of files is damaged at byte \(place)")
        }
        let flags = try reader.uint16(place + 8), method = try reader.uint16(place + 10)
        var packed = Int(try reader.uint32(place + 20)), size = Int(try reader.uint32(place + 24))
        let checksum = try reader.uint32(place + 16)
        let nameLength = Int(try reader.uint16(place + 28)), extraLength = Int(try reader.uint16(place + 30))
        let commentLength = Int(try reader.uint16(place + 32))
        var header = Int(try reader.uint32(place + 42))
        let name = String(decoding: try reader.bytes(place + 46, count: nameLength), as: UTF8.self)
        var extra = place + 46 + nameLength
        let extraEnd = extra + extraLength
        while extra + 4 <= extraEnd {
            let (kind, length) = (try reader.uint16(extra), Int(try reader.uint16(extra + 2)))
            if kind == 1 {
                // Only the values that do not fit into 32 bits are there, in this order.
                var value = extra + 4
                func next(_ current: Int) throws(Malformed) -> Int {
                    guard current == 0xFFFF_FFFF else { return current }
                    guard value + 8 <= extra + 4 + length else {
                        throw Malformed(reason: "the zip64 sizes of \(name.debugDescription) are truncated")
                    }
                    defer { value += 8 }
                    return try reader.length(value)
                }
                size = try next(size)
                packed = try next(packed)
                header = try next(header)
            }
            extra += 4 + length
        }
        guard method == 0, packed == size else {
            throw Malformed(reason: "\(name.debugDescription) is compressed, which PyTorch never does")
        }
        guard flags & 1 == 0 else { throw Malformed(reason: "\(name.debugDescription) is encrypted") }
        guard try reader.uint32(header) == Signature.local else {
            throw Malformed(reason: "\(name.debugDescription) is not where the list of files says")
        }
        let start = header + 30 + Int(try reader.uint16(header + 26)) + Int(try reader.uint16(header + 28))
        _ = try reader.bytes(start, count: size)
        place = extraEnd + commentLength
        return Entry(name: name, range: start..<start + size, checksum: checksum)
    }

    /// Little-endian numbers, each checked against the length.
    private struct Reader {
        let file: UnsafeRawBufferPointer

        func bytes(_ start: Int, count: Int) throws(Malformed) -> Slice<UnsafeRawBufferPointer> {
            guard start >= 0, count >= 0, start <= file.count, count <= file.count - start else {
                throw Malformed(
                    reason: "it refers to \(count) bytes at \(start), but has \(file.count): it may be truncated")
            }
            return file[start..<start + count]
        }
        func uint16(_ start: Int) throws(Malformed) -> UInt16 {
            UInt16(
                littleEndian: UnsafeRawBufferPointer(rebasing: try bytes(start, count: 2)).loadUnaligned(
                    as: UInt16.self))
        }
        func uint32(_ start: Int) throws(Malformed) -> UInt32 {
            UInt32(
                littleEndian: UnsafeRawBufferPointer(rebasing: try bytes(start, count: 4)).loadUnaligned(
                    as: UInt32.self))
        }
        /// A 64-bit number that cannot exceed the archive.
        func length(_ start: Int) throws(Malformed) -> Int {
            let value = UInt64(
                littleEndian: UnsafeRawBufferPointer(rebasing: try bytes(start, count: 8)).loadUnaligned(
                    as: UInt64.self))
            guard value <= UInt64(file.count) else {
                throw Malformed(reason: "it states \(value), more than its \(file.count) bytes: it may be truncated")
            }
            return Int(value)
        }
    }
}
