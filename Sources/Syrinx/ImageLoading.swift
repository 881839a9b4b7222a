import Codecs
import Media
public import Processors
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ImageReference {
    /// The image at `path`, read whole; `-` is standard input, and a `data:` URL is the image itself.
    /// - Throws: `SyrinxError` or `CodecError` that names the file: missing, not a regular file, too large, no image.
    public init(path: String) throws {
        let bytes: [UInt8]
        do {
            bytes = try readInput(path, limit: DecodeLimits.default.maximumByteCount)
            _ = try ImageCodec().imageInfo(of: bytes)
        } catch let error as CodecError {
            throw CodecError.inFile(path: Self.name(path), error)
        }
        self.init(.encoded(bytes), name: Self.name(path))
    }

    private static func name(_ path: String) -> String {
        inputDescriptor(path) == 0 ? "standard input" : ImageAddress.name(path)
    }

    /// The image files that `pattern` matches, in alphabetical order; a path without wildcards is that one file.
    /// - Throws: as `init(path:)`, and `SyrinxError` when a pattern matches nothing.
    public static func matching(_ pattern: String) throws -> [ImageReference] {
        try paths(matching: pattern).map { try ImageReference(path: $0) }
    }

    /// The paths that a pattern matches, in alphabetical order; a path without wildcards is itself, whether it exists or not.
    /// - Throws: `SyrinxError` when a pattern matches nothing.
    static func paths(matching pattern: String) throws(SyrinxError) -> [String] {
        guard case .path = ImageAddress(pattern), pattern.contains(where: { "*?[".contains($0) }),
            access(pattern, F_OK) != 0
        else { return [pattern] }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else {
            throw SyrinxError(
                "no file matches \(Excerpt.of(pattern)); check the folder, or quote a name that holds * ? or [")
        }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}

extension Prompt.Part {
    /// The image file at `path`.
    /// - Throws: as `ImageReference.init(path:)`.
    public static func image(at path: String) throws -> Prompt.Part { .image(try ImageReference(path: path)) }
}

/// What became of one image on its way into the model.
public struct ImageAccount: Codable, Hashable, Sendable {
    /// The file or the caller's name for it.
    public var name: String
    /// The name of a `ImageFormat`, such as `JPEG`; `frame` of a video, or `pixels` when it came decoded.
    public var format: String
    /// Of a frame, its number in the video, from 0.
    public var frame: Int?
    /// Width in pixels, upright.
    public var width: Int
    /// Height in pixels, upright.
    public var height: Int
    /// How the stored pixels were turned to stand upright, such as `rotated90`; `upright` when they were not.
    public var orientation: String
    /// Whether transparency was laid over white.
    public var alphaOverWhite: Bool
    /// The rule that made it square: a case of `ImageProcessor.Resize`, such as `squash`.
    public var resize: String
    /// Side of the square the encoder sees, in pixels.
    public var resizedTo: Int
    /// Visual tokens it became.
    public var tokenCount: Int
}
