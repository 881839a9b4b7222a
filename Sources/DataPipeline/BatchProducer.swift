import Media
import Processors

/// Makes batches one after the other: draws the stream of each sequence, packs it, puts the rows into tensors.
///
/// Used by one thread at a time.
package final class BatchProducer {
    private let source: any ExampleSupply
    private let rowCount: Int
    private let packer: Packer
    private let quarantine: Quarantine
    private let streams: [String: ExampleStream]
    private let stream: (Int) -> String
    private let order: String
    private var sequence: Int

    /// - Parameters:
    ///   - rowCount: rows per batch.
    ///   - stream: the stream of a sequence by its number.
    ///   - order: what positions are marked with.
    package init(
        source: any ExampleSupply, rowCount: Int, packer: Packer, quarantine: Quarantine,
        streams: [String: ExampleStream], sequence: Int, order: String, stream: @escaping (Int) -> String
    ) {
        self.source = source
        self.rowCount = rowCount
        self.packer = packer
        self.quarantine = quarantine
        self.streams = streams
        self.sequence = sequence
        self.order = order
        self.stream = stream
    }

    /// The next batch; fewer rows at the end of the data, nil after it.
    /// - Throws: ``DataError`` when too many records failed; `ProcessorError` when the token contract is broken.
    package func next() throws -> Batch? {
        var rows: [[Example]] = []
        while rows.count < rowCount {
            guard let stream = streams[stream(sequence)] else { break }
            let row = try packer.row(
                carried: &stream.carried, size: { $0.example.layout.tokenCount }, draw: { try stream.next() })
            guard !row.isEmpty else { break }
            sequence += 1
            rows.append(row.map(\.example))
        }
        guard !rows.isEmpty else { return nil }
        return try batch(rows)
    }

    private func batch(_ rows: [[Example]]) throws -> Batch {
        let images = rows.joined().flatMap { $0.images.map { ($0.stored.pixels, $0.change) } }
        let collated = try source.collator.packed(
            rows.map { $0.map(\.layout) }, length: packer.length,
            values: source.assembler.pixelValues(images).map { [.image: $0] } ?? [:])
        let rowSources = rows.map { row in
            let names = Set(row.map(\.source))
            return names.count == 1 ? row[0].source : row[0].kind.rawValue
        }
        return Batch(
            collated: collated, rowSources: rowSources, itemIDs: rows.joined().map(\.id), imageCount: images.count)
    }

    /// The place after the last batch.
    package var position: LoaderPosition {
        let snapshot = quarantine.snapshot
        return LoaderPosition(
            order: order, sequence: sequence,
            streams: streams.mapValues(\.position), presentedCount: snapshot.presentedCount,
            quarantinedIDs: snapshot.ids, skippedCount: snapshot.skippedCount)
    }
}
