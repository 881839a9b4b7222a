import Foundation
import Media
import Processors
import Tokenizers
import Torch

/// Batches of packed examples in a reproducible order, prepared ahead of the trainer on threads of their own.
///
/// The order follows from the seed, the mixture and the data alone, not from timing, and ``position`` restores it
/// exactly. A record that fails is skipped, counted and named in the quarantine file. Used by one thread at a time.
public final class Loader: BatchSource {
    /// Settings of a loader; values of the recipe.
    public struct Config: Codable, Sendable, Hashable {
        /// Rows per batch, B.
        public var batchSize: Int
        /// Shares of the kinds of a corpus; conversations have shares of their own.
        public var mixture: Mixture
        public var seed: UInt64
        /// Nil: images are not changed.
        public var augmentation: Augmentation?
        /// Batches made ahead.
        public var prefetchCount: Int
        /// Threads that read, decode and tokenize.
        public var workerCount: Int
        /// Examples per kind that may wait for a row; more pack better and use more memory.
        public var carryLimit: Int
        /// Share of presentations that may fail.
        public var maximumFailedShare: Double
        /// Records that may fail before the share counts.
        public var minimumFailedCount: Int

        public init(
            batchSize: Int, mixture: Mixture = .standard, seed: UInt64, augmentation: Augmentation? = nil,
            prefetchCount: Int = 2, workerCount: Int = 1, carryLimit: Int = 8, maximumFailedShare: Double = 0.01,
            minimumFailedCount: Int = 10
        ) {
            self.batchSize = batchSize
            self.mixture = mixture
            self.seed = seed
            self.augmentation = augmentation
            self.prefetchCount = prefetchCount
            self.workerCount = workerCount
            self.carryLimit = carryLimit
            self.maximumFailedShare = maximumFailedShare
            self.minimumFailedCount = minimumFailedCount
        }
    }

    private let source: any ExampleSupply
    public let config: Config
    public let quarantine: Quarantine
    /// Positions in batches so far, and how many of them belonged to examples.
    public private(set) var totals: (positions: Int, filled: Int) = (0, 0)
    private let plan: Plan
    private var prefetch: OrderedPrefetch<Result<Produced?, any Error>>
    private var current: LoaderPosition

    private struct Produced: Sendable {
        var batch: Batch
        var position: LoaderPosition
    }

    /// Makes a training loader.
    /// - Parameters:
    ///   - split: which part of the corpus to present.
    ///   - quarantinePath: file to which failed records are added; nil to count only.
    /// - Throws: ``DataError`` when the mixture is invalid or gives weight to a kind that the corpus does not have.
    public convenience init(
        _ source: ExampleSource, split: CorpusSplit = .train, config: Config, quarantinePath: String? = nil
    ) throws(DataError) {
        try config.mixture.validate()
        var streams: [String: Plan.Stream] = [:]
        for (number, kind) in CorpusKind.allCases.enumerated() where config.mixture.weight(of: kind) > 0 {
            let entries = source.corpus.entries(split: split, kind: kind).flatMap { number in
                let name = source.corpus.index.entries[number].source
                let count = config.mixture.excludedSources.contains(name) ? 0 : config.mixture.repeats[name] ?? 1
                return [Int](repeating: number, count: count)
            }
            guard !entries.isEmpty else {
                throw DataError(
                    "mixture: \(kind.rawValue) has weight \(config.mixture.weight(of: kind)), but the corpus at "
                        + "\(source.corpus.url.path) has 0 such \(split.rawValue) records; set its weight to 0")
            }
            streams[kind.rawValue] = Plan.Stream(
                number: number, order: RecordOrder(records: entries, seed: config.seed, stream: number))
        }
        let mixture = config.mixture
        let seed = config.seed
        self.init(
            source, config: config, quarantinePath: quarantinePath,
            plan: Plan(streams: streams, isEndless: true, isVaried: true) {
                mixture.kind(ofSequence: $0, seed: seed).rawValue
            })
    }

    init(_ source: any ExampleSupply, config: Config, quarantinePath: String?, plan: Plan) {
        self.source = source
        self.config = config
        self.plan = plan
        quarantine = Quarantine(
            path: quarantinePath, maximumShare: config.maximumFailedShare, minimumCount: config.minimumFailedCount)
        let producer = plan.producer(source, config: config, quarantine: quarantine, position: nil)
        current = producer.position
        prefetch = Self.start(producer, count: config.prefetchCount)
    }

    /// Batches of one source of a split, once through in the order of the index, with canonical captions and unchanged
    /// images. ``next()`` gives nil at the end; `restore` with the first ``position`` starts again.
    /// - Throws: ``DataError`` when the corpus has no such records.
    public static func validation(
        _ source: ExampleSource, split: CorpusSplit, source name: String, batchSize: Int, limit: Int? = nil
    ) throws(DataError) -> Loader {
        let entries = source.corpus.entries(split: split, source: name)
        guard let first = entries.first else {
            let known = source.corpus.index.sources.map(\.name).joined(separator: ", ")
            throw DataError(
                "the corpus at \(source.corpus.url.path) has 0 \(split.rawValue) records of source \(name); its sources are \(known)"
            )
        }
        let kind = source.corpus.index.entries[first].kind
        let kept = Array(entries.prefix(limit ?? entries.count))
        return Loader(
            source,
            config: Config(batchSize: batchSize, mixture: Mixture(captioned: 1, interleaved: 1, textOnly: 1), seed: 0),
            quarantinePath: nil,
            plan: Plan(
                streams: [
                    kind.rawValue: Plan.Stream(number: 0, order: RecordOrder(records: kept, seed: nil, stream: 0))
                ], isEndless: false, isVaried: false
            ) { _ in kind.rawValue })
    }

    public func next() throws -> Batch? {
        guard let result = prefetch.next(), let produced = try result.get() else { return nil }
        current = produced.position
        totals.positions += produced.batch.labels.elementCount
        totals.filled += produced.batch.filledTokenCount
        return produced.batch
    }

    public var position: LoaderPosition { current }

    /// Share of positions so far that belonged to examples; 0 before the first batch.
    public var utilisation: Double {
        totals.positions > 0 ? Double(totals.filled) / Double(totals.positions) : 0
    }

    public func restore(_ position: LoaderPosition) throws {
        let expected = plan.fingerprint(source, config: config)
        guard position.order == expected else {
            throw DataError(
                "the saved data position has the order \(position.order.prefix(12)), but these settings give "
                    + "\(expected.prefix(12)); resume with the same data, tokenizer size, seed, mixture, template, "
                    + "augmentation, context length and image size")
        }
        quarantine.restore(
            ids: position.quarantinedIDs, presentedCount: position.presentedCount, skippedCount: position.skippedCount)
        let producer = plan.producer(source, config: config, quarantine: quarantine, position: position)
        current = position
        totals = (0, 0)
        prefetch = Self.start(producer, count: config.prefetchCount)
    }

    /// One thread makes batches in order; the trainer's thread takes them.
    private static func start(
        _ producer: sending BatchProducer, count: Int
    ) -> OrderedPrefetch<Result<Produced?, any Error>> {
        nonisolated(unsafe) let producer = producer  // touched by the pool's single thread alone from here on
        return OrderedPrefetch(pool: WorkerPool(threadCount: 1), lookahead: count) { _ in
            Result {
                guard let batch = try producer.next() else { return nil }
                return Produced(batch: batch, position: producer.position)
            }
        }
    }
}
