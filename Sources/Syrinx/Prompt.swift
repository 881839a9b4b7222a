public import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Text and images in reading order.
///
///     let prompt: Prompt = ["name:", .image("apple.png")]
///
/// A few-shot prompt is the examples' parts, then the question's.
public struct Prompt: Sendable {
    /// One part.
    public struct Part: Sendable, ExpressibleByStringLiteral {
        /// The text, or the image and its name in messages.
        public let content: ContentPart

        /// A part of a message.
        public init(_ content: ContentPart) { self.content = content }

        /// Text.
        public init(stringLiteral text: String) { content = .text(text) }

        /// Text; special tokens spelled out in it stay plain text.
        public static func text(_ text: String) -> Part { Part(.text(text)) }

        /// An image that is already decoded or encoded in memory.
        public static func image(_ image: ImageReference) -> Part { Part(.image(image)) }

        /// Frames of a video file.
        public static func video(_ video: VideoReference) -> Part { Part(.video(video)) }

        /// Any medium.
        public static func media(_ reference: any MediaReference) -> Part { Part(.media(reference)) }
    }

    /// The parts, in reading order.
    public var parts: [Part]

    /// A prompt of these parts.
    public init(_ parts: [Part]) { self.parts = parts }

    /// Images, then text: where models trained on captions were shown them.
    public init(_ text: String, images: [ImageReference] = []) {
        parts = images.map(Part.image) + (text.isEmpty ? [] : [.text(text)])
    }

    /// Text in which each `<image>` or `<|image|>` stands for the next image and each `<video>` or `<|video|>` for the next
    /// video; those of a kind without any mark come first, videos before images.
    ///
    /// A backslash before a mark takes its meaning away: `\<image>` is the text `<image>`.
    /// - Parameter keepsSpaces: true for models whose prompts are conversations, in which every space was there in
    ///   training (``SyrinxModel/keepsPromptSpaces``). False drops white space around a mark, which separates it from the
    ///   text, as between the parts of a document.
    /// - Throws: `SyrinxError` when marks and images, or marks and videos, differ in number.
    public init(
        _ text: String, images: [ImageReference], videos: [VideoReference], keepsSpaces: Bool = false
    ) throws {
        try self.init(
            MarkedText(text), media: videos.map(Part.video) + images.map(Part.image), keepsSpaces: keepsSpaces)
    }

    /// The same with images and videos in the order in which they come first where the text has no mark.
    package init(_ text: MarkedText, media: [Part], keepsSpaces: Bool) throws(SyrinxError) {
        do {
            let content = try text.content(with: media.map(\.content), keepsSpaces: keepsSpaces)
            self.init(content.map(Part.init))
        } catch {
            throw SyrinxError(error.description)
        }
    }

    /// This prompt after an example: the example's image, then what is to be said of it.
    public func adding(example image: ImageReference, _ text: String) -> Prompt {
        Prompt(parts + [.image(image), .text(text)])
    }

    /// The parts of both, in order.
    public static func + (first: Prompt, second: Prompt) -> Prompt { Prompt(first.parts + second.parts) }

    /// Number of images.
    public var imageCount: Int { message.images.count }

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
/// whose a part is, the user's where it is left out. A mark in a text is refused, unless a backslash stands before it.
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
        let entries: [Entry]
        do {
            entries = try StrictJSON.decode([Entry].self, from: data)
        } catch {
            let reason = (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
            throw SyrinxError(
                "\(name) is not a prompt file, a list of {\"text\": \"...\"} and {\"image\": \"path\"}: \(reason)")
        }
        try self.init(entries, name: name)
    }

    /// One part as JSON.
    struct Entry {
        let text, image, role: String?
    }

    /// Checks parts that were read.
    /// - Throws: as ``init(_:name:)``.
    init(_ entries: [Entry], name: String) throws(SyrinxError) {
        var parts = [Part]()
        for (index, entry) in entries.enumerated() {
            let place = "\(name): part \(index + 1) of \(entries.count)"
            let role = entry.role ?? Role.user.rawValue
            guard let role = Role(rawValue: role) else {
                throw SyrinxError(
                    "\(place): the role " + NearestName.unknownChoice(role, among: Role.allCases.map(\.rawValue)))
            }
            switch (entry.text, entry.image) {
            case (let text?, nil): parts.append(Part(.text(try Self.plain(text, place)), role: role))
            case (nil, let path?): parts.append(Part(.image(path: path), role: role))
            default: throw SyrinxError("\(place) must have exactly one of the keys text and image")
            }
        }
        self.parts = parts
    }

    /// The text of a part, in which a mark can stand for nothing: images are parts of their own.
    private static func plain(_ text: String, _ place: String) throws(SyrinxError) -> String {
        let marked = MarkedText(text)
        if let mark = marked.firstModality?.mark {
            throw SyrinxError(
                "\(place): its text has the placeholder \(mark), but here every image is a part of its own, "
                    + "{\"image\": \"path\"}; for the text \(mark) write \"\\\\\(mark)\"")
        }
        return marked.pieces.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }
}

extension PromptFile.Entry: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case text, image, role }

    /// Reads a part; unknown keys are refused.
    init(from decoder: any Decoder) throws {
        if let unknown = try decoder.unknownKey(besides: CodingKeys.self) {
            throw SyrinxError(
                "the key " + NearestName.unknownChoice(unknown, among: CodingKeys.allCases.map(\.rawValue)))
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        text = try container.decodeIfPresent(String.self, forKey: .text)
        image = try container.decodeIfPresent(String.self, forKey: .image)
        role = try container.decodeIfPresent(String.self, forKey: .role)
    }
}
