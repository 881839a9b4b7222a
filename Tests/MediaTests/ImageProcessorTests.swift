import Foundation
import Media
import TestSupport
import Testing
import Torch

@Suite struct ImageProcessorTests {
    @Test("Pixel values are channel planes of the normalised prepared image")
    func values() {
        let processor = ImageProcessor(imageSize: 6, resize: .squash, normalisation: .imageNet)
        let image = noise(13, 9)
        let tensor = processor.pixelValues(image)
        #expect(tensor.shape == [3, 6, 6])
        #expect(tensor.dtype == .float32)
        let values = tensor.array(of: Float.self)
        let prepared = image.resized(width: 6, height: 6)
        for y in 0..<6 {
            for x in 0..<6 {
                let green = (Float(Double(prepared[x, y].green) * (1.0 / 255)) - Float(0.456)) / Float(0.224)
                #expect(values[36 + y * 6 + x] == green)
            }
        }
    }

    @Test("The half preset reaches from -1 to 1")
    func half() {
        let processor = ImageProcessor(imageSize: 2, normalisation: .half)
        #expect(processor.pixelValues(Image(width: 2, height: 2)).array(of: Float.self).allSatisfy { $0 == 1 })
        let black = Image(width: 2, height: 2, filledWith: .black)
        #expect(processor.pixelValues(black).array(of: Float.self).allSatisfy { $0 == -1 })
    }

    @Test("A batch equals its images one by one", arguments: ImageProcessor.Resize.allCases)
    func batch(resize: ImageProcessor.Resize) {
        let processor = ImageProcessor(imageSize: 14, resize: resize, filter: .bilinear)
        let images = [noise(40, 20), noise(9, 33, seed: 2), noise(14, 14, seed: 3)]
        let tensor = processor.pixelValues(images)
        #expect(tensor.shape == [3, 3, 14, 14])
        let single = images.flatMap { processor.pixelValues($0).array(of: Float.self) }
        #expect(tensor.array(of: Float.self) == single)
        let cached = processor.pixelValues(prepared: images.map(processor.prepared))
        #expect(cached.array(of: Float.self) == single)
    }

    @Test("The shortest side is resized and the centre cut out", arguments: [(50, 31), (31, 50), (20, 20), (7, 301)])
    func crop(width: Int, height: Int) {
        let processor = ImageProcessor(imageSize: 16)
        let image = noise(width, height)
        let shortest = min(width, height)
        let (newWidth, newHeight) = (16 * width / shortest, 16 * height / shortest)
        let whole = image.resized(width: newWidth, height: newHeight)
        let expected = whole.cropped(x: (newWidth - 16) / 2, y: (newHeight - 16) / 2, width: 16, height: 16)
        #expect(processor.prepared(image) == expected)
    }

    @Test("Padding keeps the shape and fills with white", arguments: [(40, 20), (20, 40)])
    func pad(width: Int, height: Int) {
        let processor = ImageProcessor(imageSize: 10, resize: .padWhite)
        let prepared = processor.prepared(Image(width: width, height: height, filledWith: .black))
        #expect(prepared.width == 10 && prepared.height == 10)
        for y in 0..<10 {
            for x in 0..<10 {
                // Five of the ten rows, or columns, from the third on.
                let isInside = (2...6).contains(width > height ? y : x)
                #expect(prepared[x, y] == (isInside ? .black : .white))
            }
        }
    }

    @Test("An image of one row and 65,535 columns is prepared without a huge intermediate", arguments: [1, 3])
    func extremeShape(height: Int) {
        let image = Image(width: 65_535, height: height)
        for resize in [ImageProcessor.Resize.squash, .shortestSideCrop, .padWhite] {
            let prepared = ImageProcessor(imageSize: 32, resize: resize).prepared(image)
            #expect(prepared == Image(width: 32, height: 32))
        }
        // These visit the whole square, strip by strip: a shorter image keeps the test quick.
        let shorter = Image(width: 8191, height: height)
        #expect(ImageProcessor(imageSize: 32, resize: .squareFirst).prepared(shorter) == Image(width: 32, height: 32))
        let mean = RGB(red: 122, green: 116, blue: 104)
        #expect(
            ImageProcessor(imageSize: 32, resize: .padMean)
                .prepared(Image(width: 8191, height: height, filledWith: mean))
                == Image(width: 32, height: 32, filledWith: mean))
    }

    @Test("The JSON form gives the processor back and states the decoding policies")
    func json() throws {
        let processor = ImageProcessor(imageSize: 336, resize: .padWhite, filter: .bilinear, normalisation: .half)
        let data = try JSONEncoder().encode(processor)
        #expect(try JSONDecoder().decode(ImageProcessor.self, from: data) == processor)
        let canonical = try JSONDecoder().decode(ImageProcessor.self, from: Data(processor.canonicalJSON.utf8))
        #expect(canonical == processor)
        #expect(processor.canonicalJSON.contains(#""alpha":"overWhite""#))
    }

    @Test(
        "Unknown keys, impossible values and other policies are refused by name",
        arguments: [
            (#"{"imageSize":224,"crop":true}"#, #"unknown key "crop""#), (#"{"imageSize":0}"#, "imageSize is 0"),
            (#"{"imageSize":224,"mean":[0.5]}"#, "three values"),
            (#"{"imageSize":224,"standardDeviation":[0,1,1]}"#, "above zero"),
            (#"{"imageSize":224,"orientation":"ignored"}"#, #"orientation is "ignored""#),
        ])
    func strictJSON(text: String, reason: String) {
        let error = #expect(throws: ImageProcessorError.self) {
            try JSONDecoder().decode(ImageProcessor.self, from: Data(text.utf8))
        }
        #expect(error?.description.contains(reason) == true)
    }

    @Test("The fingerprint changes with every value that changes pixels")
    func fingerprint() {
        let base = ImageProcessor(imageSize: 224)
        // Of the canonical JSON, computed once with sha256sum: a change of either breaks stored checkpoints.
        #expect(base.fingerprint == "f564145ecd21bbbd")
        var others = [ImageProcessor](repeating: base, count: 7)
        others[0].imageSize = 225
        others[1].resize = .squash
        others[2].filter = .bilinear
        others[3].order = .smallerFirst
        others[4].rescale = 1.0 / 256
        others[5].mean[1] = 0.5
        others[6].standardDeviation[2] = 0.5
        #expect(Set(others.map(\.fingerprint) + [base.fingerprint]).count == 8)
    }
}

/// What `scripts/reference/clip_processor.py` took from Hugging Face's `CLIPImageProcessor`.
struct CLIPReference: Decodable {
    struct Case: Decodable, Sendable {
        let seed: UInt64
        let width: Int
        let height: Int
        let imageSize: Int
        let checksum: String
        let first: [Float]
    }

    let cases: [Case]

    static let all = try! JSONDecoder().decode(
        CLIPReference.self, from: Data(contentsOf: ResizeReference.fixture("clip-processor.json"))
    ).cases
}

@Suite struct CLIPParityTests {
    @Test("Pixel values equal those of CLIPImageProcessor in every bit", arguments: try nonempty(CLIPReference.all))
    func equalsCLIP(item: CLIPReference.Case) {
        let processor = ImageProcessor(imageSize: item.imageSize)
        let values = processor.pixelValues(noise(item.width, item.height, seed: item.seed)).array(of: Float.self)
        #expect(Array(values.prefix(3)) == item.first)
        let bytes = values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
        #expect(checksum(bytes) == item.checksum)
    }
}
