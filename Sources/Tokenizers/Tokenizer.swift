/// Text to token ids and back.
///
/// Ids are in `0 ..< vocabularySize`. A tokenizer knows nothing of images: the placeholder of a media item is a piece like
/// any other, looked up with ``id(of:)``, and text that a user typed never produces it.
public protocol Tokenizer: Sendable {
    /// How many ids there are.
    var vocabularySize: Int { get }
    /// The id that begins a sequence, nil when the vocabulary has none.
    var beginID: Int? { get }
    /// The id that ends a sequence, nil when the vocabulary has none.
    var endID: Int? { get }
    /// The id that fills up rows of a batch, nil when the vocabulary has none.
    var padID: Int? { get }

    /// The ids of plain text, without begin and end; special pieces spelled out in the text stay plain text.
    func encode(_ text: String) -> [Int]
    /// The text of the ids: begin, end and padding vanish, bytes that are not UTF-8 become U+FFFD, ids outside the
    /// vocabulary too.
    func decode(_ ids: [Int]) -> String
    /// The piece as the vocabulary spells it.
    ///
    /// - Precondition: the id is within the vocabulary.
    func piece(_ id: Int) -> String
    /// The id of a piece spelled as in the vocabulary, special pieces included; nil when there is none.
    func id(of piece: String) -> Int?

    /// What one id adds to a text, for decoding id by id.
    func text(of id: Int) -> TokenText
    /// What happens to the space with which a text's first piece begins.
    var leadingSpace: LeadingSpace { get }
}

/// What one token id adds to a text.
public enum TokenText: Hashable, Sendable {
    /// Exactly this text.
    case text(String)
    /// A separating space, then this text; ``LeadingSpace`` says whether the space survives at the start.
    case spaced(String)
    /// One byte of a UTF-8 sequence, which neighbouring ids complete.
    case byte(UInt8)
    /// Nothing: begin, end, padding.
    case nothing
}

/// What happens to a separating space where a text begins.
public enum LeadingSpace: Hashable, Sendable {
    /// It stays.
    case kept
    /// The first one goes: the tokenizer had put it there.
    case firstDropped
    /// That of every piece goes until there is text: the tokenizer removes surplus white space.
    case allDropped
}

extension Tokenizer {
    /// The piece itself; a tokenizer with byte or control pieces says more.
    public func text(of id: Int) -> TokenText { .text(piece(id)) }

    /// Nothing is dropped; a tokenizer that adds a space of its own says otherwise.
    public var leadingSpace: LeadingSpace { .kept }
}
