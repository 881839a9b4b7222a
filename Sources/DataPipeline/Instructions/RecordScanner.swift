import Digests

/// Finds the records of a JSON list or of JSON lines without reading them: where each begins and ends, whether it has
/// images, a number that records about the same images share, and the keys that nothing reads.
struct RecordScanner {
    struct Record {
        var offset: Int
        var length: Int
        var hasImages: Bool
        /// Of the value that names images, or of the whole record where it has none: what the split goes by.
        var group: UInt64
    }

    private let bytes: UnsafeRawBufferPointer
    private let name: String
    private var unreadKeys = UnreadKeys()

    private init(bytes: UnsafeRawBufferPointer, name: String) {
        self.bytes = bytes
        self.name = name
    }

    /// - Throws: ``DataError`` where the file ends inside a record or a list holds something else than objects.
    static func records(
        in bytes: UnsafeRawBufferPointer, name: String
    ) throws(DataError) -> (records: [Record], unreadKeys: UnreadKeys) {
        var scanner = RecordScanner(bytes: bytes, name: name)
        // A byte order mark, which some editors put before UTF-8, is none of the text.
        let start = scanner.skipSpace(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        guard start < bytes.count else {
            throw DataError("\(name) is empty; write a list of records, or one record per line")
        }
        let records =
            bytes[start] == UInt8(ascii: "[") ? try scanner.list(from: start + 1) : scanner.lines(from: start)
        return (records, scanner.unreadKeys)
    }

    private mutating func list(from start: Int) throws(DataError) -> [Record] {
        var records: [Record] = []
        var place = skipSpace(start)
        while place < bytes.count, bytes[place] != UInt8(ascii: "]") {
            guard bytes[place] == UInt8(ascii: "{") else {
                throw DataError("\(name): element \(records.count) of the list (byte \(place)) is not an object")
            }
            guard let record = record(at: place, end: bytes.count) else {
                throw DataError(
                    "\(name) ends inside record \(records.count), which begins at byte \(place): it is truncated")
            }
            records.append(record)
            place = skipSpace(place + record.length)
            if place < bytes.count, bytes[place] == UInt8(ascii: ",") { place = skipSpace(place + 1) }
        }
        guard place < bytes.count else {
            throw DataError("\(name): the list has no end after \(records.count) records: it is truncated")
        }
        let rest = skipSpace(place + 1)
        guard rest == bytes.count else {
            throw DataError(
                "\(name) has text after its list of \(records.count) records (byte \(rest)): a file holds one list; "
                    + "give several files as several entries, or join them into one list")
        }
        return records
    }

    /// A line that is not an object is kept, and fails when it is read.
    private mutating func lines(from start: Int) -> [Record] {
        var records: [Record] = []
        var place = start
        while place < bytes.count {
            var end = place
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            let first = skipSpace(place)
            if first < end {
                let damaged = Record(offset: first, length: end - first, hasImages: false, group: hash(first..<end))
                var found = record(at: first, end: end) ?? damaged
                found.length = end - first
                records.append(found)
            }
            place = end + 1
        }
        return records
    }

    /// The object that begins at `start`; nil where it does not end before `end`.
    private mutating func record(at start: Int, end: Int) -> Record? {
        var place = start
        var walk = Walk()
        while place < end {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                guard let close = endOfString(place, end: end) else { return nil }
                if walk.awaitsKey { note(key: place + 1..<close, &walk) }
                walk.awaitsKey = false
                place = close
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                walk.open(isObject: bytes[place] == UInt8(ascii: "{"))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if walk.depth == 1 { walk.endValue(at: place) }
                walk.depth -= 1
                if walk.depth == 0 { return finished(start..<place + 1, images: walk.images) }
            case UInt8(ascii: ","):
                if walk.depth == 1 { walk.endValue(at: place) }
                walk.awaitsKey = walk.isInRecord || walk.isInTurn
            default: break
            }
            place += 1
        }
        return nil
    }

    /// Where in a record the scanner is.
    private struct Walk {
        var depth = 0
        /// Whether the next string is a key of the record or of a turn.
        var awaitsKey = false
        /// The values that name images.
        var images: [Range<Int>] = []
        /// Where the value of such a key begins, until it ends.
        var imageStart: Int?
        /// The record's key whose value this is, where it is a list of turns.
        var turnList: String?
        private var isTurnObject = false

        var isInRecord: Bool { depth == 1 }
        var isInTurn: Bool { depth == 3 && turnList != nil && isTurnObject }

        mutating func open(isObject: Bool) {
            depth += 1
            if depth == 3 { isTurnObject = isObject }
            awaitsKey = isObject && (isInRecord || isInTurn)
        }

        mutating func endValue(at place: Int) {
            if let start = imageStart, start < place { images.append(start..<place) }
            imageStart = nil
        }
    }

    /// Takes down a key of a record or of a turn.
    private mutating func note(key: Range<Int>, _ walk: inout Walk) {
        func isOne(of names: [String]) -> String? {
            names.first { $0.utf8.count == key.count && $0.utf8.elementsEqual(bytes[key]) }
        }
        if walk.isInTurn {
            guard isOne(of: RecordTurn.keys) == nil else { return }
            let name = String(decoding: bytes[key], as: UTF8.self)
            if !RecordMedium.isNamed(by: name) { unreadKeys.add("\(walk.turnList ?? "")[].\(name)") }
            return
        }
        walk.turnList = isOne(of: ConversationRecord.turnListKeys)
        if isOne(of: RecordMedium.imageKeys) != nil {
            walk.imageStart = skipSpace(skipSpace(key.upperBound + 1) + 1)
        } else if isOne(of: ConversationRecord.keys) == nil {
            let name = String(decoding: bytes[key], as: UTF8.self)
            if !RecordMedium.isNamed(by: name) { unreadKeys.add(name) }
        }
    }

    private func finished(_ range: Range<Int>, images: [Range<Int>]) -> Record {
        let images = images.first(where: holdsImage)
        return Record(
            offset: range.lowerBound, length: range.count, hasImages: images != nil, group: hash(images ?? range))
    }

    /// Whether the value names an image: a text, a list or an object that is not empty.
    private func holdsImage(_ value: Range<Int>) -> Bool {
        guard value.count > 2 else { return false }
        let next = skipSpace(value.lowerBound + 1)
        return switch bytes[value.lowerBound] {
        case UInt8(ascii: "\""): bytes[value.lowerBound + 1] != UInt8(ascii: "\"")
        case UInt8(ascii: "["): bytes[next] != UInt8(ascii: "]")
        case UInt8(ascii: "{"): bytes[next] != UInt8(ascii: "}")
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

    private func skipSpace(_ start: Int) -> Int {
        var place = start
        while place < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[place]) { place += 1 }
        return place
    }

    private func hash(_ range: Range<Int>) -> UInt64 {
        Digest.sha256(UnsafeRawBufferPointer(rebasing: bytes[range])).prefix64
    }
}
