import Settings

/// The `preprocessor_config.json` of Hugging Face's `CLIPImageProcessor`, as far as it bears on pixels.
private struct PublishedProcessor: Decodable {
    /// A number of pixels, or an object that says which side they are.
    struct Side: Decodable {
        let pixels: Int

        private enum Key: String, CodingKey { case shortestEdge, height, width }

        init(from decoder: any Decoder) throws {
            if let number = try? decoder.singleValueContainer().decode(Int.self) {
                pixels = number
                return
            }
            let keys = try decoder.container(keyedBy: Key.self)
            pixels = try keys.decodeIfPresent(Int.self, forKey: .shortestEdge) ?? keys.decode(Int.self, forKey: .height)
        }
    }

    var cropSize: Side?
    var size: Side?
    var resolution: Int?
    var resample: Int?
    var rescaleFactor: Double?
    var imageMean: [Double]?
    var imageStd: [Double]?
}

extension ImageProcessor {
    /// Reads a published `preprocessor_config.json`, or Syrinx's own.
    ///
    /// The published file does not say how a picture becomes square before CLIP's rule applies: each system's code does.
    /// Keys left out have CLIP's values.
    /// - Parameters:
    ///   - bytes: the file's JSON.
    ///   - published: how the system makes pictures square; nil where only Syrinx's own form is known.
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
        let file = try StrictJSON.decode(PublishedProcessor.self, from: bytes, keys: .snakeCase)
        let size = file.cropSize?.pixels ?? file.size?.pixels ?? file.resolution ?? 224
        guard (1...65_535).contains(size) else {
            throw ImageProcessorError(
                description: "image processor: the size is \(size), allowed are 1 to 65535 pixels")
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
