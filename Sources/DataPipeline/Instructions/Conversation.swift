public import Processors

/// A conversation about images, or about none, from which a model learns to answer.
public struct Conversation: Sendable {
    /// How it came.
    public enum Form: Sendable {
        /// Turns, which a template writes. An image's place is an image part without content.
        case turns([Message])
        /// One text in lines of `Human: ` and `AI: `, with `<image>` where images belong: its roles stand in it already.
        case written(String)
    }

    /// Unique where the data say so; otherwise its place in them.
    public var id: String
    /// The images in the order of their places: paths, or names of a corpus.
    public var images: [String]
    public var form: Form

    public init(id: String, images: [String], form: Form) {
        self.id = id
        self.images = images
        self.form = form
    }
}

/// Conversations by number: files of records, or a corpus whose captions become questions and answers.
///
/// Asked from several threads at once; nothing but an index is kept in memory.
package protocol ConversationStore: Sendable {
    /// What messages and tables call it.
    var name: String { get }
    var count: Int { get }
    /// Equal exactly where the conversations are.
    var identity: String { get }
    /// Keys of the records that nothing reads.
    var unreadKeys: UnreadKeys { get }
    /// Whether conversation `number` has images, told without reading it.
    func hasImages(_ number: Int) -> Bool
    /// Which side of the split it is on; conversations about one image are on one side.
    func split(of number: Int) -> CorpusSplit
    /// Reads it.
    /// - Throws: ``DataError`` or ``CorpusError`` that names the record.
    func conversation(_ number: Int) throws -> Conversation
    /// The bytes of an image file, as it came.
    func image(_ image: Int, of number: Int) throws -> [UInt8]
    /// What the quarantine file says of it.
    func quarantineEntry(_ number: Int, reason: String) -> QuarantineEntry
}

extension Message {
    /// The marks of an image's place: LLaVA's, and those of arXiv 2311.04257.
    package static let imageMarks: [String] = ["<image>", "<|image|>"]

    /// A turn of text in which marks stand for images.
    ///
    /// Line ends beside a mark are left out: data set them at will (LLaVA's `<image>\n`), and what stands between a
    /// image and a question is for the template to say, so that questions are asked as they were learnt.
    package init(role: Role, marked text: String) {
        var content: [ContentPart] = []
        var rest = text[...]
        while let mark = Self.imageMarks.compactMap({ rest.firstRange(ofScalars: $0) }).min(by: {
            $0.lowerBound < $1.lowerBound
        }) {
            Self.append(rest[..<mark.lowerBound].droppingLastScalars(while: \.isLineEnd), to: &content)
            content.append(.image(ImageReference(.encoded([]), name: "image")))
            rest = rest[mark.upperBound...].droppingFirstScalars(while: \.isLineEnd)
        }
        Self.append(rest, to: &content)
        self.init(role: role, content: content)
    }

    private static func append(_ text: Substring, to content: inout [ContentPart]) {
        if !text.isEmpty { content.append(.text(String(text))) }
    }
}
