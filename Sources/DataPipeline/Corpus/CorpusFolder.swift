public import Foundation
import Settings

/// A corpus on the disk, opened for reading: its index in memory, its shards mapped.
///
/// Reads are random access by entry and safe from several threads at once.
public final class CorpusFolder: Sendable {
    /// Where it lies.
    public let url: URL
    /// What is in it.
    public let index: CorpusIndex
    private let shards: [Data]

    /// Opens the corpus in the folder.
    ///
    /// - Throws: ``CorpusError`` when the folder holds no corpus, one of another format version, or one with a shard
    ///   that is missing or has another length than the index says.
    public init(_ url: URL) throws {
        self.url = url
        let indexURL = url.appendingPathComponent("index.json")
        guard let data = try? Data(contentsOf: indexURL) else {
            // The folder of instruction data named instead of the file in it.
            let records = url.appendingPathComponent(ConversationExport.fileName).path
            let hint = FileManager.default.fileExists(atPath: records) ? "did you mean \(records)? Or " : ""
            throw CorpusError(
                "\(url.path) is not a corpus (no index.json): \(hint)make one with 'syrinx data fetch starter'")
        }
        do {
            index = try CorpusJSON.decode(CorpusIndex.self, from: data)
        } catch {
            throw CorpusError("\(indexURL.path) is not a corpus index, \(Self.reason(error)): fetch the corpus again")
        }
        guard index.formatVersion == CorpusIndex.currentFormatVersion else {
            throw CorpusError(
                "\(indexURL.path) has format version \(index.formatVersion), but this program reads \(CorpusIndex.currentFormatVersion): fetch the corpus again"
            )
        }
        shards = try index.shards.map { shard in
            let file = url.appendingPathComponent(shard.file)
            guard !shard.file.isEmpty, !shard.file.contains("/") else {
                throw CorpusError(
                    "\(indexURL.path) names the shard \(shard.file.debugDescription), expected a file beside it: fetch the corpus again"
                )
            }
            guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else {
                throw CorpusError("\(file.path) is missing: fetch the corpus again")
            }
            guard data.count == shard.bytes else {
                throw CorpusError(
                    "\(file.path) has \(data.count) bytes, but its index says \(shard.bytes): fetch the corpus again")
            }
            return data
        }
    }

    /// Reads an entry's record.
    ///
    /// - Throws: ``CorpusError`` when the bytes at its place are not a record.
    public func record(_ entry: CorpusIndex.Entry) throws -> CorpusRecord {
        do {
            return try CorpusJSON.decode(CorpusRecord.self, from: data(entry.record, shard: entry.shard))
        } catch {
            throw CorpusError("the record of \(entry.id) in \(url.path) cannot be read: \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? StrictJSON.Malformed)?.reason ?? "\(error)"
    }

    /// The PNG bytes of an entry's image, counted from 0.
    ///
    /// - Throws: ``CorpusError`` when the entry has no such image or the index points outside its shard.
    public func image(_ number: Int, of entry: CorpusIndex.Entry) throws -> [UInt8] {
        guard entry.images.indices.contains(number) else {
            throw CorpusError(
                "\(entry.id) has \(entry.images.count) images, but number \(number) is requested (the first is 0)")
        }
        return [UInt8](try data(entry.images[number], shard: entry.shard))
    }

    private func data(_ span: CorpusIndex.Span, shard: Int) throws -> Data {
        guard shards.indices.contains(shard), span.offset >= 0, span.length >= 0,
            span.offset <= shards[shard].count, span.length <= shards[shard].count - span.offset
        else {
            throw CorpusError(
                "the index of \(url.path) points to bytes \(span.offset)..<\(span.offset &+ span.length) of shard \(shard), which do not exist: fetch the corpus again"
            )
        }
        return shards[shard][span.offset..<span.offset + span.length]
    }
}
