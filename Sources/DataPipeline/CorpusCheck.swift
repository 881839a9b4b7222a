import Digests
import Foundation
public import Media
import Synchronization
import Terminal

/// Reads every byte of a corpus: shards against their hashes, the index against the records, every image decoded.
public struct CorpusCheck: Sendable {
    /// What was found.
    public struct Report: Codable, Sendable, Equatable {
        public var recordCount: Int
        public var imageCount: Int
        public var shardCount: Int
        /// Records that cannot be used, and shards that are not as written (their `id` is the file name).
        public var failures: [QuarantineEntry]

        private enum CodingKeys: String, CodingKey {
            case recordCount, shardCount, failures
            // The JSON has had this key from the start.
            case imageCount = "pictureCount"
        }
    }

    private let corpus: CorpusFolder
    private let decoder: any MediaDecoder
    private let limits: DecodeLimits

    public init(_ corpus: CorpusFolder, decoder: any MediaDecoder, limits: DecodeLimits = .default) {
        self.corpus = corpus
        self.decoder = decoder
        self.limits = limits
    }

    /// Checks everything.
    /// - Parameters:
    ///   - workerCount: threads that read and decode.
    ///   - progress: called after each record, from several threads, with the number of records it stands for.
    /// - Throws: `Interrupted` after Ctrl-C or SIGTERM.
    public func run(workerCount: Int, progress: @escaping @Sendable (Int) -> Void = { _ in }) throws -> Report {
        let entries = corpus.index.entries
        var report = Report(
            recordCount: entries.count, imageCount: 0, shardCount: corpus.index.shards.count, failures: [])
        report.failures += checkCounts()
        for shard in corpus.index.shards {
            try InterruptFlag.check()
            if let failure = check(shard) { report.failures.append(failure) }
        }
        // Blocks keep the hand-over between threads rare beside the decoding itself.
        let block = 32
        let blocks = (entries.count + block - 1) / block
        let results = OrderedPrefetch<(images: Int, failures: [QuarantineEntry])>(
            pool: WorkerPool(threadCount: workerCount), lookahead: max(1, workerCount) * 4, end: blocks
        ) { [self] number in
            var failures: [QuarantineEntry] = []
            var images = 0
            for entry in number * block..<min(entries.count, (number + 1) * block) {
                do {
                    images += try check(entry)
                } catch {
                    failures.append(corpus.quarantineEntry(entry, error: error))
                }
                progress(1)
            }
            return (images, failures)
        }
        var ids = Set<String>()
        for entry in entries where !ids.insert(entry.id).inserted {
            report.failures.append(failure(entry, "more than one record has the identifier \(entry.id)"))
        }
        while let result = results.next() {
            try InterruptFlag.check()
            report.imageCount += result.images
            report.failures += result.failures
        }
        return report
    }

    /// The number of images of a record that is as it should be.
    private func check(_ number: Int) throws -> Int {
        let entry = corpus.index.entries[number]
        let record = try corpus.record(entry)
        guard record.id == entry.id, record.source == entry.source, record.kind == entry.kind,
            record.split == entry.split
        else {
            throw DataError(
                "the record says \(record.id), \(record.source), \(record.kind.rawValue), \(record.split.rawValue), "
                    + "but the index says \(entry.id), \(entry.source), \(entry.kind.rawValue), \(entry.split.rawValue)"
            )
        }
        guard record.imageNames.count == entry.images.count else {
            throw DataError(
                "the record names \(record.imageNames.count) images, but the index lists \(entry.images.count)")
        }
        if record.kind == .captioned, record.imageNames.isEmpty { throw DataError("a captioned record has no image") }
        let hasText = record.parts.contains { if case .text(let text) = $0 { !text.isEmpty } else { false } }
        guard hasText || !(record.caption?.name ?? "").isEmpty else {
            throw DataError("the record has neither text nor a caption with a name")
        }
        guard !record.provenance.licence.isEmpty else { throw DataError("the record's provenance states no licence") }
        for image in entry.images.indices {
            do {
                _ = try decoder.image(from: try corpus.image(image, of: entry), limits: limits, target: nil)
            } catch {
                throw DataError("image \(image) (\(record.imageNames[image])): \(error)")
            }
        }
        return entry.images.count
    }

    private func check(_ shard: CorpusIndex.Shard) -> QuarantineEntry? {
        let path = corpus.url.appendingPathComponent(shard.file).path
        let reason: String
        do {
            let found = try Digest.sha256(fileAt: path).hex
            if found == shard.sha256 { return nil }
            reason = "the file's SHA-256 is \(found), but the index states \(shard.sha256)"
        } catch {
            reason = "\(error)"
        }
        return QuarantineEntry(id: shard.file, source: "", shard: shard.file, reason: reason)
    }

    /// Compares the counts stated per source with the entries.
    private func checkCounts() -> [QuarantineEntry] {
        var found: [String: [CorpusSplit: Int]] = [:]
        for entry in corpus.index.entries { found[entry.source, default: [:]][entry.split, default: 0] += 1 }
        var failures: [QuarantineEntry] = []
        for source in corpus.index.sources {
            let counts = found.removeValue(forKey: source.name) ?? [:]
            for (split, stated) in [(CorpusSplit.train, source.train), (.val, source.val), (.test, source.test)]
            where stated != counts[split] ?? 0 {
                failures.append(
                    QuarantineEntry(
                        id: "index.json", source: source.name, shard: "index.json",
                        reason: "\(stated) \(split.rawValue) records are stated, but \(counts[split] ?? 0) are listed"))
            }
        }
        for (source, counts) in found.sorted(by: { $0.key < $1.key }) {
            failures.append(
                QuarantineEntry(
                    id: "index.json", source: source, shard: "index.json",
                    reason: "\(counts.values.reduce(0, +)) records belong to a source that is not stated"))
        }
        return failures
    }

    private func failure(_ entry: CorpusIndex.Entry, _ reason: String) -> QuarantineEntry {
        QuarantineEntry(
            id: entry.id, source: entry.source,
            shard: corpus.index.shards.indices.contains(entry.shard) ? corpus.index.shards[entry.shard].file : "",
            reason: reason)
    }

    /// Writes the failures as a quarantine file, one JSON object per line, in place of one that stands there.
    /// - Throws: ``DataError`` when the file cannot be written.
    public static func write(_ failures: [QuarantineEntry], to path: String) throws(DataError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            var lines = Data()
            for failure in failures { lines += try encoder.encode(failure) + Data("\n".utf8) }
            try lines.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw DataError(
                "quarantine file \(path) cannot be written: check that its folder exists and is writable")
        }
    }
}
