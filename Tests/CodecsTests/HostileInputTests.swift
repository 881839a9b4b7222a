import Codecs
import Foundation
import Media
import TestSupport
import Testing

@Suite struct HostileInputTests {
    private let codec = ImageCodec()

    private func failure(_ bytes: [UInt8], limits: DecodeLimits = .default) -> CodecError? {
        do {
            _ = try codec.image(from: bytes, limits: limits, target: nil)
            return nil
        } catch { return error as? CodecError }
    }

    @Test(
        "A file that is cut is an error, or every pixel is there",
        arguments: try nonempty(ImageFixtures.all).filter { $0.target == nil })
    func truncated(item: ImageFixtures.Item) throws {
        let bytes = item.bytes
        let whole = try codec.image(from: bytes)
        let lengths = Array(stride(from: 0, to: bytes.count, by: max(1, bytes.count / 100)))
        for count in lengths + (max(0, bytes.count - 16)..<bytes.count) {
            let read = try? codec.image(from: Array(bytes.prefix(count)))
            // The end of this one says how it is turned.
            let isSame = item.file == "exif-6.webp" ? read?.pixels.count == whole.pixels.count : read == whole
            #expect(read == nil || isSame, "the first \(count) of \(bytes.count) bytes")
        }
        // Of an animation or several images, the first is whole in less than half of the file.
        let isLong = ["animated", "several"].contains { item.file.contains($0) }
        #expect(isLong || failure(Array(bytes.prefix(bytes.count / 3))) != nil)
    }

    @Test(
        "Half of a file is called truncated",
        arguments: ["baseline-420.jpg", "progressive-444.jpg", "rgb.png", "lossy.webp", "lossless.webp"])
    func saysTruncated(name: String) throws {
        let bytes = ImageFixtures.bytes(name)
        let error = try #require(failure(Array(bytes.prefix(bytes.count * 3 / 4))))
        #expect(error.description.contains("truncated"), "\(error)")
    }

    @Test(
        "Damaged bytes give an image or an error, never a crash",
        arguments: try nonempty(ImageFixtures.all).filter { $0.target == nil })
    func damaged(item: ImageFixtures.Item) {
        let bytes = item.bytes
        var noise = Noise(state: UInt64(item.offset) + 1)
        // Small limits: a damaged size must not make the test slow.
        let limits = DecodeLimits(maximumPixelCount: 1_000_000, maximumWorkingByteCount: 32 << 20)
        for round in 0..<60 {
            var copy = bytes
            for _ in 0...round % 8 { copy[noise.next(below: copy.count)] = UInt8(noise.next(below: 256)) }
            if let image = try? codec.image(from: copy, limits: limits, target: round % 2 == 0 ? nil : 10) {
                #expect(image.pixels.count == image.width * image.height * 3)
            }
        }
    }

    @Test("Random bytes after a valid signature are an error", arguments: ImageFormat.allCases)
    func randomBody(format: ImageFormat) {
        let signatures: [ImageFormat: [UInt8]] = [
            .jpeg: [0xFF, 0xD8, 0xFF], .png: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
            .webp: Array("RIFF".utf8) + [200, 1, 0, 0] + Array("WEBP".utf8), .gif: Array("GIF89a".utf8),
            .bmp: Array("BM".utf8) + [0, 2, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0],
            .tiff: [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0], .avif: [0, 0, 0, 16] + Array("ftypavif".utf8) + [0, 0, 0, 0],
            .heic: [0, 0, 0, 16] + Array("ftypheic".utf8) + [0, 0, 0, 0],
        ]
        var noise = Noise(state: 9)
        for _ in 0..<200 {
            let body = (0..<noise.next(below: 600)).map { _ in UInt8(noise.next(below: 256)) }
            #expect(failure(signatures[format]! + body) != nil)
        }
    }

    @Test(
        "What is not an image is named",
        arguments: [
            ([], "no bytes at all"), (Array("%PDF-1.7....".utf8), "a PDF"),
            (Array("<!DOCTYPE html>".utf8), "a web page"),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "a Git LFS pointer"),
            ([0, 1, 2, 254], "bytes that begin with 00 01 02 fe"),
            (Array("RIFF....WAVE".utf8), "bytes that begin with"),
        ] as [([UInt8], String)])
    func notAImage(bytes: [UInt8], found: String) throws {
        let error = try #require(failure(bytes))
        #expect(
            error.description.contains("expected JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC, found \(found)"),
            "\(error)")
    }

    @Test("A PNG that claims 30,000 x 30,000 pixels is refused by its header")
    func hugePNG() throws {
        let bytes = png(width: 30_000, height: 30_000)
        guard case .tooManyPixels(.png, 30_000, 30_000, 64_000_000)? = failure(bytes) else {
            Issue.record("got \(String(describing: failure(bytes)))")
            return
        }
        #expect(throws: CodecError.self) { try codec.imageInfo(of: bytes) }
    }

    @Test(
        "Sizes at the edge of the format are refused without overflow",
        arguments: [
            (0x7FFF_FFFF, 0x7FFF_FFFF), (0x7FFF_FFFF, 1), (0, 5), (0xFFFF_FFFF, 2), (70_000, 2),
        ])
    func edgeSizes(width: Int, height: Int) {
        #expect(failure(png(width: width, height: height)) != nil)
    }

    @Test("A JPEG that claims more pixels than the limit is refused by its header")
    func hugeJPEG() throws {
        var bytes = ImageFixtures.bytes("baseline-444.jpg")
        let frame = try #require(bytes.indices.dropLast(9).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])  // 65,500 each way
        guard case .tooManyPixels(.jpeg, 65_500, 65_500, _)? = failure(bytes) else {
            Issue.record("got \(String(describing: failure(bytes)))")
            return
        }
    }

    @Test("A progressive JPEG that needs more working memory than allowed is refused")
    func workingMemory() throws {
        var limits = DecodeLimits.default
        limits.maximumWorkingByteCount = 100_000
        // Enlarging the claimed size makes libjpeg ask for the coefficients of 2,000 x 2,000 pixels.
        var bytes = ImageFixtures.bytes("progressive-444.jpg")
        let frame = try #require(bytes.indices.dropLast(9).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC2 })
        bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x07, 0xD0, 0x07, 0xD0])
        guard case .tooMuchMemory(.jpeg, _)? = failure(bytes, limits: limits) else {
            Issue.record("got \(String(describing: failure(bytes, limits: limits)))")
            return
        }
    }

    @Test("A file over the byte limit, a missing file and a folder are refused, each named")
    func files() throws {
        let path = ImageFixtures.path("rgb.png")
        var limits = DecodeLimits.default
        limits.maximumByteCount = 100
        for (file, limits, reason) in [
            (path, limits, "more than the 100 allowed"), (path + "x", .default, "No such file"),
            (ImageFixtures.path(""), .default, "it is a folder"),
            (ImageFixtures.path("grey.png") + "\0.txt", .default, "its name contains a zero character"),
            ("/dev/null", .default, "not a regular file"),
        ] {
            let error = #expect(throws: CodecError.self) { try codec.decode(file, limits: limits) }
            #expect(error?.description.hasPrefix("\(file): ") == true)
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        }
    }

    /// A PNG with a header, an empty data chunk and an end.
    private func png(width: Int, height: Int) -> [UInt8] {
        PNGBuilder.file(width: width, height: height, chunks: [PNGBuilder.chunk("IDAT", [])])
    }
}
