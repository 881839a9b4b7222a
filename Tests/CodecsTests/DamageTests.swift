import Codecs
import Media
import Testing

/// What lies behind the last pixel may be damaged or missing; no pixel may.
@Suite struct DamageTests {
    private let codec = ImageCodec()

    /// Files and how much of their end no pixel needs: an end mark, a checksum, padding, further frames.
    static let ends: [(file: String, count: Int)] = [
        ("rgb.png", 12), ("rgb.png", 16), ("interlaced.png", 16), ("palette-2.png", 16), ("baseline-420.jpg", 2),
        ("progressive-444.jpg", 2), ("grey-progressive.jpg", 2), ("restarts.jpg", 2), ("cmyk.jpg", 2),
        ("exif-6.webp", 34), ("palette.gif", 1), ("palette.gif", 2), ("animated.gif", 300), ("animated.webp", 404),
        ("555.bmp", 2), ("rgb.bmp", 1), ("run-length.bmp", 2), ("several.tif", 1000),
    ]

    @Test(arguments: ends) func `A file that ends right behind its last pixel gives every pixel`(
        file: String, count: Int
    ) throws {
        let bytes = ImageFixtures.bytes(file)
        let whole = try codec.image(from: bytes)
        let cut = Array(bytes.dropLast(count))
        #expect(try codec.image(from: cut).pixels.count == whole.pixels.count)
        // The metadata may be what was cut.
        if file != "exif-6.webp" { #expect(try codec.image(from: cut) == whole) }
        let noise = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 7) }
        #expect((try? codec.image(from: cut + noise)) != nil)
    }

    @Test func `A PNG that ends right behind its last chunk of pixels is read`() throws {
        let bytes = ImageFixtures.bytes("rgb.png")
        #expect(bytes.suffix(12).dropFirst(4).starts(with: "IEND".utf8))
        #expect(try codec.image(from: Array(bytes.dropLast(12))) == codec.image(from: bytes))
    }

    @Test func `A progressive JPEG that lacks a scan is truncated, though it ends between two`() throws {
        let bytes = ImageFixtures.bytes("progressive-444.jpg")
        let scans = bytes.indices.dropLast().filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
        #expect(scans.count > 2)
        for start in scans.dropFirst() {
            // Tables of the next scan may stand before it.
            let error = #expect(throws: CodecError.self) { try codec.image(from: Array(bytes[..<start])) }
            #expect(error?.description.contains("truncated") == true)
        }
    }

    @Test func `A JPEG whose data end before its last pixel is refused, though an end mark follows`() throws {
        let bytes = ImageFixtures.bytes("baseline-444.jpg")
        let error = #expect(throws: CodecError.self) {
            try codec.image(from: Array(bytes.prefix(bytes.count * 3 / 4)) + [0xFF, 0xD9])
        }
        #expect(error?.description == "the JPEG is damaged: libjpeg says: its data end before the last pixel")
    }

    @Test func `A damaged checksum of the last chunk of pixels is none of the pixels' business`() throws {
        for file in ["rgb.png", "interlaced.png"] {
            var bytes = ImageFixtures.bytes(file)
            bytes[bytes.count - 13] ^= 0xFF
            #expect(try codec.image(from: bytes) == codec.image(from: ImageFixtures.bytes(file)))
        }
    }
}
