public import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Text and pictures in reading order.
///
///     let prompt: Prompt = ["name:", .picture("apple.png")]
///
/// A few-shot prompt is the examples' parts, then the question's.
public struct Prompt: Sendable {
    /// One part.
    public struct Part: Sendable, ExpressibleByStringLiteral {
        /// The text, or the picture and its name in messages.
        public let content: ContentPart

        /// A part of a message.
        public init(_ content: ContentPart) { self.content = content }

        /// Text.
        public init(stringLiteral text: String) { content = .text(text) }

        /// Text; special tokens spelled out in it stay plain text.
        public static func text(_ text: String) -> Part { Part(.text(text)) }

        /// A picture that is already decoded or encoded in memory.
        public static func picture(_ image: ImageReference) -> Part { Part(.image(image)) }
    }

    /// The parts, in reading order.
    public var parts: [Part]

    /// A prompt of these parts.
    public init(_ parts: [Part]) { self.parts = parts }

    /// Pictures, then text: where MM1-style models were shown captions.
    public init(_ text: String, images: [ImageReference] = []) {
        parts = images.map(Part.picture) + (text.isEmpty ? [] : [.text(text)])
    }

    /// Text in which each `marker` stands for the next picture; without any marker the pictures come first.
    ///
    /// White space around a marker separates it from the text and is dropped, as between the parts of a document.
    /// - Parameter keepsSpaces: true for models whose prompts are conversations, in which every space was there in
    ///   training (``SyrinxModel/keepsPromptSpaces``).
    /// - Throws: `SyrinxError` when markers and pictures differ in number.
    public init(
        _ text: String, images: [ImageReference], marker: String, keepsSpaces: Bool = false
    ) throws {
        let pieces = text.components(separatedBy: marker)
        guard pieces.count > 1 else {
            self.init(text, images: images)
            return
        }
        guard pieces.count - 1 == images.count else {
            throw SyrinxError(
                "the prompt has \(pieces.count - 1) \(marker) markers, but \(images.count) "
                    + "\(images.count == 1 ? "picture was" : "pictures were") given; give one picture per marker, or leave "
                    + "the markers out to put all pictures first")
        }
        var parts = [Part]()
        for (index, piece) in pieces.enumerated() {
            if index > 0 { parts.append(.picture(images[index - 1])) }
            let text = keepsSpaces ? piece : piece.withoutWhitespaceAtEnds
            if !text.isEmpty { parts.append(.text(text)) }
        }
        self.init(parts)
    }

    /// This prompt after an example: the example's picture, then what is to be said of it.
    public func adding(example image: ImageReference, _ text: String) -> Prompt {
        Prompt(parts + [.picture(image), .text(text)])
    }

    /// The parts of both, in order.
    public static func + (first: Prompt, second: Prompt) -> Prompt { Prompt(first.parts + second.parts) }

    /// Number of pictures.
    public var pictureCount: Int { message.images.count }

    /// The parts as what a user says.
    public var message: Message { Message(role: .user, content: parts.map(\.content)) }
}

extension Prompt: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    /// Text alone.
    public init(stringLiteral text: String) { self.init(text) }

    /// Parts in order.
    public init(arrayLiteral parts: Part...) { self.init(parts) }
}

/// A prompt as a JSON file: a list of `{"text": "..."}` and `{"image": "path"}`; paths are relative to the file. `"role"` says
/// whose a part is, the user's where it is left out.
package struct PromptFile: Sendable {
    /// One part as written.
    package struct Part: Sendable, Equatable {
        package enum Content: Sendable, Equatable {
            case text(String)
            case image(path: String)
        }

        package let role: Role
        package let content: Content

        package init(_ content: Content, role: Role = .user) {
            self.role = role
            self.content = content
        }
    }

    /// The parts, in order.
    package let parts: [Part]

    /// Reads the file's bytes.
    /// - Throws: `SyrinxError` that names the file, the part and what was expected.
    package init(_ data: [UInt8], name: String) throws {
        struct Entry: Decodable {
            var text: String?
            var image: String?
            var role: String?
        }
        let entries: [Entry]
        do {
            entries = try StrictJSON.decode([Entry].self, from: data)
        } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw SyrinxError(
                "\(name) is not a prompt file, a list of {\"text\": \"...\"} and {\"image\": \"path\"}: \(reason)")
        }
        parts = try entries.enumerated().map { index, entry in
            let place = "\(name): part \(index + 1) of \(entries.count)"
            let role = entry.role ?? Role.user.rawValue
            guard let role = Role(rawValue: role) else {
                throw SyrinxError(
                    "\(place): the role " + NearestName.unknownChoice(role, among: Role.allCases.map(\.rawValue)))
            }
            switch (entry.text, entry.image) {
            case (let text?, nil): return Part(.text(text), role: role)
            case (nil, let path?): return Part(.image(path: path), role: role)
            default: throw SyrinxError("\(place) must have exactly one of the keys text and image")
            }
        }
    }
}
