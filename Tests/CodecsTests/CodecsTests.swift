import Codecs
import Foundation
import Media
import TestSupport
import Testing

@Suite struct DecodingTests {
    private let codec = ImageCodec()

    @Test("Decoding equals Pillow in every byte", arguments: try nonempty(ImageFixtures.all))
    func equalsPillow(item: ImageFixtures.Item) throws {
        let image = try codec.image(from: item.bytes, limits: .default, target: item.target)
        #expect(image.width == item.width && image.height == item.height)
        // Pillow does not read HEIC; its plugin's libheif may be of another version than ours, and round otherwise.
        let tolerance = item.file.hasSuffix(".heic") ? 2 : 0
        let differing = try pairs(image.pixels, item.expected.pixels).count { abs(Int($0) - Int($1)) > tolerance }
        #expect(differing == 0, "\(differing) of \(image.pixels.count) values differ")
    }

    @Test("An image keeps its file's form: palettes and single bits, an alpha channel of its own, plain colours")
    func storedForm() throws {
        func form(_ file: String) throws -> String {
            switch try codec.storedImage(from: ImageFixtures.bytes(file)) {
            case .plain: "plain"
            case .indexed: "indexed"
            case .withAlpha: "alpha"
            }
        }
        let forms = [
            "palette-16.png": "indexed", "palette-transparent-table.png": "indexed", "one-bit.png": "indexed",
            "rgba.png": "alpha", "grey-alpha.png": "alpha", "alpha-lossless.webp": "alpha",
            "rgb-transparent.png": "plain", "grey.png": "plain", "baseline-420.jpg": "plain",
            "palette.gif": "indexed", "transparent.gif": "indexed", "palette.bmp": "indexed", "one-bit.bmp": "indexed",
            "grey.bmp": "plain", "rgb-32.bmp": "plain", "palette.tif": "indexed", "one-bit-group4.tif": "indexed",
            "rgba.tif": "alpha", "cmyk.tif": "plain", "alpha.avif": "alpha", "alpha.heic": "alpha",
            "animated-alpha.webp": "alpha", "animated.webp": "plain",
        ]
        for (file, expected) in forms { #expect(try form(file) == expected, "\(file)") }
    }

    @Test("A scaled JPEG is never smaller than the target, and without a target never scaled")
    func scaledDecoding() throws {
        let bytes = ImageFixtures.bytes("large.jpg")  // 131 x 98
        for target in [1, 13, 14, 25, 26, 49, 50, 98, 99, 500] {
            let image = try codec.image(from: bytes, limits: .default, target: target)
            #expect(image.shortestSide >= min(target, 98))
        }
        #expect(try codec.image(from: bytes, limits: .default, target: 49).shortestSide == 49)
        #expect(try codec.image(from: bytes, limits: .default, target: 50).shortestSide == 98)
        #expect(try codec.image(from: bytes).shortestSide == 98)
    }

    @Test("The header gives size, orientation and alpha without decoding", arguments: try nonempty(ImageFixtures.all))
    func info(item: ImageFixtures.Item) throws {
        guard item.target == nil else { return }
        let info = try codec.imageInfo(of: item.bytes)
        #expect(info.width == item.width && info.height == item.height)
        let name = item.file
        #expect(info.hasAlpha == (name.contains("alpha") || name.contains("rgba") || name.contains("transparent")))
        #expect(
            info.orientation.rawValue
                == (name.split(separator: "-").first == "exif" ? Int(name.split { "-.".contains($0) }[1]) : 1))
        let endings: [ImageFormat: String] = [.jpeg: "jpg", .tiff: "tif"]
        #expect(name.hasSuffix(endings[info.format] ?? info.format.rawValue.lowercased()))
    }

    @Test("A PNG that was encoded decodes to the same pixels at every compression level")
    func encodeRoundTrip() throws {
        let image = ImageFixtures.all[0].expected
        for level in [-3, 0, 1, 6, 9, 30] {
            let bytes = try codec.encodePNG(image, compressionLevel: level)
            #expect(try codec.image(from: bytes) == image)
        }
        let tiny = Image(width: 1, height: 1, filledWith: RGB(red: 1, green: 2, blue: 3))
        #expect(try codec.image(from: codec.encodePNG(tiny)) == tiny)
    }

    @Test("A file is decoded by content, whatever its name says")
    func decodesPath() throws {
        let copy = FileManager.default.temporaryDirectory.appending(path: "syrinx-codecs-\(UUID().uuidString).png")
        defer { try? FileManager.default.removeItem(at: copy) }
        try Data(ImageFixtures.bytes("grey.jpg")).write(to: copy)
        #expect(try codec.decode(copy.path) == codec.image(from: ImageFixtures.bytes("grey.jpg")))
    }
}
