public import Processors
public import Torch

/// What one training or validation step takes.
public struct Batch: Sendable {
    public var input: ModelInput
    /// int64[B, T]: the token expected after each position, -100 where none is.
    public var labels: Tensor
    /// For each row, the source of its examples; their kind's name where a row mixes sources.
    public var rowSources: [String]
    /// Identifiers of the examples, row by row.
    public var itemIDs: [String]
    /// Positions that hold text.
    public var textTokenCount: Int
    /// Positions with a label.
    public var supervisedTokenCount: Int
    /// Images, N.
    public var imageCount: Int
    /// Positions that belong to an example; the rest of B * T is padding.
    public var filledTokenCount: Int

    package init(
        collated: Collator.Collated, rowSources: [String], itemIDs: [String], imageCount: Int
    ) {
        input = collated.input
        labels = collated.labels
        self.rowSources = rowSources
        self.itemIDs = itemIDs
        textTokenCount = collated.textTokenCount
        supervisedTokenCount = collated.supervisedTokenCount
        self.imageCount = imageCount
        filledTokenCount = collated.filledTokenCount
    }

    /// Share of B * T that belongs to an example.
    public var utilisation: Double {
        let total = labels.shape.reduce(1, *)
        return total > 0 ? Double(filledTokenCount) / Double(total) : 0
    }
}

/// Where batches come from; what the trainer knows of data.
public protocol BatchSource: AnyObject {
    /// The next batch; nil at the end (a training source has none).
    /// - Throws: ``DataError`` when too many records fail, or whatever ends the source.
    func next() throws -> Batch?
    /// The place after the last batch that ``next()`` gave.
    var position: LoaderPosition { get }
    /// Continues exactly after the batch at which `position` was taken.
    /// - Throws: ``DataError`` when the position belongs to other data or other settings.
    func restore(_ position: LoaderPosition) throws
}

/// A place in the endless order of batches; small, and part of every run checkpoint.
public struct LoaderPosition: Codable, Sendable, Equatable {
    /// What the order follows from: corpus, seed, mixture, sizes. A position fits one order only.
    public var order: String
    /// Number of the next sequence.
    public var sequence: Int
    /// Per stream of presentations, by its name: that of a kind of the corpus, or of a part of the conversations.
    public var streams: [String: Stream]
    /// Presentations so far.
    public var presentedCount: Int
    /// Identifiers of the records that failed so far.
    public var quarantinedIDs: [String]
    /// Presentations so far of records without a supervised token.
    public var skippedCount: Int

    /// Place in the presentations of one stream.
    public struct Stream: Codable, Sendable, Equatable {
        /// Number of the next presentation.
        public var next: Int
        /// Examples that were drawn but did not fit yet.
        public var carried: [Carried]
    }

    /// An example that waits for a row.
    public struct Carried: Codable, Sendable, Equatable {
        /// Number of the presentation it came with.
        public var presentation: Int
        /// Which piece of the presentation's document.
        public var piece: Int
    }
}
