import Foundation
package import Media
import Synchronization
package import Torch

/// An image at the model's size, before normalisation.
package struct StoredImage: Sendable {
    /// Width of the image as it came, in pixels.
    package var width: Int
    /// Height of the image as it came, in pixels.
    package var height: Int
    /// `size` x `size` x 3, 8 bits.
    package var pixels: [UInt8]
}

/// Decodes and resizes the images of records, and keeps the results up to a number of bytes.
///
/// When the limit is reached nothing more is kept and nothing is thrown out: a pass visits every image once, so
/// throwing out the least recently used would throw out exactly what is needed next.
package final class ImageStore: Sendable {
    private struct Key: Hashable {
        var entry: Int
        var image: Int
    }

    private struct Cache {
        var images: [Key: StoredImage] = [:]
        var byteCount = 0
    }

    private let bytes: @Sendable (_ image: Int, _ entry: Int) throws -> [UInt8]
    private let decoder: any MediaDecoder
    private let limits: DecodeLimits
    package let processor: ImageProcessor
    private let byteLimit: Int
    private let cache = Mutex(Cache())

    /// - Parameters:
    ///   - byteLimit: bytes of resized images that are kept.
    ///   - bytes: reads an image of a record, still encoded.
    package init(
        decoder: any MediaDecoder, limits: DecodeLimits, processor: ImageProcessor, byteLimit: Int,
        bytes: @escaping @Sendable (_ image: Int, _ entry: Int) throws -> [UInt8]
    ) {
        self.bytes = bytes
        self.decoder = decoder
        self.limits = limits
        self.processor = processor
        self.byteLimit = byteLimit
    }

    /// Bytes of pixels kept.
    package var cachedByteCount: Int { cache.withLock { $0.byteCount } }

    /// An image of a record, decoded and resized unless it is kept.
    /// - Throws: what reading or the decoder throws.
    package func image(_ image: Int, ofEntry entry: Int) throws -> StoredImage {
        let key = Key(entry: entry, image: image)
        if let known = cache.withLock({ $0.images[key] }) { return known }
        let image = try decoder.image(from: try bytes(image, entry), limits: limits, target: nil)
        let stored = StoredImage(
            width: image.width, height: image.height, pixels: processor.prepared(image).pixels)
        cache.withLock { cache in
            guard cache.byteCount + stored.pixels.count <= byteLimit, cache.images[key] == nil else { return }
            cache.images[key] = stored
            cache.byteCount += stored.pixels.count
        }
        return stored
    }
}

/// Turns images at the model's size into the tensor an encoder takes.
package struct PixelAssembler: Sendable {
    package let size: Int
    /// Per channel, the normalised value of each of the 256 levels.
    private let levels: [Float]
    private let scale: [Float]
    private let offset: [Float]

    package init(processor: ImageProcessor) {
        size = processor.imageSize
        let mean = processor.mean.map(Float.init)
        let deviation = processor.standardDeviation.map(Float.init)
        // The same steps in the same precision as ImageProcessor.pixelValues, so that both give the same bits.
        levels = (0..<3).flatMap { channel in
            (0..<256).map { (Float(Double($0) * processor.rescale) - mean[channel]) / deviation[channel] }
        }
        scale = (0..<3).map { Float(processor.rescale) / deviation[$0] }
        offset = (0..<3).map { -mean[$0] / deviation[$0] }
    }

    /// float32[N, 3, S, S], normalised; nil for no images.
    /// - Parameter images: pixels of `size` x `size` x 3 with the change to make, nil for none.
    package func pixelValues(_ images: [(pixels: [UInt8], change: AugmentationParameters?)]) -> Tensor? {
        guard !images.isEmpty else { return nil }
        let plane = size * size
        let values = [Float](unsafeUninitializedCapacity: images.count * 3 * plane) { buffer, count in
            for (number, image) in images.enumerated() {
                let output = UnsafeMutableBufferPointer(rebasing: buffer[number * 3 * plane..<(number + 1) * 3 * plane])
                image.pixels.withUnsafeBufferPointer { pixels in
                    precondition(pixels.count == 3 * plane)
                    if let change = image.change {
                        change.sample(pixels, size: size, into: output)
                        for channel in 0..<3 {
                            let (scale, offset) = (scale[channel], offset[channel])
                            for place in channel * plane..<(channel + 1) * plane {
                                output[place] = output[place] * scale + offset
                            }
                        }
                    } else {
                        levels.withUnsafeBufferPointer { levels in
                            for place in 0..<plane {
                                for channel in 0..<3 {
                                    output[channel * plane + place] =
                                        levels[channel << 8 | Int(pixels[place * 3 + channel])]
                                }
                            }
                        }
                    }
                }
            }
            count = buffer.count
        }
        return Tensor(values, shape: [images.count, 3, size, size])
    }
}
