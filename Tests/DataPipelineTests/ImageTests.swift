import DataPipeline
import Foundation
import Media
import TestSupport
import Testing
import TinyModels
import Torch

@Suite struct ImageTests {
    let pixels = (0..<12 * 12 * 3).map { UInt8(truncatingIfNeeded: $0 &* 37 >> 1) }

    func sample(_ parameters: AugmentationParameters) -> [Float] {
        var output = [Float](repeating: -1, count: pixels.count)
        output.withUnsafeMutableBufferPointer { output in
            pixels.withUnsafeBufferPointer { parameters.sample($0, size: 12, into: output) }
        }
        return output
    }

    func value(_ x: Int, _ y: Int, _ channel: Int) -> Float { Float(pixels[(y * 12 + x) * 3 + channel]) }

    @Test func `The identity changes nothing`() {
        let output = sample(.identity)
        for place in 0..<144 {
            for channel in 0..<3 {
                // Positions go to -1...1 and back in single precision.
                #expect(abs(output[channel * 144 + place] - Float(pixels[place * 3 + channel])) < 1e-3)
            }
        }
    }

    @Test func `A mirror swaps left and right, and a shift brings in white`() {
        let mirrored = sample(AugmentationParameters(affine: [-1, 0, 0, 0, 1, 0], brightness: 1))
        for y in 0..<12 { for x in 0..<12 { #expect(abs(mirrored[y * 12 + x] - value(11 - x, y, 0)) < 1e-3) } }
        // A shift by half the image: the source lies 6 pixels to the right.
        let shifted = sample(AugmentationParameters(affine: [1, 0, 1, 0, 1, 0], brightness: 1))
        #expect(abs(shifted[5 * 12 + 2] - value(8, 5, 0)) < 1e-3)
        #expect(shifted[5 * 12 + 9] == 255)
    }

    @Test func `Brightness scales and stops at white`() {
        let dark = sample(AugmentationParameters(affine: [1, 0, 0, 0, 1, 0], brightness: 0.5))
        #expect(dark[20] == Float(pixels[60]) * 0.5)
        let bright = sample(AugmentationParameters(affine: [1, 0, 0, 0, 1, 0], brightness: 100))
        #expect(bright.allSatisfy { $0 <= 255 })
    }

    @Test func `The sampler agrees with affineGrid and gridSample inside the image`() throws {
        var random = KeyedRandom(seed: 3, purpose: .augmentation, 0)
        let parameters = AugmentationParameters(
            affine: Augmentation(rotationDegrees: 20, brightness: 0).parameters(random: &random).affine, brightness: 1)
        let planes = (0..<3).flatMap { channel in (0..<144).map { Float(pixels[$0 * 3 + channel]) } }
        // White outside: sample the difference to white, which zero padding leaves at zero.
        let input = Tensor(planes.map { $0 - 255 }, shape: [1, 3, 12, 12])
        let grid = affineGrid(Tensor(parameters.affine, shape: [1, 2, 3]), shape: [1, 3, 12, 12])
        let expected = (gridSample(input, grid) + 255).array(of: Float.self)
        for (own, other) in try pairs(sample(parameters), expected) { #expect(abs(own - other) < 0.01) }
    }

    @Test func `Drawn changes stay within their settings`() {
        let augmentation = Augmentation()
        var mirrored = 0
        for presentation in 0..<500 {
            var random = KeyedRandom(seed: 2, purpose: .augmentation, presentation)
            let parameters = augmentation.parameters(random: &random)
            #expect((0.9...1.1).contains(parameters.brightness))
            #expect(abs(parameters.affine[2]) <= 0.16 && abs(parameters.affine[5]) <= 0.16)
            let (a, b, c, d) = (
                parameters.affine[0], parameters.affine[1], parameters.affine[3], parameters.affine[4]
            )
            let area = a * d - b * c
            #expect((1 / 1.22...1 / 0.8).contains(abs(area)))
            if area < 0 { mirrored += 1 }
        }
        #expect((200...300).contains(mirrored))
    }

    @Test func `Cached pixels become the very numbers that the image processor gives`() throws {
        let image = Image(width: 12, height: 12, pixels: pixels)
        let processor = ImageProcessor(imageSize: 8)
        let assembler = PixelAssembler(processor: processor)
        let own = try #require(assembler.pixelValues([(processor.prepared(image).pixels, nil)]))
        #expect(own.shape == [1, 3, 8, 8])
        #expect(own.array(of: Float.self) == processor.pixelValues(image).array(of: Float.self))
        // The path through an unchanged augmentation rounds differently, in the last bits only.
        let changed = try #require(assembler.pixelValues([(processor.prepared(image).pixels, .identity)]))
        for (one, two) in try pairs(own.array(of: Float.self), changed.array(of: Float.self)) {
            #expect(abs(one - two) < 1e-5)
        }
    }

    @Test func `Images are kept up to the limit and no further`() throws {
        let fixture = try CorpusFixture((0..<5).map { CorpusFixture.captioned($0) })
        let store = ImageStore(
            decoder: FiveByteDecoder(), limits: .default, processor: ImageProcessor(imageSize: 8),
            byteLimit: 2 * 192 + 10
        ) { [folder = fixture.folder] in try folder.image($0, of: folder.index.entries[$1]) }
        let first = try (0..<5).map { try store.image(0, ofEntry: $0).pixels }
        #expect(store.cachedByteCount == 2 * 192)
        #expect(try (0..<5).map { try store.image(0, ofEntry: $0).pixels } == first)
    }
}
