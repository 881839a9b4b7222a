/// An upright opaque image in 8-bit RGB.
///
/// What it does not know: the format it came from, colour profiles (values are taken as they are stored), alpha
/// (composited over white when decoded).
public struct Image: Sendable, Hashable {
    /// Columns, at least 1.
    public let width: Int

    /// Rows, at least 1.
    public let height: Int

    /// `uint8[height, width, 3]`: rows from the top, pixels from the left, red green blue, values `0...255`.
    public let pixels: [UInt8]

    /// Takes pixels as they are.
    ///
    /// - Precondition: `width` and `height` are positive and `pixels.count == width * height * 3`.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(
            width > 0 && height > 0 && pixels.count == width * height * 3,
            "an image of \(width) x \(height) needs \(width * height * 3) bytes of RGB, not \(pixels.count)")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// An image of one colour.
    ///
    /// - Precondition: `width` and `height` are positive.
    public init(width: Int, height: Int, filledWith colour: RGB = .white) {
        var pixels = [UInt8](repeating: colour.red, count: width * height * 3)
        if colour.green != colour.red || colour.blue != colour.red {
            for offset in stride(from: 0, to: pixels.count, by: 3) {
                pixels[offset + 1] = colour.green
                pixels[offset + 2] = colour.blue
            }
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// Composites `uint8[height, width, 4]` (RGBA, alpha not premultiplied) over white.
    ///
    /// Each value is `(value * alpha + 255 * (255 - alpha)) / 255`, rounded to the nearest, as Pillow's
    /// `alpha_composite` and `paste` give on a white ground.
    ///
    /// - Precondition: `width` and `height` are positive and `rgba.count == width * height * 4`.
    public init(width: Int, height: Int, rgbaOverWhite rgba: [UInt8]) {
        precondition(
            width > 0 && height > 0 && rgba.count == width * height * 4,
            "an image of \(width) x \(height) needs \(width * height * 4) bytes of RGBA, not \(rgba.count)")
        let count = width * height
        let pixels = [UInt8](unsafeUninitializedCapacity: count * 3) { output, written in
            rgba.withUnsafeBufferPointer { input in
                for pixel in 0..<count {
                    let alpha = Int32(input[pixel * 4 + 3])
                    let ground = 255 * (255 - alpha)
                    for channel in 0..<3 {
                        let sum = Int32(input[pixel * 4 + channel]) * alpha + ground + 128
                        output[pixel * 3 + channel] = UInt8(truncatingIfNeeded: ((sum >> 8) + sum) >> 8)
                    }
                }
            }
            written = count * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// The colour at a column and a row.
    ///
    /// - Precondition: `0 ..< width` and `0 ..< height` contain `x` and `y`.
    public subscript(x: Int, y: Int) -> RGB {
        precondition(x >= 0 && x < width && y >= 0 && y < height, "(\(x), \(y)) is outside \(width) x \(height)")
        let offset = (y * width + x) * 3
        return RGB(red: pixels[offset], green: pixels[offset + 1], blue: pixels[offset + 2])
    }

    /// The length of the shorter side in pixels.
    public var shortestSide: Int { min(width, height) }
}

/// One 8-bit colour.
public struct RGB: Sendable, Hashable, Codable {
    /// Values `0...255`.
    public var red: UInt8, green: UInt8, blue: UInt8

    /// A colour from its three values.
    public init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// All values 255.
    public static let white = RGB(red: 255, green: 255, blue: 255)

    /// All values 0.
    public static let black = RGB(red: 0, green: 0, blue: 0)
}
