public import Torch

/// One question put to the model about held-out pictures.
public protocol EvaluationTask: Sendable {
    /// The task's name in tables.
    var name: String { get }

    /// The scores, with their controls, on every population the task applies to.
    /// - Throws: `GenerationError` when a sequence does not fit the model's context.
    func scores(_ context: EvaluationContext) throws -> [TaskScore]
}

/// What all tasks of one evaluation share.
public struct EvaluationContext: Sendable {
    /// Items measured together: one source, or all of them.
    public struct Population: Sendable {
        /// The name in tables.
        public var name: String
        /// The corpus source, or `nil` for all.
        public var source: String?
        /// Places in the set's items.
        public var indices: [Int]
    }

    /// The model under test.
    public let subject: EvaluationSubject
    /// The held-out items.
    public let set: CaptionedSet
    /// Counts over the training split.
    public let statistics: CaptionStatistics
    /// float[N, V, D]: the items' pictures.
    public let pictures: Tensor
    /// float[1, V, D]: a white picture.
    public let blank: Tensor
    /// What is measured.
    public let populations: [Population]
    /// Intervals.
    public let bootstrap: Bootstrap
    /// Seed of distractors and shuffles.
    public let seed: UInt64

    /// Encodes every picture once.
    /// - Parameters:
    ///   - blank: a white picture's pixels, float32[3, H, W].
    ///   - sources: sources reported on their own, beside all together; unknown ones are left out.
    public init(
        subject: EvaluationSubject, set: CaptionedSet, statistics: CaptionStatistics, blank: Tensor,
        sources: [String], bootstrap: Bootstrap, seed: UInt64
    ) {
        self.subject = subject
        self.set = set
        self.statistics = statistics
        pictures = subject.visualTokens(set.pixelValues)
        self.blank = subject.visualTokens(blank.unsqueeze(0))
        var populations = sources.map { Population(name: $0, source: $0, indices: set.indices(source: $0)) }
        populations.removeAll { $0.indices.isEmpty }
        if populations.first?.indices.count != set.items.count {
            populations.append(
                Population(name: "all sources", source: nil, indices: Array(set.items.indices)))
        }
        self.populations = populations
        self.bootstrap = bootstrap
        self.seed = seed
    }

    /// float[1, V, D]: one item's picture.
    func picture(_ index: Int) -> Tensor { pictures.narrow(dim: 0, start: index, length: 1) }

    /// For each of `indices` the item whose picture it gets under the shuffled control; never its own.
    func shuffled(_ indices: [Int], name: String) -> [Int] {
        var random = SplitMix64(seed: seed, name: "shuffled \(name)")
        return random.derangement(indices.count).map { indices[$0] }
    }
}
