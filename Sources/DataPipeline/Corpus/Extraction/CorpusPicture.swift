internal import Digests
internal import Media

/// A picture as a corpus stores it, and what deduplication and captions need to know of it.
struct CorpusPicture: Sendable {
    /// The longest side that is stored, in pixels.
    static let longestSide = 128

    /// The stored picture.
    var png: [UInt8]
    /// The original's size in pixels.
    var originalWidth: Int
    var originalHeight: Int
    /// Equal for equal stored pixels.
    var digest: SHA256Digest
    /// Equal for pictures that look alike at 16 x 16 pixels in 16 levels.
    var likeness: SHA256Digest
    /// Dominant colours, most frequent first.
    var colours: [String]

    /// Fits, measures and encodes a picture.
    init(_ picture: Picture, coding: PictureCoding) throws {
        let fitted = picture.fitting(longestSide: Self.longestSide)
        png = try coding.encodePNG(fitted)
        originalWidth = picture.width
        originalHeight = picture.height
        digest = Self.digest(fitted.pixels, width: fitted.width, height: fitted.height)
        let small = fitted.resized(width: 16, height: 16)
        likeness = Self.digest(small.pixels.map { ($0 / 2 + 4) / 8 }, width: 16, height: 16)
        colours = DominantColours(of: fitted).names
    }

    /// Decodes a file's bytes and does the same; nil for a file that is damaged, no picture or above the limits.
    init?(decoding bytes: [UInt8], coding: PictureCoding) throws {
        let limits = DecodeLimits(maximumPixelCount: 8_000_000)
        guard let picture = try? coding.decoder.picture(from: bytes, limits: limits, target: Self.longestSide) else {
            return nil
        }
        try self.init(picture, coding: coding)
    }

    private static func digest(_ pixels: [UInt8], width: Int, height: Int) -> SHA256Digest {
        Digest.sha256([UInt8(width), UInt8(height)] + pixels)
    }
}
