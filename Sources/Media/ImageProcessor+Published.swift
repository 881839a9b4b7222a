import Settings

/// The `preprocessor_config.json` of Hugging Face's `CLIPImageProcessor`, as far as it bears on pixels.
private struct PublishedProcessor: Decodable {
    /// A number of pixels, or an object that says which side they are.
    struct Side: Decodable {
        let pixels: Int
        /// Another width than height.
        let otherWidth: Int?

        private enum Key: String, CodingKey { case shortestEdge, height, width }

        init(from decoder: any Decoder) throws {
            if let number = try? decoder.singleValueContainer().decode(Int.self) {
                (pixels, otherWidth) = (number, nil)
                return
            }
            let keys = try decoder.container(keyedBy: Key.self)
            pixels = try keys.decodeIfPresent(Int.self, forKey: .shortestEdge) ?? keys.decode(Int.self, forKey: .height)
            let width = try keys.decodeIfPresent(Int.self, forKey: .width)
            otherWidth = width == pixels ? nil : width
        }
    }

    var cropSize: Side?
    var size: Side?
    var resolution: Int?
    var resample: Int?
    var rescaleFactor: Double?
    var imageMean: [Double]?
    var imageStd: [Double]?
    var doResize: Bool?
    var doCenterCrop: Bool?
    var doRescale: Bool?
    var doNormalize: Bool?

    /// Why images are not prepared as it says; nil where they are.
    func refusal(_ resize: ImageProcessor.Resize) -> String? {
        let steps = [("do_resize", doResize), ("do_rescale", doRescale), ("do_normalize", doNormalize)]
        if let step = steps.first(where: { $0.1 == false })?.0 {
            return "\(step) is false, but Syrinx always applies this step; give a checkpoint that uses it"
        }
        // Other ways end in a square, of which nothing is cut.
        if doCenterCrop == false, resize == .shortestSideCrop {
            return "do_center_crop is false, but the model reads squares; choose another --image-mode"
        }
        guard let side = [cropSize, size].compactMap({ $0 }).first(where: { $0.otherWidth != nil }) else { return nil }
        return "the size is \(side.otherWidth ?? 0)x\(side.pixels), but the model reads squares"
    }
}

/// A `processor_config.json`, in which transformers 5 keeps the same.
private struct PublishedProcessors: Decodable {
    var imageProcessor: PublishedProcessor?
}

extension ImageProcessor {
    /// Reads a published `preprocessor_config.json`, or Syrinx's own; or a `processor_config.json` with the same in it.
    ///
    /// The published file does not say how an image becomes square before CLIP's rule applies: each system's code does.
    /// Keys left out have CLIP's values.
    /// - Parameters:
    ///   - bytes: the file's JSON.
    ///   - published: how the system makes images square; nil where only Syrinx's own form is known.
    /// - Throws: ``ImageProcessorError``, also for JSON that is damaged or lacks a key.
    public init(preprocessorConfiguration bytes: [UInt8], published: Resize?) throws {
        do {
            try self.init(checking: bytes, published: published)
        } catch let error as StrictJSON.Malformed {
            throw ImageProcessorError(description: error.reason)
        }
    }

    private init(checking bytes: [UInt8], published: Resize?) throws {
        struct Own: Decodable { let imageSize: Int? }
        let isOwn = (try? StrictJSON.decode(Own.self, from: bytes))?.imageSize != nil
        guard let published, !isOwn else {
            self = try StrictJSON.decode(ImageProcessor.self, from: bytes)
            return
        }
        let file =
            try StrictJSON.decode(PublishedProcessors.self, from: bytes, keys: .snakeCase).imageProcessor
            ?? StrictJSON.decode(PublishedProcessor.self, from: bytes, keys: .snakeCase)
        if let refusal = file.refusal(published) {
            throw ImageProcessorError(description: "image processor: \(refusal)")
        }
        let size = file.cropSize?.pixels ?? file.size?.pixels ?? file.resolution ?? 224
        guard (1...65_535).contains(size) else {
            throw ImageProcessorError(
                description: "image processor: the size is \(size); it must be from 1 to 65535 pixels")
        }
        self.init(imageSize: size, resize: published)
        // Pillow's numbers.
        switch file.resample {
        case nil, 3?: filter = .bicubic
        case 2?: filter = .bilinear
        case let other?:
            throw ImageProcessorError(
                description: "image processor: resample is \(other); known are 2 (bilinear), 3 (bicubic)")
        }
        rescale = file.rescaleFactor ?? rescale
        mean = file.imageMean ?? mean
        standardDeviation = file.imageStd ?? standardDeviation
        guard mean.count == 3, standardDeviation.count == 3, standardDeviation.allSatisfy({ $0 > 0 }) else {
            throw ImageProcessorError(
                description:
                    "image processor: image_mean \(mean) and image_std \(standardDeviation) need three values each, "
                    + "the latter above zero")
        }
    }
}
