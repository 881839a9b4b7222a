/// What Syrinx needs to know of a serialised SentencePiece model beyond what the library tells.
///
/// Reads the protocol-buffer wire format just deep enough: each piece's type, and three settings of the normaliser and
/// trainer. Field numbers are those of `sentencepiece_model.proto` in the SentencePiece sources. Being strict here also
/// keeps files that are no models away from the library.
struct SentencePieceModelProto {
    /// One vocabulary entry: its spelling, its type's number, and where in the file that number stands.
    struct Piece {
        var text: String
        var type: UInt64 = Self.normal
        var typeOffset: Int?

        static let normal: UInt64 = 1
        static let control: UInt8 = 3
        static let userDefined: UInt64 = 4
    }

    private(set) var pieces: [Piece] = []
    private(set) var addsDummyPrefix = true
    private(set) var removesExtraSpaces = true
    private(set) var unknownSurface = " \u{2047} "

    /// Why bytes are not a model.
    struct Malformed: Error {
        let reason: String
    }

    init(_ bytes: [UInt8]) throws(Malformed) {
        if bytes.isEmpty { throw Malformed(reason: "it is empty") }
        if bytes.starts(with: Array("version https://git-lfs".utf8)) {
            throw Malformed(reason: "it is a Git LFS pointer; fetch the file itself with `git lfs pull`")
        }
        if bytes[0] == UInt8(ascii: "{") {
            throw Malformed(reason: "it looks like JSON; Syrinx reads tokenizer.model, not tokenizer.json")
        }
        var reader = WireReader(bytes[...])
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let message)): pieces.append(try Self.piece(message))
            case (2, .bytes(let message)): try readTrainer(message)
            case (3, .bytes(let message)): try readNormalizer(message)
            default: break
            }
        }
        if pieces.isEmpty { throw Malformed(reason: "it has no vocabulary") }
    }

    private static func piece(_ message: ArraySlice<UInt8>) throws(Malformed) -> Piece {
        var piece = Piece(text: "")
        var reader = WireReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): piece.text = String(decoding: text, as: UTF8.self)
            case (3, .varint(let type)): (piece.type, piece.typeOffset) = (type, field.offset)
            default: break
            }
        }
        return piece
    }

    private mutating func readTrainer(_ message: ArraySlice<UInt8>) throws(Malformed) {
        var reader = WireReader(message)
        while let field = try reader.next() {
            if case (44, .bytes(let text)) = (field.number, field.value) {
                unknownSurface = String(decoding: text, as: UTF8.self)
            }
        }
    }

    private mutating func readNormalizer(_ message: ArraySlice<UInt8>) throws(Malformed) {
        var reader = WireReader(message)
        while let field = try reader.next() {
            switch (field.number, field.value) {
            case (3, .varint(let flag)): addsDummyPrefix = flag != 0
            case (4, .varint(let flag)): removesExtraSpaces = flag != 0
            default: break
            }
        }
    }
}

/// Walks the fields of one protocol-buffer message.
private struct WireReader {
    enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed
    }

    struct Field {
        let number: UInt64
        let value: Value
        /// Where the value starts, counted from the file's first byte.
        let offset: Int
    }

    private var rest: ArraySlice<UInt8>

    init(_ message: ArraySlice<UInt8>) { rest = message }

    mutating func next() throws(SentencePieceModelProto.Malformed) -> Field? {
        if rest.isEmpty { return nil }
        let start = rest.startIndex
        let key = try varint()
        let number = key >> 3
        if number == 0 { throw malformed("a field numbered 0", at: start) }
        let offset = rest.startIndex
        switch key & 7 {
        case 0: return Field(number: number, value: .varint(try varint()), offset: offset)
        case 1: return Field(number: number, value: try fixed(8), offset: offset)
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else {
                throw malformed("a field of \(count) bytes where \(rest.count) are left", at: start)
            }
            let value = rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
            return Field(number: number, value: .bytes(value), offset: offset)
        case 5: return Field(number: number, value: try fixed(4), offset: offset)
        default: throw malformed("a field of unknown kind \(key & 7)", at: start)
        }
    }

    private mutating func fixed(_ count: Int) throws(SentencePieceModelProto.Malformed) -> Value {
        guard rest.count >= count else { throw malformed("the end of the data inside a number", at: rest.startIndex) }
        rest = rest.dropFirst(count)
        return .fixed
    }

    private mutating func varint() throws(SentencePieceModelProto.Malformed) -> UInt64 {
        let start = rest.startIndex
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw malformed("the end of the data inside a number", at: start) }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw malformed("a number longer than 64 bits", at: start)
    }

    private func malformed(_ what: String, at offset: Int) -> SentencePieceModelProto.Malformed {
        SentencePieceModelProto.Malformed(reason: "it has \(what) at byte \(offset)")
    }
}
