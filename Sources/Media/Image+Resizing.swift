import CKernels
public import Settings

/// How pixels are interpolated when an image changes size.
public enum ResamplingFilter: String, Sendable, Hashable, NamedChoice {
    /// Triangle over 1 source pixel, wider when shrinking.
    case bilinear
    /// Keys' cubic with a = -0.5 over 2 source pixels, wider when shrinking.
    case bicubic

    var code: Int32 {
        switch self {
        case .bilinear: Int32(SYRINX_KERNELS_BILINEAR)
        case .bicubic: Int32(SYRINX_KERNELS_BICUBIC)
        }
    }
}

/// Which of the two passes comes first; both round to 8 bits, so results differ in a few values.
public enum ResamplingOrder: String, Sendable, Hashable, NamedChoice {
    /// As Pillow up to version 12: the order with which published models were trained.
    case horizontalFirst
    /// As Pillow from version 13: vertical first where the height shrinks by more than twice what the width loses.
    case smallerFirst

    var code: Int32 {
        switch self {
        case .horizontalFirst: Int32(SYRINX_KERNELS_HORIZONTAL_FIRST)
        case .smallerFirst: Int32(SYRINX_KERNELS_SMALLER_FIRST)
        }
    }
}

/// A rectangle in source pixels; edges may lie between pixels.
public struct PixelBox: Sendable, Hashable, Codable {
    /// Distances in pixels from the image's left and top edges.
    public var left: Float, top: Float, right: Float, bottom: Float

    /// A box from its four edges.
    public init(left: Float, top: Float, right: Float, bottom: Float) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }
}

/// A rectangle of whole pixels.
public struct PixelWindow: Sendable, Hashable, Codable {
    /// The left column and the top row.
    public var x: Int, y: Int
    /// Columns and rows.
    public var width: Int, height: Int

    /// A rectangle from its corner and size.
    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

extension Image {
    /// The image, or a box of it, at another size: every value equal to Pillow's `Image.resize`.
    ///
    /// - Parameters:
    ///   - newWidth: Columns of the result, at least 1.
    ///   - newHeight: Rows of the result, at least 1.
    ///   - filter: The interpolation kernel.
    ///   - box: What is taken of this image; `nil` takes all of it.
    ///   - window: The part of the result that is wanted, equal to cropping it afterwards; `nil` wants all of it.
    ///   - order: Which pass comes first.
    /// - Precondition: Sizes are positive, the box is not empty and lies inside the image, the window is not empty and
    ///   lies inside the result.
    /// - Complexity: Besides the result, memory for the window's width times this image's height.
    public func resized(
        width newWidth: Int, height newHeight: Int, filter: ResamplingFilter = .bicubic, box: PixelBox? = nil,
        window: PixelWindow? = nil, order: ResamplingOrder = .horizontalFirst
    ) -> Image {
        let window = window ?? PixelWindow(x: 0, y: 0, width: newWidth, height: newHeight)
        precondition(
            window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0
                && window.x + window.width <= newWidth && window.y + window.height <= newHeight,
            "\(window) is empty or not inside a result of \(newWidth) x \(newHeight) pixels")
        let box = box ?? PixelBox(left: 0, top: 0, right: Float(width), bottom: Float(height))
        let edges = [box.left, box.top, box.right, box.bottom]
        let part = [window.x, window.y, window.width, window.height].map { Int64($0) }
        let count = window.width * window.height * 3
        let result = [UInt8](unsafeUninitializedCapacity: count) { output, written in
            let status = pixels.withUnsafeBufferPointer { input in
                syrinx_kernels_resample(
                    input.baseAddress, Int32(width), Int32(height), 3, edges, filter.code, order.code, Int64(newWidth),
                    Int64(newHeight), part, output.baseAddress)
            }
            precondition(
                status == SYRINX_KERNELS_OK,
                status == SYRINX_KERNELS_NO_MEMORY
                    ? "no memory to resize \(width) x \(height) to \(newWidth) x \(newHeight)"
                    : "the box \(edges) is empty or not inside \(width) x \(height)")
            written = count
        }
        return Image(width: window.width, height: window.height, pixels: result)
    }

    /// What resizing to the square of the longer side, or centring on it, and then resizing its rows to `newWidth` gives, to
    /// the bit, without the work of that square: an image as many rows high as its longer side.
    ///
    /// - Parameter ground: the colour of the square on which the image is centred; `nil` stretches it.
    /// - Precondition: `newWidth` is positive and the sides differ.
    func squeezedSquare(to newWidth: Int, filter: ResamplingFilter, ground: RGB? = nil) -> Image {
        let longest = max(width, height)
        let count = longest * newWidth * 3
        let result = [UInt8](unsafeUninitializedCapacity: count) { output, written in
            let status = pixels.withUnsafeBufferPointer { input in
                if let ground {
                    syrinx_kernels_resample_padded(
                        input.baseAddress, Int32(width), Int32(height), [ground.red, ground.green, ground.blue],
                        filter.code, Int32(newWidth), output.baseAddress)
                } else {
                    syrinx_kernels_resample_thin(
                        input.baseAddress, Int32(width), Int32(height), filter.code, Int32(newWidth),
                        Int32(SYRINX_KERNELS_THIN_ANY), output.baseAddress)
                }
            }
            precondition(
                status == SYRINX_KERNELS_OK, "no memory to resize \(width) x \(height) to \(newWidth) columns")
            written = count
        }
        return Image(width: newWidth, height: longest, pixels: result)
    }

    /// A rectangle of whole pixels, copied; where it reaches outside, `ground` stands in.
    ///
    /// - Precondition: `width` and `height` are positive.
    public func cropped(x: Int, y: Int, width newWidth: Int, height newHeight: Int, ground: RGB = .white) -> Image {
        var result = Image(width: newWidth, height: newHeight, filledWith: ground).pixels
        let columns = max(x, 0)..<max(min(x + newWidth, width), max(x, 0))
        for row in max(y, 0)..<max(min(y + newHeight, height), max(y, 0)) where !columns.isEmpty {
            let source = (row * width + columns.lowerBound) * 3
            let target = ((row - y) * newWidth + columns.lowerBound - x) * 3
            result.replaceSubrange(
                target..<target + columns.count * 3, with: pixels[source..<source + columns.count * 3])
        }
        return Image(width: newWidth, height: newHeight, pixels: result)
    }

    /// The image shrunk, if it must be, so that its longest side has at most `length` pixels.
    public func fitting(longestSide length: Int, filter: ResamplingFilter = .bicubic) -> Image {
        let longest = max(width, height)
        guard longest > length else { return self }
        let scaled = { (side: Int) in max(1, (side * length + longest / 2) / longest) }
        return resized(width: scaled(width), height: scaled(height), filter: filter)
    }
}
