import Corpora
import DataPipeline
import Foundation
import Media
import TestSupport
import Testing

/// A stand-in for the codecs: width, height and raw pixels, so that these tests need no image library.
struct RawImages: MediaDecoder {
    func image(from bytes: [UInt8], limits: DecodeLimits, target: Int?) throws -> Image {
        Image(width: Int(bytes[0]), height: Int(bytes[1]), pixels: Array(bytes.dropFirst(2)))
    }

    static let coding = ImageCoding(decoder: RawImages()) { image in
        [UInt8(image.width), UInt8(image.height)] + image.pixels
    }
}

@Suite("Built-in scenes")
struct SceneCorpusTests {
    @Test("Equal requests give equal bytes, another seed gives others")
    func reproducible() throws {
        let scratch = try ScratchFolder()
        let coding = RawImages.coding
        let first = try SceneCorpus(count: 40, seed: 3, size: 32).write(
            to: scratch.url.appendingPathComponent("a"), coding: coding)
        let second = try SceneCorpus(count: 40, seed: 3, size: 32).write(
            to: scratch.url.appendingPathComponent("b"), coding: coding)
        let other = try SceneCorpus(count: 40, seed: 4, size: 32).write(
            to: scratch.url.appendingPathComponent("c"), coding: coding)
        #expect(first.manifest == second.manifest)
        #expect(first.manifest.shards != other.manifest.shards)
        #expect(first.manifest.generated)
        #expect(
            try Data(contentsOf: scratch.url.appendingPathComponent("a/shard-00000.tar"))
                == Data(contentsOf: scratch.url.appendingPathComponent("b/shard-00000.tar")))
    }

    @Test("A corpus that is already there is left alone, a damaged one is made again")
    func idempotent() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("scenes")
        let corpus = try SceneCorpus(count: 16, size: 16)
        #expect(try corpus.write(to: folder, coding: RawImages.coding).isNew)
        #expect(try !corpus.write(to: folder, coding: RawImages.coding).isNew)
        try Data("short".utf8).write(to: folder.appendingPathComponent("shard-00000.tar"))
        #expect(try corpus.write(to: folder, coding: RawImages.coding).isNew)
        #expect(try CorpusFolder(folder).index.entries.count == 20)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["scenes"])
    }

    @Test("An interrupted write leaves the old corpus and nothing beside it")
    func interrupted() throws {
        struct Stop: Error {}
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("scenes")
        _ = try SceneCorpus(count: 8, seed: 1, size: 16).write(to: folder, coding: RawImages.coding)
        let before = try CorpusFolder(folder).index
        #expect(throws: Stop.self) {
            _ = try SceneCorpus(count: 64, seed: 2, size: 16).write(to: folder, coding: RawImages.coding) { done, _ in
                if done == 20 { throw Stop() }
            }
        }
        #expect(try CorpusFolder(folder).index == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == ["scenes"])
    }

    @Test("Every item reads back, with its images where its parts name them")
    func readsBack() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.url.appendingPathComponent("scenes")
        _ = try SceneCorpus(count: 80, size: 24).write(to: folder, coding: RawImages.coding)
        let corpus = try CorpusFolder(folder)
        #expect(corpus.index.sources.map(\.name) == ["scenes", "scene-pages", "scene-text"])
        #expect(corpus.index.sources.map(\.total) == [80, 10, 10])
        for entry in corpus.index.entries {
            let record = try corpus.record(entry)
            #expect(record.id == entry.id)
            #expect(record.imageNames == entry.images.indices.map { "\(entry.id).\($0).png" })
            #expect(record.kind != .captioned || (record.caption != nil && record.imageNames.count == 1))
            for number in entry.images.indices {
                let image = try RawImages().image(
                    from: corpus.image(number, of: entry), limits: DecodeLimits(), target: nil)
                #expect(image.pixels.count == 24 * 24 * 3)
            }
        }
    }

    @Test("The first colour of a single shape is the colour of most of its painted pixels")
    func coloursAreTrue() throws {
        let items = try SceneCorpus(count: 120, size: 48).items(coding: RawImages.coding)
        var checked = 0
        for item in items where item.caption?.kind == "single shape" {
            guard case .png(let bytes)? = item.parts.first, let colour = item.caption?.colours.first else { continue }
            let image = try RawImages().image(from: bytes, limits: DecodeLimits(), target: nil)
            var counts: [[UInt8]: Int] = [:]
            for place in stride(from: 0, to: image.pixels.count, by: 3) {
                counts[Array(image.pixels[place..<place + 3]), default: 0] += 1
            }
            counts[[255, 255, 255]] = nil
            let expected: [String: [UInt8]] = [
                "red": [220, 30, 30], "orange": [250, 145, 20], "yellow": [250, 220, 40], "green": [40, 160, 60],
                "blue": [40, 90, 220], "purple": [130, 50, 180], "pink": [250, 150, 195], "brown": [130, 80, 40],
                "black": [20, 20, 20], "grey": [140, 140, 140],
            ]
            #expect(counts.max { $0.value < $1.value }?.key == expected[colour])
            checked += 1
        }
        #expect(checked > 20)
    }

    @Test("A concept never stands on two sides of the split")
    func splitByConcept() throws {
        let items = try SceneCorpus(count: 600, size: 16).items(coding: RawImages.coding)
        var sides: [String: Set<CorpusRecord.Split>] = [:]
        for item in items { if let name = item.caption?.name { sides[name, default: []].insert(item.split) } }
        #expect(sides.values.allSatisfy { $0.count == 1 })
        #expect(Set(items.filter { $0.kind == .captioned }.map(\.split)) == Set(CorpusRecord.Split.allCases))
    }

    @Test("Requests that make no sense are refused with both numbers")
    func refusals() {
        #expect(throws: CorpusError("a corpus of 0 scenes cannot be made: ask for at least 1")) {
            try SceneCorpus(count: 0)
        }
        #expect(throws: CorpusError("scenes of 200 pixels cannot be made: a side has 16 to 128 pixels")) {
            try SceneCorpus(count: 1, size: 200)
        }
    }

    @Test("A folder that holds other files is not replaced")
    func foreignFolder() throws {
        let scratch = try ScratchFolder()
        try Data().write(to: scratch.url.appendingPathComponent("thesis.txt"))
        #expect(throws: CorpusError.self) {
            _ = try SceneCorpus(count: 1, size: 16).write(to: scratch.url, coding: RawImages.coding)
        }
    }
}
