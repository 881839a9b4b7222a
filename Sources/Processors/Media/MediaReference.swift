public import Media

/// A medium as it arrives in a message, before anything of it is read: a file, or values in memory.
///
/// Whoever prepares media for a model knows the types that belong to a modality.
public protocol MediaReference: Sendable {
    var modality: Modality { get }
    /// What error messages call it: a file name, or `image 2 of message 1`.
    var name: String { get }
}

/// An image as it arrives: a file's bytes, or pixels that are already decoded.
public struct ImageReference: MediaReference {
    /// Where the pixels are.
    public enum Content: Sendable {
        /// The bytes of an image file, in any format that the decoder reads.
        case encoded([UInt8])
        /// Decoded RGB.
        case image(Image)
    }

    public var content: Content
    public var name: String
    public var modality: Modality { .image }

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

/// A video file, and how many of its frames are looked at.
public struct VideoReference: MediaReference, Hashable {
    /// Where the file is.
    public var path: String
    /// Frames taken, evenly spaced over the whole video.
    public var frameCount: Int
    public var modality: Modality { .video }
    public var name: String { path }

    /// - Precondition: `frameCount` is at least 1.
    public init(path: String, frameCount: Int = VideoReference.defaultFrameCount) {
        precondition(frameCount > 0, "\(frameCount) frames of \(path): at least 1 is needed")
        self.path = path
        self.frameCount = frameCount
    }

    /// Frames taken where nobody says how many: those of the published video model.
    public static let defaultFrameCount: Int = 4
    /// What makes sense: more frames than any context holds are a mistake.
    public static let allowedFrameCounts: ClosedRange<Int> = 1...1024
}
