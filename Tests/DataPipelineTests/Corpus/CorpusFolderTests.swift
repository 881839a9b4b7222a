import DataPipeline
import Digests
import Foundation
import TestSupport
import Testing

@Suite("Corpus folders")
struct CorpusFolderTests {
    private func item(_ source: String, text: String, image: [UInt8]? = nil) -> CorpusItem {
        CorpusItem(
            source: source, kind: image == nil ? .textOnly : .interleaved, split: .train,
            parts: [.text(text)] + (image.map { [.png($0)] } ?? []),
            provenance: .init(package: "test", version: "1", path: text, licence: "CC0-1.0"))
    }

    private let request = CorpusManifest.Request(size: "test", extractionVersion: 1)

    @Test("A shard is a tar file whose members the system's tar lists and extracts", .blocks)
    func readableByTar() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("corpus")
        let image = [UInt8](repeating: 7, count: 1_000)
        _ = try CorpusWriter(folder: folder).write(
            [item("pages", text: "one", image: image), item("pages", text: "two")], request: request,
            generated: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "tar", "-xf", folder.appendingPathComponent("shard-00000.tar").path, "-C", scratch.url.path,
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try Data(contentsOf: scratch.url.appendingPathComponent("pages-000000.0.png")) == Data(image))
        let json = try Data(contentsOf: scratch.url.appendingPathComponent("pages-000001.json"))
        #expect(try JSONDecoder().decode(CorpusRecord.self, from: json).parts == [.text("two")])
    }

    @Test("The manifest's hash covers every other field, and shards are listed with their SHA-256")
    func manifestHash() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("corpus")
        var manifest = try CorpusWriter(folder: folder).write(
            [item("texts", text: "one")], request: request, generated: false, dropped: ["texts: too short": 3])
        #expect(manifest.isConsistent)
        #expect(
            try Digest.sha256(fileAt: folder.appendingPathComponent("shard-00000.tar").path).hex
                == manifest.shards.first?.sha256)
        #expect(try CorpusFolder(folder).index.manifestHash == manifest.manifestHash)
        manifest.dropped["texts: too short"] = 4
        #expect(!manifest.isConsistent)
    }

    @Test("Another request in the same folder is not taken for the finished one")
    func otherRequest() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("corpus")
        _ = try CorpusWriter(folder: folder).write([item("texts", text: "one")], request: request, generated: false)
        #expect(CorpusWriter.finished(request, in: folder) != nil)
        #expect(CorpusWriter.finished(.init(size: "test", extractionVersion: 2), in: folder) == nil)
    }

    @Test("A missing folder, another format and a shard of another length are refused in one sentence")
    func refusals() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("corpus")
        #expect(throws: CorpusError.self) { try CorpusFolder(folder) }
        _ = try CorpusWriter(folder: folder).write([item("texts", text: "one")], request: request, generated: false)
        let index = folder.appendingPathComponent("index.json")
        let whole = try String(contentsOf: index, encoding: .utf8)
        try whole.replacingOccurrences(of: "\"formatVersion\":1", with: "\"formatVersion\":9")
            .write(to: index, atomically: true, encoding: .utf8)
        let message = "has format version 9, but this program reads 1"
        #expect { try CorpusFolder(folder) } throws: { "\($0)".contains(message) }
        try whole.write(to: index, atomically: true, encoding: .utf8)
        try Data(count: 10).write(to: folder.appendingPathComponent("shard-00000.tar"))
        #expect { try CorpusFolder(folder) } throws: { "\($0)".contains("has 10 bytes, but its index says") }
    }

    @Test("An index that points outside its shard gives an error, not a crash")
    func hostileIndex() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("corpus")
        _ = try CorpusWriter(folder: folder).write([item("texts", text: "one")], request: request, generated: false)
        let corpus = try CorpusFolder(folder)
        for span in [
            CorpusIndex.Span(offset: 1 << 40, length: 4), .init(offset: 512, length: .max),
            .init(offset: -8, length: 4),
        ] {
            var entry = corpus.index.entries[0]
            entry.record = span
            #expect(throws: CorpusError.self) { try corpus.record(entry) }
        }
        #expect(throws: CorpusError.self) { try corpus.image(0, of: corpus.index.entries[0]) }
    }
}
