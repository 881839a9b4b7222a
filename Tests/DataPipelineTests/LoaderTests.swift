import DataPipeline
import Foundation
import Processors
import TestSupport
import Testing
import TinyModels
import Torch

/// Every number of a batch, to compare bit by bit.
struct BatchContent: Equatable {
    var tokenIDs: [Int64]
    var positionIDs: [Int64]
    var labels: [Int64]
    var layout: SegmentLayout
    var pixels: [Float]
    var visualPositions: [Int64]
    var itemIDs: [String]

    init(_ batch: Batch) {
        tokenIDs = batch.input.tokenIDs.array(of: Int64.self)
        positionIDs = batch.input.positionIDs.array(of: Int64.self)
        labels = batch.labels.array(of: Int64.self)
        layout = batch.input.layout
        pixels = batch.input.pixelValues?.array(of: Float.self) ?? []
        visualPositions = batch.input.mediaPositions?.array(of: Int64.self) ?? []
        itemIDs = batch.itemIDs
    }
}

@Suite(.blocks) struct LoaderTests {
    func config(seed: UInt64 = 7, workers: Int = 2, prefetch: Int = 2) -> Loader.Config {
        Loader.Config(
            batchSize: 2, mixture: Mixture(captioned: 2, interleaved: 1, textOnly: 1), seed: seed,
            augmentation: Augmentation(), prefetchCount: prefetch, workerCount: workers)
    }

    func batches(_ loader: Loader, _ count: Int) throws -> [BatchContent] {
        try (0..<count).map { _ in BatchContent(try #require(try loader.next())) }
    }

    @Test func `A restored loader gives the same batches to the last bit, wherever it was saved`() throws {
        let fixture = try CorpusFixture.mixed()
        let loader = try Loader(try fixture.source(), config: config())
        var positions = [loader.position]
        var expected: [BatchContent] = []
        for _ in 0..<24 {
            expected.append(BatchContent(try #require(try loader.next())))
            positions.append(loader.position)
        }
        for place in [0, 1, 5, 13, 20] {
            // Through JSON, as in a checkpoint, and into a loader that has already read elsewhere.
            let saved = try JSONDecoder().decode(
                LoaderPosition.self, from: try JSONEncoder().encode(positions[place]))
            let other = try Loader(try fixture.source(), config: config(workers: 1, prefetch: 1))
            _ = try other.next()
            try other.restore(saved)
            #expect(other.position == positions[place])
            #expect(try batches(other, 4) == Array(expected[place..<place + 4]))
        }
        #expect(positions.dropFirst().contains { $0.streams.values.contains { !$0.carried.isEmpty } })
    }

    @Test func `Threads and reading ahead do not change the order; the seed does`() throws {
        let fixture = try CorpusFixture.mixed()
        let one = try batches(try Loader(try fixture.source(), config: config(workers: 1, prefetch: 1)), 10)
        let four = try batches(
            try Loader(try fixture.source(cacheByteLimit: 0), config: config(workers: 4, prefetch: 5)), 10)
        #expect(one == four)
        #expect(one != (try batches(try Loader(try fixture.source(), config: config(seed: 8)), 10)))
    }

    @Test func `Rows hold whole examples: begin, images, text, end, with labels on text alone`() throws {
        let fixture = try CorpusFixture.mixed()
        let loader = try Loader(try fixture.source(contextLength: 320), config: config())
        for _ in 0..<12 {
            let batch = try #require(try loader.next())
            let tokens = batch.input.tokenIDs.array(of: Int64.self)
            let labels = batch.labels.array(of: Int64.self)
            let positions = batch.input.positionIDs.array(of: Int64.self)
            let columns = batch.input.layout.columns
            var covered = Set<Int>()
            for segment in try nonempty(batch.input.layout.segments) {
                let places = (0..<segment.length).map { segment.row * columns + segment.start + $0 }
                covered.formUnion(places)
                #expect(tokens[places[0]] == 1)
                #expect(places.map { positions[$0] } == (0..<Int64(segment.length)).map { $0 })
                for (place, following) in zip(places, places.dropFirst()) {
                    let next = tokens[following]
                    #expect(labels[place] == (next == 259 ? -100 : next))
                }
                #expect(labels[places[places.count - 1]] == -100)
            }
            for place in tokens.indices where !covered.contains(place) {
                #expect(tokens[place] == 0 && labels[place] == -100)
            }
            let visual = batch.input.mediaPositions?.array(of: Int64.self) ?? []
            #expect(visual == tokens.indices.filter { tokens[$0] == 259 }.map(Int64.init))
            #expect(visual.count == batch.imageCount * 4)
            #expect(batch.supervisedTokenCount == labels.filter { $0 != -100 }.count)
            #expect(batch.filledTokenCount == covered.count)
        }
        #expect(loader.utilisation > 0.85)
    }

    @Test func `Every record is presented once before any is presented again`() throws {
        let fixture = try CorpusFixture((0..<30).map { CorpusFixture.captioned($0) })
        let loader = try Loader(
            try fixture.source(),
            config: Loader.Config(batchSize: 1, mixture: Mixture(captioned: 1, interleaved: 0, textOnly: 0), seed: 3))
        var seen: [String] = []
        while seen.count < 60 { seen += try #require(try loader.next()).itemIDs }
        // First-fit lets an example overtake the few that wait, so passes may touch at their seam only.
        #expect(Set(seen.prefix(38)).count >= 30 - 8)
        let counts = Dictionary(grouping: seen.prefix(60), by: { $0 }).mapValues(\.count)
        #expect(counts.count == 30)
        #expect(counts.values.allSatisfy { (1...3).contains($0) })
    }

    @Test func `A failing record is skipped and named once; too many end the run`() throws {
        let good = (0..<300).map { CorpusFixture.captioned($0) }
        let fixture = try CorpusFixture(good + [CorpusFixture.captioned(300, damaged: true)])
        let path = fixture.url.path + "-quarantine.jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let mixture = Mixture(captioned: 1, interleaved: 0, textOnly: 0)
        let loader = try Loader(
            try fixture.source(), config: Loader.Config(batchSize: 8, mixture: mixture, seed: 1), quarantinePath: path)
        var ids = Set<String>()
        for _ in 0..<60 { ids.formUnion(try #require(try loader.next()).itemIDs) }
        #expect(!ids.contains("shapes-000300"))
        #expect(loader.quarantine.count == 1)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let entry = try JSONDecoder().decode(QuarantineEntry.self, from: Data(lines[0].utf8))
        #expect(lines.count == 1)
        #expect(entry.id == "shapes-000300")
        #expect(entry.reason == "the image is damaged")

        // A second loader over the same file adds no second line.
        let again = try Loader(
            try fixture.source(), config: Loader.Config(batchSize: 8, mixture: mixture, seed: 2), quarantinePath: path)
        while again.quarantine.count == 0 { _ = try again.next() }
        #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 1)

        let bad = try CorpusFixture((0..<100).map { CorpusFixture.captioned($0, damaged: $0 % 4 == 0) })
        let failing = try Loader(
            try bad.source(), config: Loader.Config(batchSize: 8, mixture: mixture, seed: 1))
        let error = #expect(throws: DataError.self) { for _ in 0..<20 { _ = try failing.next() } }
        #expect(error?.description.contains("10 of ") == true)
    }

    @Test func `Validation is one pass in fixed order with canonical captions and unchanged images`() throws {
        let fixture = try CorpusFixture(
            (0..<20).map { CorpusFixture.captioned($0) } + (20..<31).map { CorpusFixture.captioned($0, split: .val) })
        let source = try fixture.source()
        let loader = try Loader.validation(source, split: .val, source: "shapes", batchSize: 2)
        let start = loader.position
        var ids: [String] = []
        var first: BatchContent?
        while let batch = try loader.next() {
            if first == nil { first = BatchContent(batch) }
            ids += batch.itemIDs
        }
        #expect(Set(ids) == Set((20..<31).map { "shapes-0000\($0)" }))
        #expect(ids.count == 11)
        #expect(try loader.next() == nil)
        try loader.restore(start)
        #expect(BatchContent(try #require(try loader.next())) == first)
        let text = ByteTokenizer().decode(try #require(first).tokenIDs.map(Int.init))
        #expect(text.hasPrefix("name: n20. kind: even. keywords: k. colours: blue."))
        let number = try #require(fixture.folder.index.entries.firstIndex { $0.id == "shapes-000020" })
        let alone = try #require(try source.pixelValues(ofEntry: number)).array(of: Float.self)
        #expect(Array(try #require(first).pixels.prefix(alone.count)) == alone)
        let error = #expect(throws: DataError.self) {
            try Loader.validation(source, split: .val, source: "shape", batchSize: 2)
        }
        #expect(error?.description.hasSuffix("its sources are shapes") == true)
    }

    @Test func `A position of another order is refused with both`() throws {
        let fixture = try CorpusFixture.mixed()
        let loader = try Loader(try fixture.source(), config: config(seed: 1))
        let other = try Loader(try fixture.source(), config: config(seed: 2))
        #expect(throws: DataError.self) { try loader.restore(other.position) }
        #expect(throws: Never.self) { try loader.restore(loader.position) }
    }

    @Test func `A weight for a kind that the corpus lacks is refused`() throws {
        let fixture = try CorpusFixture((0..<3).map { CorpusFixture.captioned($0) })
        let error = #expect(throws: DataError.self) {
            try Loader(try fixture.source(), config: Loader.Config(batchSize: 1, seed: 1))
        }
        #expect(error?.description.contains("interleaved has weight 45.0") == true)
    }

    @Test func `A failed record makes its warm-start batch smaller and moves no other`() throws {
        let fixture = try CorpusFixture((0..<20).map { CorpusFixture.captioned($0, damaged: $0 == 3) })
        let loader = try CaptionedImageLoader(try fixture.source(), batchSize: 5, seed: 4)
        let batches = try (0..<8).map { _ in try loader.next() }
        #expect(batches.map(\.itemIDs.count).reduce(0, +) == 38)
        #expect(batches.allSatisfy { $0.pixelValues.shape[0] == $0.itemIDs.count && $0.itemIDs.count >= 4 })
        let resumed = try CaptionedImageLoader(try fixture.source(), batchSize: 5, seed: 4, startBatch: 6)
        #expect(try resumed.next().itemIDs == batches[6].itemIDs)
    }

    @Test func `Warm-start batches pair each image with its caption's tokens and follow the seed`() throws {
        let fixture = try CorpusFixture.mixed()
        let source = try fixture.source()
        let loader = try CaptionedImageLoader(source, batchSize: 5, seed: 4)
        let batches = try (0..<4).map { _ in try loader.next() }
        #expect(batches[0].pixelValues.shape == [5, 3, 8, 8])
        for batch in batches {
            for (tokens, id) in try pairs(batch.captionTokenIDs, batch.itemIDs) {
                #expect(ByteTokenizer().decode(tokens).contains("name: n\(Int(id.suffix(6)) ?? -1)."))
            }
        }
        let resumed = try CaptionedImageLoader(source, batchSize: 5, seed: 4, startBatch: 2)
        let third = try resumed.next()
        #expect(third.itemIDs == batches[2].itemIDs)
        #expect(third.captionTokenIDs == batches[2].captionTokenIDs)
        #expect(third.pixelValues.array(of: Float.self) == batches[2].pixelValues.array(of: Float.self))
    }
}
