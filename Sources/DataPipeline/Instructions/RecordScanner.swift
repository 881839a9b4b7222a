import Digests

/// Finds the records of a JSON list or of JSON lines without reading them: where each begins and ends, whether it has
/// pictures, and a number that records about the same pictures share.
struct RecordScanner {
    struct Record {
        var offset: Int
        var length: Int
        var hasPictures: Bool
        /// Of the value of `image`, or of the whole record where it has none: what the split goes by.
        var group: UInt64
    }

    private let bytes: UnsafeRawBufferPointer
    private let name: String

    /// - Throws: ``DataError`` where the file ends inside a record or a list holds something else than objects.
    static func records(in bytes: UnsafeRawBufferPointer, name: String) throws(DataError) -> [Record] {
        let scanner = RecordScanner(bytes: bytes, name: name)
        // A byte order mark, which some editors put before UTF-8, is none of the text.
        let start = scanner.skipSpace(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        guard start < bytes.count else {
            throw DataError("\(name) is empty; write a list of records, or one record a line")
        }
        return bytes[start] == UInt8(ascii: "[") ? try scanner.list(from: start + 1) : scanner.lines(from: start)
    }

    private func list(from start: Int) throws(DataError) -> [Record] {
        var records: [Record] = []
        var place = skipSpace(start)
        while place < bytes.count, bytes[place] != UInt8(ascii: "]") {
            guard bytes[place] == UInt8(ascii: "{") else {
                throw DataError("\(name): element \(records.count) of the list (byte \(place)) is no object")
            }
            guard let record = record(at: place, end: bytes.count) else {
                throw DataError(
                    "\(name) ends inside record \(records.count), which begins at byte \(place): it is cut off")
            }
            records.append(record)
            place = skipSpace(place + record.length)
            if place < bytes.count, bytes[place] == UInt8(ascii: ",") { place = skipSpace(place + 1) }
        }
        guard place < bytes.count else {
            throw DataError("\(name): the list has no end after \(records.count) records: it is cut off")
        }
        let rest = skipSpace(place + 1)
        guard rest == bytes.count else {
            throw DataError(
                "\(name) goes on behind its list of \(records.count) records (byte \(rest)): a file is one list; "
                    + "give several files as several entries, or join them into one list")
        }
        return records
    }

    /// A line that is no object is kept, and fails when it is read.
    private func lines(from start: Int) -> [Record] {
        var records: [Record] = []
        var place = start
        while place < bytes.count {
            var end = place
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            let first = skipSpace(place)
            if first < end {
                let damaged = Record(offset: first, length: end - first, hasPictures: false, group: hash(first..<end))
                var found = record(at: first, end: end) ?? damaged
                found.length = end - first
                records.append(found)
            }
            place = end + 1
        }
        return records
    }

    /// The object that begins at `start`; nil where it does not end before `end`.
    private func record(at start: Int, end: Int) -> Record? {
        var depth = 0
        var place = start
        var isKey = false
        var image: (start: Int, end: Int?)?
        while place < end {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                guard let close = endOfString(place, end: end) else { return nil }
                if depth == 1, isKey, rangeEquals(place + 1..<close, "image") {
                    image = (skipSpace(skipSpace(close + 1) + 1), nil)
                }
                isKey = false
                place = close
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isKey = depth == 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 1, image != nil, image?.end == nil { image?.end = place }
                depth -= 1
                if depth == 0 {
                    return finished(start..<place + 1, image: image.map { $0.start..<max($0.start, $0.end ?? place) })
                }
            case UInt8(ascii: ","):
                if depth == 1 {
                    if image != nil, image?.end == nil { image?.end = place }
                    isKey = true
                }
            default: break
            }
            place += 1
        }
        return nil
    }

    private func finished(_ range: Range<Int>, image: Range<Int>?) -> Record {
        let hasPictures = image.map(holdsPicture) ?? false
        return Record(
            offset: range.lowerBound, length: range.count, hasPictures: hasPictures,
            group: hash(hasPictures ? image ?? range : range))
    }

    /// Whether the value names a picture: a text or a list that is not empty.
    private func holdsPicture(_ value: Range<Int>) -> Bool {
        guard value.count > 2 else { return false }
        let next = skipSpace(value.lowerBound + 1)
        return switch bytes[value.lowerBound] {
        case UInt8(ascii: "\""): bytes[value.lowerBound + 1] != UInt8(ascii: "\"")
        case UInt8(ascii: "["): bytes[next] != UInt8(ascii: "]")
        default: false
        }
    }

    private func endOfString(_ start: Int, end: Int) -> Int? {
        var place = start + 1
        while place < end {
            if bytes[place] == UInt8(ascii: "\\") {
                place += 2
            } else if bytes[place] == UInt8(ascii: "\"") {
                return place
            } else {
                place += 1
            }
        }
        return nil
    }

    private func rangeEquals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount && zip(range, 0...).allSatisfy { bytes[$0] == text.utf8Start[$1] }
    }

    private func skipSpace(_ start: Int) -> Int {
        var place = start
        while place < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[place]) { place += 1 }
        return place
    }

    private func hash(_ range: Range<Int>) -> UInt64 {
        Digest.sha256(UnsafeRawBufferPointer(rebasing: bytes[range])).prefix64
    }
}
