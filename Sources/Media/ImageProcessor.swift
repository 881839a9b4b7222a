public import Settings
public import Torch

/// From an image to what a vision encoder takes: resize, crop or pad, rescale, normalise.
///
/// One value that training, evaluation, the command line and a server share; it is written into a checkpoint, and its
/// `fingerprint` says whether two are the same. Orientation and alpha are settled when an image is decoded (EXIF
/// applied, alpha over white): the JSON form states both, and other values are refused.
public struct ImageProcessor: Sendable, Hashable {
    /// How an image of any shape becomes square.
    public enum Resize: String, Sendable, Hashable, NamedChoice {
        /// Both sides are resized to the image size; the shape is lost.
        case squash
        /// The same before the image is RGB, as the code of arXiv 2304.14178 does it: palettes take the nearest pixel, and alpha weighs
        /// the colours and is then dropped. Images that are opaque RGB already are squashed.
        case squashStored
        /// The shortest side is resized to the image size (the other to the whole part of its proportion), then the
        /// centre is cut out: CLIP's rule as in Hugging Face's `CLIPImageProcessor`.
        case shortestSideCrop
        /// The longest side is resized to the image size, then the image is centred on a white square.
        case padWhite
        /// Both sides are resized to the longest, then to the image size: two interpolations, whose pixels differ from
        /// those of one.
        case squareFirst
        /// The image is centred on a square of the mean's colour, then resized to the image size.
        case padMean
    }

    /// The side in pixels of the square that the encoder takes.
    public var imageSize: Int

    /// How an image becomes square.
    public var resize: Resize

    /// The interpolation kernel.
    public var filter: ResamplingFilter

    /// Which resampling pass comes first.
    public var order: ResamplingOrder

    /// Factor that takes stored values, `0...255`, to the scale of `mean`: usually 1/255.
    public var rescale: Double

    /// Per channel (red, green, blue): subtracted after rescaling.
    public var mean: [Double]

    /// Per channel (red, green, blue): what the difference is divided by.
    public var standardDeviation: [Double]

    /// Mean and standard deviation of the three channels.
    public struct Normalisation: Sendable, Hashable {
        /// Per channel: subtracted.
        public let mean: [Double]
        /// Per channel: divided by.
        public let standardDeviation: [Double]

        /// OpenAI CLIP's values, of its training images.
        public static let clip = Normalisation(
            mean: [0.48145466, 0.4578275, 0.40821073], standardDeviation: [0.26862954, 0.26130258, 0.27577711])

        /// The values of ImageNet's training images, used by most of its classifiers and by DINOv2.
        public static let imageNet = Normalisation(
            mean: [0.485, 0.456, 0.406], standardDeviation: [0.229, 0.224, 0.225])

        /// To `-1...1`: SigLIP's, and that of the first ViT.
        public static let half = Normalisation(mean: [0.5, 0.5, 0.5], standardDeviation: [0.5, 0.5, 0.5])
    }

    /// A processor; the defaults are CLIP's but for the size.
    ///
    /// - Precondition: `imageSize` is positive.
    public init(
        imageSize: Int, resize: Resize = .shortestSideCrop, filter: ResamplingFilter = .bicubic,
        order: ResamplingOrder = .horizontalFirst, rescale: Double = 1.0 / 255, normalisation: Normalisation = .clip
    ) {
        precondition(imageSize > 0, "an image size of \(imageSize) pixels is not positive")
        self.imageSize = imageSize
        self.resize = resize
        self.filter = filter
        self.order = order
        self.rescale = rescale
        self.mean = normalisation.mean
        self.standardDeviation = normalisation.standardDeviation
    }

    /// The square image that the encoder will see, before normalisation: for contact sheets, and to cache as bytes.
    public func prepared(_ image: Image) -> Image {
        let (width, height, size) = (image.width, image.height, imageSize)
        switch resize {
        case .squash, .squashStored:
            return image.resized(width: size, height: size, filter: filter, order: order)
        case .shortestSideCrop:
            let shortest = image.shortestSide
            let newWidth = width == shortest ? size : size * width / shortest
            let newHeight = height == shortest ? size : size * height / shortest
            let window = PixelWindow(x: (newWidth - size) / 2, y: (newHeight - size) / 2, width: size, height: size)
            return image.resized(width: newWidth, height: newHeight, filter: filter, window: window, order: order)
        case .padWhite:
            let longest = max(width, height)
            let newWidth = max(1, (width * size + longest / 2) / longest)
            let newHeight = max(1, (height * size + longest / 2) / longest)
            let resized = image.resized(width: newWidth, height: newHeight, filter: filter, order: order)
            guard newWidth != newHeight else { return resized }
            return resized.cropped(
                x: -((size - newWidth) / 2), y: -((size - newHeight) / 2), width: size, height: size)
        case .squareFirst where isThin(image):
            return image.squeezedSquare(to: size, filter: filter)
                .resized(width: size, height: size, filter: filter, order: order)
        case .squareFirst:
            return squeezed(longest: max(width, height)) { start, count in
                let longest = max(width, height)
                let rows = PixelWindow(x: 0, y: start, width: longest, height: count)
                return image.resized(width: longest, height: longest, filter: filter, window: rows, order: order)
            }
        case .padMean:
            let colour = mean.map { UInt8(min(255, max(0, $0 * 255))) }
            let ground = RGB(red: colour[0], green: colour[1], blue: colour[2])
            if isThin(image) {
                return image.squeezedSquare(to: size, filter: filter, ground: ground)
                    .resized(width: size, height: size, filter: filter, order: order)
            }
            return squeezed(longest: max(width, height)) { start, count in
                let longest = max(width, height)
                return image.cropped(
                    x: -((longest - width) / 2), y: start - (longest - height) / 2, width: longest, height: count,
                    ground: ground)
            }
        }
    }

    /// Whether the square of the longer side has so many more pixels than the image that it is better not computed.
    private func isThin(_ image: Image) -> Bool {
        max(image.width, image.height) > 16 * image.shortestSide
    }

    /// The same of an image in its file's form.
    ///
    /// - Precondition: the rule is ``Resize/squashStored``: for the others images are decoded to opaque RGB.
    public func prepared(_ image: StoredImage) -> Image {
        precondition(resize == .squashStored, "\(resize.rawValue) takes opaque images")
        return image.resized(width: imageSize, height: imageSize, filter: filter, order: order)
    }

    /// A square of `longest` pixels at the image size, made of strips of its rows, so that it never exists as a whole.
    ///
    /// - Parameter strip: `count` rows of the square from row `start` on.
    private func squeezed(longest: Int, strip: (_ start: Int, _ count: Int) -> Image) -> Image {
        let rowCount = max(1, (1 << 20) / longest)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(3 * imageSize * longest)
        for start in stride(from: 0, to: longest, by: rowCount) {
            let count = min(rowCount, longest - start)
            // The same height: only the horizontal pass, which comes first in a square, and treats each row alone.
            pixels += strip(start, count).resized(width: imageSize, height: count, filter: filter, order: order).pixels
        }
        return Image(width: imageSize, height: longest, pixels: pixels)
            .resized(width: imageSize, height: imageSize, filter: filter, order: order)
    }

    /// One image as `float32[3, imageSize, imageSize]`.
    public func pixelValues(_ image: Image) -> Tensor {
        Tensor(normalised([prepared(image)]), shape: [3, imageSize, imageSize])
    }

    /// Several images as `float32[N, 3, imageSize, imageSize]`, each exactly as `pixelValues(_:)` gives it alone.
    ///
    /// - Precondition: There is at least one image.
    public func pixelValues(_ images: [Image]) -> Tensor {
        precondition(!images.isEmpty, "a batch of pixel values needs at least one image")
        return Tensor(normalised(images.map(prepared)), shape: [images.count, 3, imageSize, imageSize])
    }

    /// Images that `prepared(_:)` gave, as `float32[N, 3, imageSize, imageSize]`: for caches that keep bytes.
    ///
    /// - Precondition: There is at least one image and every one has the image size.
    public func pixelValues(prepared images: [Image]) -> Tensor {
        precondition(!images.isEmpty, "a batch of pixel values needs at least one image")
        for image in images {
            precondition(
                image.width == imageSize && image.height == imageSize,
                "a prepared image has \(image.width) x \(image.height) pixels, not \(imageSize) x \(imageSize)")
        }
        return Tensor(normalised(images), shape: [images.count, 3, imageSize, imageSize])
    }

    /// `float32[N, 3, S, S]` as a flat array: `(value * rescale - mean) / standardDeviation`, rounded to single precision
    /// after every step, as NumPy-based processors compute it.
    func normalised(_ images: [Image]) -> [Float] {
        let plane = imageSize * imageSize
        let tables = (0..<3).map { channel in
            (0..<256).map { (Float(Double($0) * rescale) - Float(mean[channel])) / Float(standardDeviation[channel]) }
        }
        return [Float](unsafeUninitializedCapacity: images.count * 3 * plane) { output, written in
            for (index, image) in images.enumerated() {
                image.pixels.withUnsafeBufferPointer { input in
                    for channel in 0..<3 {
                        tables[channel].withUnsafeBufferPointer { table in
                            let target = (index * 3 + channel) * plane
                            for pixel in 0..<plane {
                                output[target + pixel] = table[Int(input[pixel * 3 + channel])]
                            }
                        }
                    }
                }
            }
            written = images.count * 3 * plane
        }
    }
}
