internal import CSentencePiece

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// A SentencePiece vocabulary, BPE or unigram, read and run by libsentencepiece.
///
/// `tokenizer.model` files of published LLaMA-family checkpoints load as they are. Immutable and safe to share.
/// Kudo and Richardson, "SentencePiece", 2018, https://arxiv.org/abs/1808.06226.
public final class SentencePieceTokenizer: Tokenizer {
    /// Which user-defined pieces are out of reach for text that a user typed.
    ///
    /// Control pieces (`<s>`, `</s>`) are always out of reach.
    public enum ReservedPieces: Hashable, Sendable {
        /// Every user-defined piece: right for vocabularies whose user-defined pieces are placeholders, as ours are.
        case allUserDefined
        /// The named ones; the others are matched in text, as published vocabularies with pieces for runs of
        /// white space expect.
        case named(Set<String>)
        /// None.
        case none
    }

    /// The serialised model: the content of a `tokenizer.model` file.
    public let modelBytes: [UInt8]
    public let vocabularySize: Int
    public let beginID: Int?
    public let endID: Int?
    public let padID: Int?
    /// The id that stands for what the vocabulary cannot spell.
    public let unknownID: Int?
    public let leadingSpace: LeadingSpace

    // The library's const functions are safe to call from several threads, and nothing here changes after init.
    private nonisolated(unsafe) let model: OpaquePointer
    /// The same vocabulary with the reserved pieces turned into control pieces: same ids, never matched in text.
    private nonisolated(unsafe) let textModel: OpaquePointer
    private let texts: [TokenText]

    /// Loads a `tokenizer.model` file.
    ///
    /// - Throws: ``TokenizerError`` when the file cannot be read or is no SentencePiece model; the path is named.
    public convenience init(path: String, reserving reserved: ReservedPieces = .allUserDefined) throws(TokenizerError) {
        try self.init(model: Self.content(ofFileAt: path), from: path, reserving: reserved)
    }

    /// Loads a serialised model.
    ///
    /// - Parameter path: the file the bytes came from, for messages; nil when they came from none.
    /// - Throws: ``TokenizerError/notAModel(path:reason:)`` when the bytes are no SentencePiece model.
    public init(
        model bytes: [UInt8], from path: String? = nil, reserving reserved: ReservedPieces = .allUserDefined
    ) throws(TokenizerError) {
        let proto: SentencePieceModelProto
        do {
            proto = try SentencePieceModelProto(bytes)
        } catch {
            throw .notAModel(path: path, reason: error.reason)
        }
        let loaded = try Self.load(bytes, path: path)
        do {
            textModel = try Self.load(Self.reserve(reserved, in: bytes, proto), path: path)
        } catch {
            syrinx_sp_free(loaded)
            throw error
        }
        model = loaded
        modelBytes = bytes
        vocabularySize = Int(syrinx_sp_size(loaded))
        unknownID = Self.optional(syrinx_sp_unknown_id(loaded))
        beginID = Self.optional(syrinx_sp_begin_id(loaded))
        endID = Self.optional(syrinx_sp_end_id(loaded))
        padID = Self.optional(syrinx_sp_padding_id(loaded))
        leadingSpace =
            proto.removesExtraSpaces ? .allDropped : proto.addsDummyPrefix ? .firstDropped : .kept
        texts = proto.pieces.enumerated().map { id, piece in
            Self.text(of: piece.text, kind: syrinx_sp_piece_kind(loaded, Int32(id)), unknown: proto.unknownSurface)
        }
    }

    deinit {
        syrinx_sp_free(model)
        syrinx_sp_free(textModel)
    }

    public func encode(_ text: String) -> [Int] {
        var text = text
        var ids: UnsafeMutablePointer<Int32>?
        var count = 0
        let failure = text.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                syrinx_sp_encode(textModel, $0.baseAddress, $0.count, &ids, &count)
            }
        }
        if let failure {
            fatalError("libsentencepiece cannot encode \(text.debugDescription): \(String(cString: failure))")
        }
        defer { syrinx_sp_release(ids) }
        return UnsafeBufferPointer(start: ids, count: count).map { Int($0) }
    }

    public func decode(_ ids: [Int]) -> String {
        guard ids.allSatisfy({ (0..<vocabularySize).contains($0) }) else {
            var detokenizer = StreamingDetokenizer(self)
            return ids.map { detokenizer.append($0) }.joined() + detokenizer.finish()
        }
        var text: UnsafeMutablePointer<CChar>?
        var count = 0
        if let failure = syrinx_sp_decode(model, ids.map { Int32($0) }, ids.count, &text, &count) {
            fatalError("libsentencepiece cannot decode \(ids): \(String(cString: failure))")
        }
        defer { syrinx_sp_release(text) }
        return Self.string(text, count)
    }

    public func piece(_ id: Int) -> String {
        precondition(
            (0..<vocabularySize).contains(id), "piece \(id) is outside the vocabulary of \(vocabularySize) pieces")
        var count = 0
        let piece = syrinx_sp_piece(model, Int32(id), &count)
        return Self.string(piece, count)
    }

    public func id(of piece: String) -> Int? {
        var piece = piece
        return piece.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { Self.optional(syrinx_sp_id(model, $0.baseAddress, $0.count)) }
        }
    }

    public func text(of id: Int) -> TokenText {
        texts.indices.contains(id) ? texts[id] : .text("\u{FFFD}")
    }
}

extension SentencePieceTokenizer {
    private static func load(_ bytes: [UInt8], path: String?) throws(TokenizerError) -> OpaquePointer {
        var model: OpaquePointer?
        let failure = bytes.withUnsafeBytes { syrinx_sp_load($0.baseAddress, $0.count, &model) }
        if let failure {
            defer { syrinx_sp_release(failure) }
            throw .notAModel(path: path, reason: String(cString: failure))
        }
        guard let model else { throw .notAModel(path: path, reason: "the library gave neither a model nor a reason") }
        return model
    }

    /// A piece of type "control" is never matched in text: rewriting one byte per reserved piece keeps ids and scores.
    private static func reserve(
        _ reserved: ReservedPieces, in bytes: [UInt8], _ proto: SentencePieceModelProto
    ) -> [UInt8] {
        var bytes = bytes
        for piece in proto.pieces where piece.type == SentencePieceModelProto.Piece.userDefined {
            let isReserved =
                switch reserved {
                case .allUserDefined: true
                case .named(let names): names.contains { $0.utf8.elementsEqual(piece.text.utf8) }
                case .none: false
                }
            if isReserved, let offset = piece.typeOffset { bytes[offset] = SentencePieceModelProto.Piece.control }
        }
        return bytes
    }

    private static func text(of piece: String, kind: syrinx_sp_kind, unknown: String) -> TokenText {
        switch kind {
        case syrinx_sp_kind_control: return .nothing
        case syrinx_sp_kind_unknown: return .text(unknown)
        case syrinx_sp_kind_byte:
            // Spelled <0x00> to <0xFF>.
            if let byte = UInt8(piece.dropFirst(3).dropLast(), radix: 16) { return .byte(byte) }
            return .text(piece)
        default:
            let spaced = String(String.UnicodeScalarView(piece.unicodeScalars.map { $0 == "\u{2581}" ? " " : $0 }))
            return piece.unicodeScalars.first == "\u{2581}" ? .spaced(String(spaced.dropFirstScalar())) : .text(spaced)
        }
    }

    private static func optional(_ id: Int32) -> Int? { id >= 0 ? Int(id) : nil }

    private static func string(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
        String(decoding: UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count), as: UTF8.self)
    }

    /// The most bytes a vocabulary may have: published ones have a few million.
    private static let maximumByteCount = 256 << 20

    private static func content(ofFileAt path: String) throws(TokenizerError) -> [UInt8] {
        // Not blocking: opening a pipe that nobody writes to must not hang.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw .unreadable(path: path, reason: isFolder ? "it is a directory" : "it is not a regular file")
        }
        guard status.st_size <= maximumByteCount else {
            throw .unreadable(
                path: path,
                reason: "it has \(status.st_size) bytes, more than the \(maximumByteCount) a vocabulary may have")
        }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count == 0 { return content }
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path: path, reason: String(cString: strerror(errno)))
            }
            content += buffer[..<count]
        }
    }
}

extension String {
    fileprivate func dropFirstScalar() -> Substring.UnicodeScalarView { unicodeScalars.dropFirst() }
}
