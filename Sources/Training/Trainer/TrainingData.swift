public import DataPipeline

/// What a micro-batch must tell and do for the trainer.
public protocol TrainingItem {
    /// The item cut in two, rows kept whole, for machines whose memory is too small for it; nil if it has one row.
    func halves() -> (Self, Self)?
}

extension TrainingItem {
    public func halves() -> (Self, Self)? { nil }
}

extension Batch: TrainingItem {}
extension CaptionedImages: TrainingItem {}

/// What a stage reads.
public struct TrainingData<Item> {
    /// What is learnt from.
    public var source: TrainingSource<Item>
    /// Held-out data, by source.
    public var validation: [ValidationSet<Item>]

    public init(_ source: TrainingSource<Item>, validation: [ValidationSet<Item>] = []) {
        self.source = source
        self.validation = validation
    }
}

/// A stream of micro-batches whose position can be saved.
public struct TrainingSource<Item> {
    /// The next micro-batch; nil at the end of the data.
    public var next: () throws -> Item?
    /// The position after the last item handed out, as JSON or whatever `restore` reads.
    public var position: () throws -> String
    /// Continues at a saved position.
    public var restore: (String) throws -> Void

    public init(
        next: @escaping () throws -> Item?, position: @escaping () throws -> String,
        restore: @escaping (String) throws -> Void
    ) {
        self.next = next
        self.position = position
        self.restore = restore
    }
}

/// Held-out data of one source, read from its start at every validation.
public struct ValidationSet<Item> {
    /// The source's name, as shown.
    public var name: String
    /// Opens the data at its start.
    public var open: () throws -> TrainingSource<Item>
    /// The most micro-batches read; nil reads all.
    public var maximumBatches: Int?

    public init(name: String, maximumBatches: Int? = nil, open: @escaping () throws -> TrainingSource<Item>) {
        self.name = name
        self.maximumBatches = maximumBatches
        self.open = open
    }
}
