import Foundation
import Processors
public import Torch

/// Images with the tokens of their captions: what the encoder's warm start takes.
public struct CaptionedImages: Sendable {
    /// float32[N, 3, H, W], one image per caption.
    public var pixelValues: Tensor
    /// The caption's tokens of each image, without begin and end.
    public var captionTokenIDs: [[Int]]
    /// Identifiers of the records.
    public var itemIDs: [String]

    public init(pixelValues: Tensor, captionTokenIDs: [[Int]], itemIDs: [String]) {
        self.pixelValues = pixelValues
        self.captionTokenIDs = captionTokenIDs
        self.itemIDs = itemIDs
    }
}

extension CaptionedImages {
    /// The first and the second half of the images.
    public func halves() -> (CaptionedImages, CaptionedImages)? {
        let count = itemIDs.count
        guard count > 1 else { return nil }
        func part(_ range: Range<Int>) -> CaptionedImages {
            CaptionedImages(
                pixelValues: pixelValues.narrow(dim: 0, start: range.lowerBound, length: range.count),
                captionTokenIDs: Array(captionTokenIDs[range]), itemIDs: Array(itemIDs[range]))
        }
        return (part(0..<count / 2), part(count / 2..<count))
    }
}

/// Endless batches of images with captions from the captioned records of a split, in an order that follows from the
/// seed. Used by one thread at a time.
public final class CaptionedImageLoader {
    private let prefetch: OrderedPrefetch<Result<CaptionedImages, any Error>>
    public let quarantine: Quarantine

    /// - Parameters:
    ///   - batchSize: images per batch, N; a batch has fewer where records fail.
    ///   - sources: names of the sources to take; nil for all captioned ones.
    ///   - augmentation: nil for unchanged images.
    ///   - startBatch: number of the first batch, for a warm start that is resumed: batch k is the same either way.
    /// - Throws: ``DataError`` when there are no captioned records.
    public init(
        _ source: ExampleSource, split: CorpusSplit = .train, batchSize: Int, seed: UInt64,
        sources: [String]? = nil, augmentation: Augmentation? = nil, startBatch: Int = 0, workerCount: Int = 1,
        quarantinePath: String? = nil
    ) throws(DataError) {
        let entries = source.corpus.entries(split: split, kind: .captioned).filter { number in
            let entry = source.corpus.index.entries[number]
            return entry.images.count == 1 && sources?.contains(entry.source) ?? true
        }
        guard !entries.isEmpty else {
            throw DataError(
                "the corpus at \(source.corpus.url.path) has 0 captioned \(split.rawValue) records"
                    + (sources.map { " of \($0.joined(separator: ", "))" } ?? "")
                    + "; remove the encoder's warm start")
        }
        let quarantine = Quarantine(path: quarantinePath)
        self.quarantine = quarantine
        // A number that no kind of the mixture uses, so that the warm start's order is its own.
        let streamNumber = 100
        let order = RecordOrder(records: entries, seed: seed, stream: streamNumber)
        let first = LoaderPosition.Stream(next: startBatch * batchSize, carried: [])
        nonisolated(unsafe) let stream = ExampleStream(
            source: source, order: order, pool: WorkerPool(threadCount: workerCount), lookahead: 64,
            quarantine: quarantine, isEndless: true, position: first
        ) { presentation in
            ExampleSource.Variation(
                seed: seed, stream: streamNumber, presentation: presentation, augmentation: augmentation)
        }
        prefetch = OrderedPrefetch(pool: WorkerPool(threadCount: 1), lookahead: 2) { _ in
            Result { try Self.batch(source, from: stream, count: batchSize) }
        }
    }

    /// The next batch.
    /// - Throws: ``DataError`` when too many records failed.
    public func next() throws -> CaptionedImages {
        guard let result = prefetch.next() else {
            throw DataError("the warm start's images ended, though their order has no end")
        }
        return try result.get()
    }

    private static func batch(
        _ source: ExampleSource, from stream: ExampleStream, count: Int
    ) throws -> CaptionedImages {
        var images: [(pixels: [UInt8], change: AugmentationParameters?)] = []
        var captions: [[Int]] = []
        var ids: [String] = []
        // Batch k is presentations k * count ..< (k + 1) * count, whatever fails: a failed record leaves its batch smaller.
        for _ in 0..<count {
            guard let placed = try stream.next() else { break }
            for example in placed.map(\.example) {
                images.append((example.images[0].stored.pixels, example.images[0].change))
                captions.append(example.layout.supervisedTokenIDs.dropLast())  // without the end token
                ids.append(example.id)
            }
        }
        guard let pixelValues = source.assembler.pixelValues(images) else {
            throw DataError(
                "none of the \(count) records of a warm-start batch is usable; look at the quarantine file and run "
                    + "`syrinx data check` on \(source.corpus.url.path)")
        }
        return CaptionedImages(pixelValues: pixelValues, captionTokenIDs: captions, itemIDs: ids)
    }
}
