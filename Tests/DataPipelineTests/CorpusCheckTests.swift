import DataPipeline
import Foundation
import Synchronization
import Terminal
import Testing

@Suite struct CorpusCheckTests {
    @Test func `A whole corpus passes, and progress reaches every record`() throws {
        let fixture = try CorpusFixture.mixed()
        let seen = Mutex(0)
        let report = try CorpusCheck(fixture.folder, decoder: FiveByteDecoder()).run(workerCount: 3) { count in
            seen.withLock { $0 += count }
        }
        #expect(report.failures.isEmpty)
        #expect(report.recordCount == 62)
        #expect(report.imageCount == 30 + 24)
        #expect(seen.withLock { $0 } == 62)
    }

    @Test func `A damaged image and a flipped byte are both found and named`() throws {
        let fixture = try CorpusFixture((0..<40).map { CorpusFixture.captioned($0, damaged: $0 == 33) })
        let shard = fixture.url.appendingPathComponent("shard-00000.tar")
        var bytes = try Data(contentsOf: shard)
        let entry = fixture.folder.index.entries[5]
        bytes[entry.record.offset] ^= 0x55
        try bytes.write(to: shard)
        let report = try CorpusCheck(try CorpusFolder(fixture.url), decoder: FiveByteDecoder()).run(workerCount: 2)
        #expect(Set(report.failures.map(\.id)) == ["shard-00000.tar", "shapes-000005", "shapes-000033"])
        let damaged = try #require(report.failures.first { $0.id == "shapes-000033" })
        #expect(damaged.reason == "image 0 (shapes-000033.0.png): the image is damaged")

        let path = fixture.url.path + ".jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try CorpusCheck.write(report.failures, to: path)
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        let read = try lines.map { try JSONDecoder().decode(QuarantineEntry.self, from: Data($0.utf8)) }
        #expect(read == report.failures)
    }

    @Test func `The summary counts by source and split, and names the sources for a wrong one`() throws {
        let fixture = try CorpusFixture(
            [0, 1].map { CorpusFixture.captioned($0) } + [
                CorpusFixture.captioned(2, split: .test), CorpusFixture.text(0),
            ])
        let summary = try CorpusSummary(fixture.folder)
        #expect(summary.sources.map(\.name) == ["shapes", "glosses"])
        #expect(summary.sources[0].train == 2 && summary.sources[0].test == 1 && summary.sources[0].images == 3)
        #expect(summary.sources[0].meanWordCount == 8)
        #expect(summary.sources[1].meanWordCount == 3)
        #expect(try CorpusSummary(fixture.folder, split: .test).recordCount == 1)
        #expect(summary.table(style: .plain).contains("shapes   captioned      2    0     1       3    8.0"))
        let error = #expect(throws: DataError.self) { try CorpusSummary(fixture.folder, source: "shape") }
        #expect(error?.description.hasSuffix("its sources are shapes, glosses") == true)
    }
}
