internal import Digests
package import Media

/// An image as a corpus stores it, and what deduplication and captions need to know of it.
struct CorpusImage: Sendable {
    /// The longest side that is stored, in pixels.
    static let longestSide = 128

    /// The stored image.
    var png: [UInt8]
    /// The original's size in pixels.
    var originalWidth: Int
    var originalHeight: Int
    /// Equal for equal stored pixels.
    var digest: SHA256Digest
    /// Equal for images that look alike at 16 x 16 pixels in 16 levels.
    var likeness: SHA256Digest
    /// Dominant colours, most frequent first.
    var colours: [String]

    /// True for a drawing that is too small to show anything once it is enlarged.
    var isTiny: Bool { max(originalWidth, originalHeight) < 32 }

    /// Fits, measures and encodes an image.
    ///
    /// - Parameter cutsMargins: cuts white margins down to 1/16 of the longest side first; the original's size is then
    ///   that of what is left.
    init(_ image: Image, coding: ImageCoding, cutsMargins: Bool = false) throws {
        let whole = cutsMargins ? image.withoutMargins() : image
        let fitted = whole.fitting(longestSide: Self.longestSide)
        png = try coding.encodePNG(fitted)
        originalWidth = whole.width
        originalHeight = whole.height
        digest = Self.digest(fitted.pixels, width: fitted.width, height: fitted.height)
        let small = fitted.resized(width: 16, height: 16)
        likeness = Self.digest(small.pixels.map { ($0 / 2 + 4) / 8 }, width: 16, height: 16)
        colours = DominantColours(of: fitted).names
    }

    /// Decodes a file's bytes and does the same; nil for a file that is damaged, no image or above the limits.
    init?(decoding bytes: [UInt8], coding: ImageCoding, cutsMargins: Bool = false) throws {
        let limits = DecodeLimits(maximumPixelCount: 8_000_000)
        guard let image = try? coding.decoder.image(from: bytes, limits: limits, target: Self.longestSide) else {
            return nil
        }
        try self.init(image, coding: coding, cutsMargins: cutsMargins)
    }

    private static func digest(_ pixels: [UInt8], width: Int, height: Int) -> SHA256Digest {
        Digest.sha256([UInt8(width), UInt8(height)] + pixels)
    }
}

extension Image {
    /// The image with its near-white margins (every value from 250) cut down to 1/16 of the longest remaining side.
    ///
    /// Nothing is ever added; an image that is white all over stays as it is.
    package func withoutMargins() -> Image {
        var (left, right, top, bottom) = (width, -1, height, -1)
        pixels.withUnsafeBufferPointer { pixels in
            for y in 0..<height {
                for x in 0..<width {
                    let place = (y * width + x) * 3
                    guard min(pixels[place], pixels[place + 1], pixels[place + 2]) < 250 else { continue }
                    (left, right) = (min(left, x), max(right, x))
                    (top, bottom) = (min(top, y), max(bottom, y))
                }
            }
        }
        guard right >= 0 else { return self }
        let rim = max(1, max(right - left, bottom - top) / 16)
        (left, top) = (max(0, left - rim), max(0, top - rim))
        (right, bottom) = (min(width - 1, right + rim), min(height - 1, bottom + rim))
        if (left, top, right, bottom) == (0, 0, width - 1, height - 1) { return self }
        return cropped(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
    }
}
