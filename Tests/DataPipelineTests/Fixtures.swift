import DataPipeline
import Foundation
import Media
import Processors
import Tokenizers

/// One token per byte of UTF-8, after padding 0, begin 1, end 2; 259 is the image placeholder.
struct ByteTokenizer: Tokenizer {
    static let placeholder = 259
    var vocabularySize: Int { 260 }
    var beginID: Int? { 1 }
    var endID: Int? { 2 }
    var padID: Int? { 0 }
    func encode(_ text: String) -> [Int] { text.utf8.map { Int($0) + 3 } }
    func decode(_ ids: [Int]) -> String {
        String(decoding: ids.filter { (3..<259).contains($0) }.map { UInt8($0 - 3) }, as: UTF8.self)
    }
    func piece(_ id: Int) -> String {
        switch id {
        case 0: "<pad>"
        case 1: "<s>"
        case 2: "</s>"
        case 259: "<image>"
        default: String(decoding: [UInt8(id - 3)], as: UTF8.self)
        }
    }
    func id(of piece: String) -> Int? { (0..<260).first { self.piece($0) == piece } }
}

/// A "file" of this decoder is: width, height, red, green, blue; a first byte of 255 is a damaged file.
struct FiveByteDecoder: MediaDecoder {
    struct Damaged: Error, CustomStringConvertible { var description: String { "the image is damaged" } }

    func image(from bytes: [UInt8], limits: DecodeLimits, target: Int?) throws -> Image {
        guard bytes.count == 5, bytes[0] != 255 else { throw Damaged() }
        let (width, height) = (Int(bytes[0]), Int(bytes[1]))
        let pixels = (0..<width * height).flatMap { place in
            [bytes[2] &+ UInt8(truncatingIfNeeded: place), bytes[3], bytes[4]]
        }
        return Image(width: width, height: height, pixels: pixels)
    }
}

/// A corpus folder in a temporary place, removed at the end.
final class CorpusFixture {
    let url: URL
    let folder: CorpusFolder

    init(_ items: [CorpusItem]) throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)")
        try CorpusWriter(folder: url).write(
            items, request: .init(size: "scenes", extractionVersion: 1, sceneCount: items.count, seed: 0),
            generated: true)
        folder = try CorpusFolder(url)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    static let contract = TokenContract(imagePlaceholder: ByteTokenizer.placeholder, tokenCount: 4)

    func source(
        contextLength: Int = 96, template: CaptionTemplate = CaptionTemplate(), cacheByteLimit: Int = 1 << 20
    ) throws -> ExampleSource {
        try ExampleSource(
            corpus: folder, tokenizer: ByteTokenizer(), decoder: FiveByteDecoder(),
            imageProcessor: ImageProcessor(imageSize: 8), contract: Self.contract, template: template,
            contextLength: contextLength, imageCacheByteLimit: cacheByteLimit)
    }

    static func provenance(_ path: String) -> CorpusRecord.Provenance {
        CorpusRecord.Provenance(package: "fixture", version: "1", path: path, licence: "CC0-1.0")
    }

    static func captioned(
        _ number: Int, source: String = "shapes", split: CorpusSplit = .train, damaged: Bool = false
    ) -> CorpusItem {
        CorpusItem(
            source: source, kind: .captioned, split: split,
            parts: [.png([damaged ? 255 : UInt8(8 + number % 5), 8, UInt8(number % 200), 40, 200])],
            caption: CorpusRecord.Caption(
                name: "n\(number)", kind: number % 2 == 0 ? "even" : "odd", keywords: ["k"], colours: ["blue"]),
            provenance: provenance("c\(number)"))
    }

    static func interleaved(_ number: Int, imageCount: Int = 2, words: Int = 4) -> CorpusItem {
        var parts: [CorpusItem.Part] = [.text("d\(number)")]
        for image in 0..<imageCount {
            parts.append(.png([8, 8, UInt8(number % 100), UInt8(image), 7]))
            parts.append(.text(String(repeating: "word ", count: words)))
        }
        return CorpusItem(
            source: "manual", kind: .interleaved, split: .train, parts: parts, provenance: provenance("i\(number)"))
    }

    static func text(_ number: Int) -> CorpusItem {
        CorpusItem(
            source: "glosses", kind: .textOnly, split: .train, parts: [.text("gloss number \(number)")],
            provenance: provenance("t\(number)"))
    }

    /// 30 captioned, 12 interleaved, 20 text records of the training split.
    static func mixed() throws -> CorpusFixture {
        try CorpusFixture(
            (0..<30).map { captioned($0) } + (0..<12).map { interleaved($0) } + (0..<20).map { text($0) })
    }
}
