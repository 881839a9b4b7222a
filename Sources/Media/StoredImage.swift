/// An upright image in the form in which its file holds it, before it is opaque RGB.
public enum StoredImage: Sendable, Hashable {
    /// Opaque colours, or grey.
    case plain(Image)
    /// Numbers of a palette, here with their colours, or black and white: there is nothing between two of them.
    case indexed(Image)
    /// Colours that are not premultiplied, and how opaque each pixel is, in all three channels of an image of its own.
    case withAlpha(Image, opacity: Image)
}

extension StoredImage {
    /// Resized as Pillow's `Image.resize` does it in the image's own form, then made RGB: palettes and black and white take
    /// the nearest pixel, colours beside alpha are weighed by it, and alpha is dropped.
    ///
    /// - Precondition: `width` and `height` are positive.
    func resized(
        width newWidth: Int, height newHeight: Int, filter: ResamplingFilter, order: ResamplingOrder
    ) -> Image {
        func resized(_ image: Image) -> Image {
            image.resized(width: newWidth, height: newHeight, filter: filter, order: order)
        }
        switch self {
        case .plain(let image): return resized(image)
        case .indexed(let image): return image.takingNearest(width: newWidth, height: newHeight)
        case .withAlpha(let colours, let opacity):
            if colours.width == newWidth && colours.height == newHeight { return colours }
            let weighed = Image(
                width: colours.width, height: colours.height,
                pixels: zip(colours.pixels, opacity.pixels).map { colour, alpha in
                    let product = Int32(colour) * Int32(alpha) + 128
                    return UInt8(truncatingIfNeeded: ((product >> 8) + product) >> 8)
                })
            let pixels = zip(resized(weighed).pixels, resized(opacity).pixels).map { colour, alpha in
                alpha == 0 || alpha == 255 ? colour : UInt8(min(255, 255 * Int32(colour) / Int32(alpha)))
            }
            return Image(width: newWidth, height: newHeight, pixels: pixels)
        }
    }
}

extension Image {
    /// The colours of `uint8[height, width, 4]`, whatever their alpha.
    ///
    /// - Precondition: `rgba.count == width * height * 4`.
    public init(width: Int, height: Int, droppingAlphaOf rgba: [UInt8]) {
        self.init(width: width, height: height, rgba: rgba) { ($0[$1], $0[$1 + 1], $0[$1 + 2]) }
    }

    /// The alpha of `uint8[height, width, 4]`, in all three channels.
    ///
    /// - Precondition: `rgba.count == width * height * 4`.
    public init(width: Int, height: Int, alphaOf rgba: [UInt8]) {
        self.init(width: width, height: height, rgba: rgba) { ($0[$1 + 3], $0[$1 + 3], $0[$1 + 3]) }
    }

    private init(
        width: Int, height: Int, rgba: [UInt8], channels: (UnsafeBufferPointer<UInt8>, Int) -> (UInt8, UInt8, UInt8)
    ) {
        precondition(
            rgba.count == width * height * 4,
            "an image of \(width) x \(height) needs \(width * height * 4) bytes of RGBA, not \(rgba.count)")
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { output, written in
            rgba.withUnsafeBufferPointer { input in
                for pixel in 0..<width * height {
                    (output[pixel * 3], output[pixel * 3 + 1], output[pixel * 3 + 2]) = channels(input, pixel * 4)
                }
            }
            written = width * height * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// At another size, each pixel the one that its centre falls on: Pillow's nearest neighbour.
    func takingNearest(width newWidth: Int, height newHeight: Int) -> Image {
        // The places are summed up step by step, as there: rounding decides where they fall between two pixels.
        func places(_ count: Int, of size: Int) -> [Int] {
            let step = Double(size) / Double(count)
            return (0..<count).reduce(into: (places: [Int](), at: step * 0.5)) { state, _ in
                state.places.append(min(size - 1, Int(state.at)))
                state.at += step
            }.places
        }
        let columns = places(newWidth, of: width)
        var result: [UInt8] = []
        result.reserveCapacity(newWidth * newHeight * 3)
        for row in places(newHeight, of: height) {
            for column in columns { result += pixels[(row * width + column) * 3..<(row * width + column) * 3 + 3] }
        }
        return Image(width: newWidth, height: newHeight, pixels: result)
    }
}
