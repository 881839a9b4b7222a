/// Who says a message.
public enum Role: String, Codable, Sendable, CaseIterable {
    case system
    case user
    case assistant
}

/// One turn of a conversation: text and media in the order in which they are to be read.
public struct Message: Sendable {
    public var role: Role
    public var content: [ContentPart]

    public init(role: Role, content: [ContentPart]) {
        self.role = role
        self.content = content
    }

    /// A turn of text alone.
    public init(role: Role, text: String) {
        self.init(role: role, content: [.text(text)])
    }

    /// The media of the turn, in order.
    public var media: [any MediaReference] { content.compactMap(\.media) }

    /// The images of the turn, in order.
    public var images: [ImageReference] { media.compactMap { $0 as? ImageReference } }
}

/// A piece of a message.
public enum ContentPart: Sendable {
    case text(String)
    case media(any MediaReference)

    public static func image(_ image: ImageReference) -> ContentPart { .media(image) }
    public static func video(_ video: VideoReference) -> ContentPart { .media(video) }

    /// The medium; nil for text.
    public var media: (any MediaReference)? { if case .media(let reference) = self { reference } else { nil } }
}
