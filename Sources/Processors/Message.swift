public import Media

/// Who says a message.
public enum Role: String, Codable, Sendable, CaseIterable {
    case system
    case user
    case assistant
}

/// One turn of a conversation: text and images in the order in which they are to be read.
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

    /// The images of the turn, in order.
    public var images: [ImageReference] {
        content.compactMap { if case .image(let image) = $0 { image } else { nil } }
    }
}

/// A piece of a message.
public enum ContentPart: Sendable {
    case text(String)
    case image(ImageReference)
    case video(VideoReference)
}

/// A video file, and how many of its frames are looked at.
public struct VideoReference: Sendable, Hashable {
    /// Where the file is.
    public var path: String
    /// Frames taken, evenly spaced over the whole video.
    public var frameCount: Int

    /// - Precondition: `frameCount` is at least 1.
    public init(path: String, frameCount: Int = VideoReference.defaultFrameCount) {
        precondition(frameCount > 0, "\(frameCount) frames of \(path): at least 1 is needed")
        self.path = path
        self.frameCount = frameCount
    }

    /// Frames taken where nobody says how many: the number in the code of arXiv 2304.14178's video model.
    public static let defaultFrameCount: Int = 4
    /// What makes sense: more frames than any context holds are a mistake.
    public static let allowedFrameCounts: ClosedRange<Int> = 1...1024
}

/// An image as it arrives: a file's bytes, or pixels that are already decoded.
public struct ImageReference: Sendable {
    /// Where the pixels are.
    public enum Content: Sendable {
        /// The bytes of an image file, in any format that the decoder reads.
        case encoded([UInt8])
        /// Decoded RGB.
        case image(Image)
    }

    public var content: Content
    /// What error messages call it: a file name, or `image 2 of message 1`.
    public var name: String

    public init(_ content: Content, name: String) {
        self.content = content
        self.name = name
    }

    /// The decoded image.
    /// - Parameters:
    ///   - decoder: used where the image is still encoded.
    ///   - limits: what is checked before decoding.
    /// - Throws: the decoder's error.
    public func image(decoder: any MediaDecoder, limits: DecodeLimits) throws -> Image {
        switch content {
        case .image(let image): image
        case .encoded(let bytes): try decoder.image(from: bytes, limits: limits, target: nil)
        }
    }
}
