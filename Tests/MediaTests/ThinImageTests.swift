import CKernels
import Media
import Testing

@Suite struct ThinImageTests {
    /// Stretched to the square of the longer side, then shrunk: the two steps as they are published.
    private func squareFirst(_ image: Image, _ processor: ImageProcessor) -> Image {
        let side = max(image.width, image.height), size = processor.imageSize
        return image.resized(width: side, height: side, filter: processor.filter)
            .resized(width: size, height: size, filter: processor.filter)
    }

    /// Centred on a square of the mean's colour, then shrunk.
    private func padMean(_ image: Image, _ processor: ImageProcessor) -> Image {
        let side = max(image.width, image.height), size = processor.imageSize
        let colour = processor.mean.map { UInt8($0 * 255) }
        let padded = image.cropped(
            x: -((side - image.width) / 2), y: -((side - image.height) / 2), width: side, height: side,
            ground: RGB(red: colour[0], green: colour[1], blue: colour[2]))
        return padded.resized(width: size, height: size, filter: processor.filter)
    }

    private static let shapes = [(1, 90), (90, 1), (2, 151), (151, 2), (3, 77), (77, 4), (7, 200), (200, 7), (12, 193)]

    @Test(arguments: shapes, [ResamplingFilter.bicubic, .bilinear])
    func `Thin images become square as wide ones do, to the bit`(shape: (Int, Int), filter: ResamplingFilter) {
        let noise = noise(shape.0, shape.1)
        let smooth = Image(
            width: shape.0, height: shape.1, pixels: noise.pixels.indices.map { UInt8($0 * 255 / noise.pixels.count) })
        let edges = Image(width: shape.0, height: shape.1, pixels: noise.pixels.map { $0 < 128 ? 0 : 255 })
        for image in [noise, smooth, edges] {
            for size in [5, 24] {
                var processor = ImageProcessor(imageSize: size, resize: .squareFirst, filter: filter)
                #expect(processor.prepared(image) == squareFirst(image, processor))
                processor.resize = .padMean
                #expect(processor.prepared(image) == padMean(image, processor))
            }
        }
    }

    @Test(arguments: shapes) func `Counting changes gives what counting pixels gives`(shape: (Int, Int)) {
        let image = noise(shape.0, shape.1, seed: 5)
        let results = [SYRINX_KERNELS_THIN_STEPS, SYRINX_KERNELS_THIN_WHOLE].map { method in
            var output = [UInt8](repeating: 0, count: max(shape.0, shape.1) * 31 * 3)
            let status = syrinx_kernels_resample_thin(
                image.pixels, Int32(shape.0), Int32(shape.1), Int32(SYRINX_KERNELS_BICUBIC), 31, Int32(method),
                &output)
            #expect(status == Int32(SYRINX_KERNELS_OK))
            return output
        }
        #expect(results[0] == results[1])
    }

    // The square of the longer side has 3.6 billion pixels, which took most of a minute.
    @Test(arguments: [ImageProcessor.Resize.squareFirst, .squash, .padWhite, .shortestSideCrop])
    func `An image of one column and 60,000 rows is no more work than its pixels`(resize: ImageProcessor.Resize) {
        let ramp = (0..<60_000).flatMap { [UInt8](repeating: UInt8($0 * 255 / 60_000), count: 3) }
        let processor = ImageProcessor(imageSize: 8, resize: resize)
        let column = Image(width: 1, height: 60_000, pixels: ramp)
        let prepared = processor.prepared(column)
        if resize == .squareFirst { #expect(prepared == column.resized(width: 8, height: 8)) }
        if resize != .padWhite { #expect((0..<8).allSatisfy { prepared[$0, 7] == prepared[0, 7] }) }
    }
}
