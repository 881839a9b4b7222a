/// Turns token ids into text one by one, for printing while a model still writes.
///
/// What it returns, joined, equals the tokenizer's `decode` of all ids. Text that can still change is held back: bytes of a
/// UTF-8 sequence until the sequence is complete, and the space that a tokenizer puts before a text's first word.
/// Grapheme clusters are not held together: a combining mark may come one piece after its letter.
public struct StreamingDetokenizer: Sendable {
    private let tokenizer: any Tokenizer
    private var pendingBytes: [UInt8] = []
    private var dropsLeadingSpace: Bool
    private var hasText: Bool

    /// - Parameter continuing: whether the text goes on from an earlier one, so that a first space is part of it.
    public init(_ tokenizer: any Tokenizer, continuing: Bool = false) {
        self.tokenizer = tokenizer
        hasText = continuing
        dropsLeadingSpace = !continuing && tokenizer.leadingSpace != .kept
    }

    /// The text that this id makes certain; empty while something is held back.
    public mutating func append(_ id: Int) -> String {
        switch tokenizer.text(of: id) {
        case .nothing: return emit(flush())
        case .text(let text): return emit(flush() + text)
        case .byte(let byte):
            pendingBytes.append(byte)
            return emit(completeText())
        case .spaced(let text):
            let before = emit(flush())
            if hasText { dropsLeadingSpace = false }
            guard dropsLeadingSpace else { return before + emit(" " + text) }
            if tokenizer.leadingSpace == .firstDropped { dropsLeadingSpace = false }
            return before + emit(text)
        }
    }

    /// What was held back, with U+FFFD for every byte that belongs to no character.
    public mutating func finish() -> String {
        emit(flush())
    }

    private mutating func emit(_ text: String) -> String {
        if !text.isEmpty { hasText = true }
        return text
    }

    /// Everything pending, repaired.
    private mutating func flush() -> String {
        var text = completeText()
        text += String(repeating: "\u{FFFD}", count: pendingBytes.count)
        pendingBytes.removeAll()
        return text
    }

    /// The complete characters at the front of the pending bytes; an invalid byte becomes U+FFFD, an unfinished sequence stays.
    private mutating func completeText() -> String {
        var text = ""
        while let first = pendingBytes.first {
            let length = Self.sequenceLength(first)
            let sequence = pendingBytes.prefix(length)
            if !Self.canBegin(sequence) {
                text += "\u{FFFD}"
                pendingBytes.removeFirst()
            } else if sequence.count == length {
                text += String(decoding: sequence, as: UTF8.self)
                pendingBytes.removeFirst(length)
            } else {
                break
            }
        }
        return text
    }

    private static func sequenceLength(_ first: UInt8) -> Int {
        switch first {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    /// Whether the bytes begin a well-formed sequence; table 3-7 of the Unicode Standard.
    private static func canBegin(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first else { return true }
        if first < 0x80 { return true }
        guard (0xC2...0xF4).contains(first) else { return false }
        for (index, byte) in bytes.dropFirst().enumerated() {
            let allowed: ClosedRange<UInt8> =
                switch (index, first) {
                case (0, 0xE0): 0xA0...0xBF
                case (0, 0xED): 0x80...0x9F
                case (0, 0xF0): 0x90...0xBF
                case (0, 0xF4): 0x80...0x8F
                default: 0x80...0xBF
                }
            if !allowed.contains(byte) { return false }
        }
        return true
    }
}
