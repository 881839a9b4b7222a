/// Turns the bytes of a media file into what the processors take.
///
/// The rooms that prepare data and prompts know only this protocol; `Codecs` implements it.
public protocol MediaDecoder: Sendable {
    /// Decodes one still image, upright, alpha composited over white.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - limits: What is refused before any pixel is decoded.
    ///   - target: The shortest side, in pixels, that the caller will resize to. The decoder may then return a smaller
    ///     image (never below `target`) where that is cheaper: a JPEG at 1/2, 1/4 or 1/8 scale. `nil` asks for
    ///     exactly what the file holds, which parity with published models needs.
    /// - Throws: An error whose description is one sentence for the user: not an image, damaged, truncated, too large.
    func image(from bytes: [UInt8], limits: DecodeLimits, target: Int?) throws -> Image
}

extension MediaDecoder {
    /// Decodes exactly what the file holds, within the default limits.
    ///
    /// - Throws: As `image(from:limits:target:)`.
    public func image(from bytes: [UInt8]) throws -> Image {
        try image(from: bytes, limits: .default, target: nil)
    }
}

/// What a decoder refuses before it decodes: one hostile file must not take the memory of a run.
public struct DecodeLimits: Sendable, Hashable, Codable {
    /// Most pixels (width times height) that an image may have.
    public var maximumPixelCount: Int

    /// Most pixels that a side may have: an image one pixel high and millions wide would make huge resampling tables.
    public var maximumSide: Int

    /// Most bytes that an encoded file may have.
    public var maximumByteCount: Int

    /// Most bytes of working memory that a codec may take besides the result.
    public var maximumWorkingByteCount: Int

    /// 64 million pixels, sides of 65,535 (JPEG's own limit), files of 256 MiB, 1 GiB of working memory.
    public static let `default` = DecodeLimits()

    /// Limits; what is not given keeps the default.
    public init(
        maximumPixelCount: Int = 64_000_000, maximumSide: Int = 65_535, maximumByteCount: Int = 256 << 20,
        maximumWorkingByteCount: Int = 1 << 30
    ) {
        self.maximumSide = maximumSide
        self.maximumPixelCount = maximumPixelCount
        self.maximumByteCount = maximumByteCount
        self.maximumWorkingByteCount = maximumWorkingByteCount
    }
}
