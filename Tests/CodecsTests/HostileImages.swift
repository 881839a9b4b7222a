import Codecs
import Media
import Testing

/// An image that wants to do harm, or is only odd, and what becomes of it.
struct HostileImage: Sendable, CustomTestStringConvertible {
    enum Fate: Sendable {
        /// Refused with a sentence that holds this.
        case refused(String)
        /// Decoded to this size.
        case read(width: Int, height: Int)
    }

    let testDescription: String
    let bytes: [UInt8]
    let fate: Fate

    init(_ what: String, _ bytes: [UInt8], refused sentence: String) {
        (testDescription, self.bytes, fate) = (what, bytes, .refused(sentence))
    }

    init(_ what: String, _ bytes: [UInt8], reads width: Int, _ height: Int) {
        (testDescription, self.bytes, fate) = (what, bytes, .read(width: width, height: height))
    }

    private static func fixture(_ name: String) -> [UInt8] { ImageFixtures.bytes(name) }
    private static func half(_ name: String) -> [UInt8] { Array(fixture(name).prefix(fixture(name).count / 2)) }

    /// The fixture with bytes replaced where `pattern` stands first, counted from the pattern's start.
    private static func patched(_ name: String, after pattern: [UInt8], at offset: Int, _ bytes: [UInt8]) -> [UInt8] {
        var file = fixture(name)
        guard let start = file.indices.first(where: { file[$0...].starts(with: pattern) }) else { return file }
        file.replaceSubrange(start + offset..<start + offset + bytes.count, with: bytes)
        return file
    }

    static let strangers: [HostileImage] = [
        .init("no bytes", [], refused: "found no bytes at all"),
        .init("one byte", [0x89], refused: "found bytes that begin with 89"),
        .init("text", Array("a picture of a cat\n".utf8), refused: "bytes that begin with 61 20"),
        .init("web page", Array("<!DOCTYPE html><html>".utf8), refused: "found a web page"),
        .init("text that begins as a BMP", Array("BMW builds cars\n".utf8), refused: "bytes that begin with 42 4d 57"),
        .init("MP4", [0, 0, 0, 20] + Array("ftypisom".utf8) + [0, 0, 2, 0], refused: "found an MP4, MOV or other"),
        .init("MP3", Array("ID3\u{3}\u{0}".utf8), refused: "found an MP3"),
        .init("PDF", Array("%PDF-1.7".utf8), refused: "found a PDF"),
        .init("SVG", Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8), refused: "found an SVG"),
        .init("ZIP", [0x50, 0x4B, 3, 4, 0, 0], refused: "found a ZIP archive"),
        .init("gzip", [0x1F, 0x8B, 8, 0], refused: "found gzip data"),
        .init("WAVE in RIFF", Array("RIFF....WAVEfmt ".utf8), refused: "bytes that begin with 52 49"),
    ]

    static let pngs: [HostileImage] = [
        .init("PNG signature alone", PNGBuilder.signature, refused: "the PNG is truncated: its 8 bytes"),
        .init("PNG cut inside its header", Array(fixture("rgb.png").prefix(20)), refused: "truncated"),
        .init("PNG cut in the middle", half("rgb.png"), refused: "truncated"),
        .init("PNG without its last byte", Array(fixture("rgb.png").dropLast()), reads: 45, 34),
        .init("interlaced PNG cut in the middle", half("interlaced.png"), refused: "truncated"),
        .init("PNG without data", PNGBuilder.file(width: 4, height: 4, chunks: []), refused: "the PNG is damaged"),
        .init(
            "PNG with data that are not zlib's",
            PNGBuilder.file(width: 4, height: 4, chunks: [PNGBuilder.chunk("IDAT", [1, 2, 3])]), refused: "damaged"),
        .init(
            "PNG with too few rows",
            PNGBuilder.file(
                width: 4, height: 4, chunks: [PNGBuilder.chunk("IDAT", PNGBuilder.deflated(zeroCount: 13))]),
            refused: "damaged"),
        .init(
            "PNG header with a wrong checksum",
            {
                var file = PNGBuilder.zeros(width: 2, height: 2)
                file[29] ^= 1
                return file
            }(), refused: "IHDR: CRC error"),
        .init(
            "PNG of 30,000 x 30,000",
            PNGBuilder.file(
                width: 30_000, height: 30_000,
                chunks: [PNGBuilder.chunk("IDAT", PNGBuilder.deflated(zeroCount: 100_000))]),
            refused: "30000 x 30000 pixels, more than the 64000000 allowed: scale it down"),
        .init("PNG of 0 x 5", PNGBuilder.file(width: 0, height: 5, chunks: []), refused: "damaged"),
        .init(
            "PNG of the largest integer squared",
            PNGBuilder.file(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF, chunks: [PNGBuilder.chunk("IDAT", [])]),
            refused: "2147483647 x 2147483647"),
        .init(
            "PNG of 70,000 x 2", PNGBuilder.file(width: 70_000, height: 2, chunks: [PNGBuilder.chunk("IDAT", [])]),
            refused: "a side longer than the 65535 allowed"),
        .init("PNG of depth 3", PNGBuilder.file(width: 4, height: 4, depth: 3, chunks: []), refused: "damaged"),
        .init("PNG of colour type 5", PNGBuilder.file(width: 4, height: 4, colour: 5, chunks: []), refused: "damaged"),
        .init(
            "PNG of interlace method 7", PNGBuilder.file(width: 4, height: 4, interlace: 7, chunks: []),
            refused: "damaged"),
        .init(
            "palette PNG without palette",
            PNGBuilder.file(
                width: 4, height: 4, colour: 3, chunks: [PNGBuilder.chunk("IDAT", PNGBuilder.deflated(zeroCount: 20))]),
            refused: "damaged"),
        .init(
            "palette of one and a third colours",
            PNGBuilder.file(
                width: 4, height: 4, colour: 3,
                chunks: [
                    PNGBuilder.chunk("PLTE", [1, 2, 3, 4]),
                    PNGBuilder.chunk("IDAT", PNGBuilder.deflated(zeroCount: 20)),
                ]), refused: "damaged"),
        .init(
            "PNG chunk longer than the file",
            PNGBuilder.signature + PNGBuilder.chunk("IHDR", [], statedLength: 0xFFFF_FFFF), refused: "PNG"),
        .init(
            "PNG bomb: one pixel over 50 MB of data",
            PNGBuilder.file(
                width: 1, height: 1, chunks: [PNGBuilder.chunk("IDAT", PNGBuilder.deflated(zeroCount: 50_000_000))]),
            reads: 1, 1),
        .init(
            "PNG bomb: a text of 50 MB",
            PNGBuilder.zeros(
                width: 2, height: 2,
                extra: [PNGBuilder.chunk("zTXt", Array("a\0\0".utf8) + PNGBuilder.deflated(zeroCount: 50_000_000))]
            ), reads: 2, 2),
        .init(
            "PNG bomb: a colour profile of 50 MB",
            PNGBuilder.zeros(
                width: 2, height: 2,
                extra: [PNGBuilder.chunk("iCCP", Array("a\0\0".utf8) + PNGBuilder.deflated(zeroCount: 50_000_000))]),
            reads: 2, 2),
        .init(
            "PNG with 5,000 texts",
            PNGBuilder.zeros(
                width: 2, height: 2, extra: (0..<5000).map { _ in PNGBuilder.chunk("tEXt", Array("a\0b".utf8)) }),
            reads: 2, 2),
        .init("PNG of 1 x 1", PNGBuilder.zeros(width: 1, height: 1), reads: 1, 1),
        .init("PNG of 65,535 x 1", PNGBuilder.zeros(width: 65_535, height: 1), reads: 65_535, 1),
        .init("PNG of 1 x 65,535", PNGBuilder.zeros(width: 1, height: 65_535), reads: 1, 65_535),
    ]

    private static let frame: [UInt8] = [0xFF, 0xC0]

    static let jpegs: [HostileImage] = [
        .init("JPEG marker alone", [0xFF, 0xD8, 0xFF], refused: "the JPEG is truncated"),
        .init("JPEG that ends at once", [0xFF, 0xD8, 0xFF, 0xD9], refused: "the JPEG is "),
        .init("JPEG cut inside its header", Array(fixture("baseline-420.jpg").prefix(60)), refused: "truncated"),
        .init("JPEG cut in the middle", half("baseline-420.jpg"), refused: "truncated"),
        .init("progressive JPEG cut in the middle", half("progressive-444.jpg"), refused: "truncated"),
        .init(
            "JPEG of 65,500 x 65,500", patched("baseline-444.jpg", after: frame, at: 5, [0xFF, 0xDC, 0xFF, 0xDC]),
            refused: "65500 x 65500 pixels, more than"),
        .init(
            "JPEG of height 0", patched("baseline-444.jpg", after: frame, at: 5, [0, 0]), refused: "the JPEG is damaged"
        ),
        .init(
            "JPEG of width 0", patched("baseline-444.jpg", after: frame, at: 7, [0, 0]), refused: "the JPEG is damaged"),
        .init("JPEG with no components", patched("baseline-444.jpg", after: frame, at: 9, [0]), refused: "the JPEG "),
        .init(
            "JPEG of 12 bits", patched("baseline-444.jpg", after: frame, at: 4, [12]), refused: "the JPEG is damaged"),
        .init(
            "JPEG of sampling factors 15 x 15", patched("baseline-444.jpg", after: frame, at: 11, [0xFF]),
            refused: "the JPEG is damaged"),
        .init(
            "JPEG of the arithmetic kind, coded otherwise",
            patched("baseline-444.jpg", after: frame, at: 0, [0xFF, 0xCB]), refused: "the JPEG is damaged"),
        .init(
            "JPEG with a segment of length 0", patched("baseline-444.jpg", after: [0xFF, 0xDB], at: 2, [0, 0]),
            refused: "the JPEG is damaged"),
        .init(
            "JPEG with a segment past the end", patched("baseline-444.jpg", after: [0xFF, 0xDB], at: 2, [0xFF, 0xFF]),
            refused: "the JPEG "),
        .init(
            "progressive JPEG with its first scan 150 times", repeatedScans("progressive-444.jpg", times: 150),
            refused: "the JPEG has more than 100 scans"),
        .init("grey JPEG", fixture("grey.jpg"), reads: size(of: "grey.jpg").0, size(of: "grey.jpg").1),
    ]

    /// The file with its first scan repeated.
    private static func repeatedScans(_ name: String, times: Int) -> [UInt8] {
        let file = fixture(name)
        let marks = file.indices.dropLast().filter { file[$0] == 0xFF }
        guard let first = marks.first(where: { file[$0 + 1] == 0xDA }),
            let next = marks.first(where: { $0 > first && [0xC4, 0xDA].contains(file[$0 + 1]) })
        else { return file }
        return Array(file[..<first]) + (0..<times).flatMap { _ in file[first..<next] } + file[next...]
    }

    private static func size(of name: String) -> (Int, Int) {
        ImageFixtures.all.first { $0.file == name && $0.target == nil }.map { ($0.width, $0.height) } ?? (0, 0)
    }

    private static func riff(_ chunks: [UInt8], statedLength: Int? = nil) -> [UInt8] {
        let length = statedLength ?? chunks.count + 4
        return Array("RIFF".utf8) + littleEndian(length) + Array("WEBP".utf8) + chunks
    }

    private static func littleEndian(_ value: Int) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// A lossless header that claims the largest size of the format, with nothing behind it.
    private static let hugeLossless: [UInt8] =
        Array("VP8L".utf8) + littleEndian(30) + [0x2F, 0xFF, 0xFF, 0xFF, 0x0F] + [UInt8](repeating: 0, count: 25)

    static let webps: [HostileImage] = [
        .init("WebP container alone", riff([]), refused: "the WebP is "),
        .init("lossy WebP cut in the middle", half("lossy.webp"), refused: "the WebP is truncated"),
        .init("lossless WebP cut in the middle", half("lossless.webp"), refused: "the WebP is truncated"),
        .init(
            "WebP whose container claims more than there is",
            {
                var file = fixture("lossy.webp")
                file[6] = 0xFF
                return file
            }(), reads: 45, 34),
        .init("WebP of 16,384 x 16,384", riff(hugeLossless), refused: "16384 x 16384 pixels, more than"),
        .init(
            "WebP of random content",
            riff(Array("VP8 ".utf8) + littleEndian(40) + (0..<40).map { UInt8(truncatingIfNeeded: $0 &* 73) }),
            refused: "the WebP is damaged"),
        .init(
            "WebP of an unknown chunk alone", riff(Array("ABCD".utf8) + littleEndian(4) + [1, 2, 3, 4]),
            refused: "the WebP is "),
        .init(
            "animated WebP cut in its first frame", Array(fixture("animated.webp").prefix(300)), refused: "truncated"),
    ]

    /// The header of a GIF, BMP or TIFF that claims this size, with nothing behind it.
    private static func header(_ format: ImageFormat, _ width: Int, _ height: Int) -> [UInt8] {
        func short(_ value: Int) -> [UInt8] { Array(littleEndian(value).prefix(2)) }
        var bytes: [UInt8]
        switch format {
        case .gif:
            bytes = Array("GIF89a".utf8)
            bytes += short(width)
            bytes += short(height)
            bytes += [0, 0, 0, 0x2C, 0, 0, 0, 0]
            bytes += short(width)
            bytes += short(height)
            bytes += [0, 2]
        case .bmp:
            bytes = Array("BM".utf8)
            for value in [54, 0, 54, 40, width, height] { bytes += littleEndian(value) }
            bytes += [1, 0, 24, 0]
            bytes += [UInt8](repeating: 0, count: 24)
        default:
            bytes = [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 6, 0]
            let entries: [(Int, Int)] = [
                (0x100, width), (0x101, height), (0x102, 8), (0x106, 1), (0x111, 200), (0x117, 25),
            ]
            for (tag, value) in entries {
                bytes += short(tag)
                bytes += [4, 0, 1, 0, 0, 0]
                bytes += littleEndian(value)
            }
            bytes += [0, 0, 0, 0]
        }
        return bytes
    }

    private static func claims(_ format: ImageFormat) -> [HostileImage] {
        let name = format.rawValue
        return [
            HostileImage(
                "\(name) of 60,000 x 60,000", header(format, 60_000, 60_000),
                refused: "60000 x 60000 pixels, more than the 64000000 allowed"),
            HostileImage("\(name) of 5 x 0", header(format, 5, 0), refused: "the \(name) is "),
            HostileImage("\(name) of 5 x 5 without data", header(format, 5, 5), refused: "the \(name) is "),
        ]
    }

    private static let cutFiles: [HostileImage] = [
        .init("GIF that ends at once", Array("GIF89a\u{1}\u{0}\u{1}\u{0}".utf8), refused: "the GIF is truncated"),
        .init("GIF cut in the middle", half("palette.gif"), refused: "the GIF is truncated"),
        .init("BMP cut in the middle", half("rgb.bmp"), refused: "the BMP is truncated"),
        .init("BMP of run lengths cut in the middle", half("run-length.bmp"), refused: "the BMP is truncated"),
        .init("BMP without its last pixel", Array(fixture("rgb.bmp").dropLast(2)), refused: "the BMP is truncated"),
        .init("TIFF of 8 bytes", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0], refused: "the TIFF is truncated"),
        .init("TIFF cut in its rows", half("rgb-none.tif"), refused: "the TIFF is truncated"),
        .init("TIFF cut before its directory", half("rgb-lzw.tif"), refused: "the TIFF is truncated"),
        .init("AVIF of 12 bytes", [0, 0, 0, 28] + Array("ftypavif".utf8), refused: "the AVIF is truncated"),
        .init("AVIF cut in the middle", half("lossy-420.avif"), refused: "the AVIF is truncated"),
        .init("HEIC cut in the middle", half("lossy-420.heic"), refused: "the HEIC is truncated"),
    ]

    static let furtherFormats: [HostileImage] = claims(.gif) + claims(.bmp) + claims(.tiff) + cutFiles

    /// A JPEG fixture with an EXIF block of these TIFF bytes.
    private static func withEXIF(_ tiff: [UInt8]) -> [UInt8] {
        let file = fixture("baseline-444.jpg")
        let body = Array("Exif\0\0".utf8) + tiff
        return Array(file.prefix(2)) + [0xFF, 0xE1, UInt8((body.count + 2) >> 8), UInt8((body.count + 2) & 0xFF)] + body
            + file.dropFirst(2)
    }

    private static func exif(_ what: String, _ tiff: [UInt8]) -> HostileImage {
        let (width, height) = size(of: "baseline-444.jpg")
        return .init("EXIF \(what)", withEXIF(tiff), reads: width, height)
    }

    private static let intel: [UInt8] = [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0]

    /// Damaged metadata never lose the image: it stays as it is stored.
    static let exifs: [HostileImage] = [
        exif("of orientation 0", intel + [1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        exif("of orientation 9", intel + [1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0]),
        exif("of orientation as text", intel + [1, 0, 0x12, 1, 2, 0, 1, 0, 0, 0, 6, 0, 0, 0]),
        exif("that is empty", []),
        exif("cut inside its directory", intel + [5, 0, 0x12]),
        exif("whose directory lies past the end", [0x49, 0x49, 0x2A, 0, 0xFF, 0xFF, 0xFF, 0xFF]),
        exif("of 65,535 entries that are not there", intel + [0xFF, 0xFF]),
        exif("of neither byte order", [0x49, 0x4D, 0x2A, 0, 8, 0, 0, 0]),
    ]

    static let all = strangers + pngs + jpegs + webps + furtherFormats + exifs
}

@Suite("Hostile images")
struct HostileImageTests {
    @Test("are refused in one sentence, or read for what they are", arguments: HostileImage.all)
    func fate(image: HostileImage) throws {
        let result = Result { try ImageCodec().image(from: image.bytes, limits: .default, target: nil) }
        switch (image.fate, result) {
        case (.refused(let sentence), .failure(let error)):
            let text = (error as? CodecError)?.description ?? "not a CodecError: \(error)"
            #expect(text.contains(sentence), "\(text)")
            #expect(!text.contains("\n") && !text.hasSuffix("."))
        case (.read(let width, let height), .success(let read)):
            #expect(read.width == width && read.height == height)
        default: Issue.record("\(result)")
        }
    }

    @Test("of at least seventy kinds are tried")
    func enough() { #expect(Set(HostileImage.all.map(\.testDescription)).count >= 70) }
}
