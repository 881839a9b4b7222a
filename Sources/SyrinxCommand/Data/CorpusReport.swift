import Corpora
import DataPipeline
import Foundation

/// What `syrinx data fetch` says at the end: items by source and split, sizes, times, the hash.
struct CorpusReport {
    private struct JSON: Encodable {
        var folder: String
        var isNew: Bool
        var generated: Bool
        var manifestHash: String
        var sources: [CorpusIndex.SourceCount]
        var dropped: [String: Int]
        var shardBytes: Int
        var downloadedBytes: Int
        var downloadSeconds: Double
        var extractionSeconds: Double
        var replacedBecause: String?
    }

    let outcome: StarterFetch.Outcome
    let folder: URL

    func print(asJSON: Bool) throws {
        let manifest = outcome.manifest
        if asJSON {
            let json = JSON(
                folder: folder.path, isNew: outcome.isNew, generated: manifest.generated,
                manifestHash: manifest.manifestHash, sources: manifest.sources, dropped: manifest.dropped,
                shardBytes: manifest.shards.reduce(0) { $0 + $1.bytes }, downloadedBytes: outcome.downloadedBytes,
                downloadSeconds: outcome.downloadSeconds, extractionSeconds: outcome.extractionSeconds,
                replacedBecause: outcome.replacedBecause)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Swift.print(String(decoding: try encoder.encode(json), as: UTF8.self))
        } else {
            Swift.print(text)
        }
    }

    /// The table for people.
    var text: String {
        let manifest = outcome.manifest
        var lines: [String] = []
        if let reason = outcome.replacedBecause {
            lines.append("The starter corpus is unavailable: \(reason).")
        }
        let megabytes = Double(manifest.shards.reduce(0) { $0 + $1.bytes }) / 1e6
        lines.append(
            outcome.isNew
                ? "\(folder.path): \(Self.decimal(megabytes)) MB in \(Self.decimal(outcome.extractionSeconds)) s"
                    + (outcome.downloadedBytes > 0
                        ? " after \(outcome.downloadedBytes / 1_000_000) MB of downloads in \(Self.decimal(outcome.downloadSeconds)) s"
                        : "")
                : "\(folder.path): this corpus already exists; nothing was done")
        lines.append(Self.row("source", "kind", ["train", "val", "test", "images"]))
        for source in manifest.sources {
            let counts = [source.train, source.val, source.test, source.images].map(String.init)
            lines.append(Self.row(source.name, source.kind.rawValue, counts))
        }
        if manifest.generated {
            lines.append("Rendered scenes: scores on them are not comparable with scores on the starter corpus.")
        }
        if manifest.request.packages.contains(where: { !$0.pinned }) {
            lines.append(
                "Some packages are not the pinned ones: scores are not comparable with scores on the pinned corpus.")
        }
        lines.append("manifest \(manifest.manifestHash)")
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ kind: String, _ numbers: [String]) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        return "  " + padded(name, 14) + padded(kind, 12)
            + numbers.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
    }

    private static func decimal(_ value: Double) -> String { String((value * 10).rounded() / 10) }
}
