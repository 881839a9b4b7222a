import Synchronization
public import Torch

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
    /// What is measured.
    public let populations: [Population]
    /// Intervals.
    public let bootstrap: Bootstrap
    /// Seed of distractors and shuffles.
    public let seed: UInt64
    private let encoded: EncodedImages

    /// Encodes nothing yet: images are encoded, all at once, when the first of them is asked for.
    /// - Parameters:
    ///   - blank: a white image's pixels, float32[3, H, W].
    ///   - sources: sources reported on their own, beside all together; unknown ones are left out.
    public init(
        subject: EvaluationSubject, set: CaptionedSet, statistics: CaptionStatistics, blank: Tensor,
        sources: [String], bootstrap: Bootstrap, seed: UInt64
    ) {
        self.subject = subject
        self.set = set
        self.statistics = statistics
        encoded = EncodedImages { [subject.encoded(set.pixelValues), subject.encoded(blank.unsqueeze(0))] }
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

    /// The place that stands for the blank picture.
    public var blankPlace: Int { self.set.items.count }

    /// float[1, P, D]: the image at a place.
    func image(_ place: Int) -> Tensor { encoded.all.narrow(dim: 0, start: place, length: 1) }

    /// float[K, P, D]: the images at K places, in order.
    func images(_ places: [Int]) -> Tensor {
        encoded.all.indexSelect(
            dim: 0, Tensor(places.map(Int64.init), shape: [places.count]).to(subject.device))
    }

    /// The id of the item at a place.
    public func id(_ place: Int) -> String { place == blankPlace ? Prediction.blankID : set.items[place].id }

    /// Of `indices`, those that the predictions made at `places` are about, with the predictions.
    func answers(_ predictions: [Prediction], at places: [Int]) -> [Int: Prediction] {
        Dictionary(zip(places, predictions), uniquingKeysWith: { first, _ in first })
    }

    /// For each of `indices` the item whose image it gets under the shuffled control; never its own.
    func shuffled(_ indices: [Int], name: String) -> [Int] {
        var random = SplitMix64(seed: seed, name: "shuffled \(name)")
        return random.derangement(indices.count).map { indices[$0] }
    }
}

/// What the encoder makes of all images, computed once, by whoever asks first.
private final class EncodedImages: Sendable {
    private let parts: @Sendable () -> [Tensor]
    private let value = Mutex<Tensor?>(nil)

    init(_ parts: @escaping @Sendable () -> [Tensor]) { self.parts = parts }

    /// float[N + 1, P, D]: the items' images, then the blank one.
    var all: Tensor {
        value.withLock { value in
            if let value { return value }
            let computed = inferenceMode { Tensor.cat(parts(), dim: 0) }
            value = computed
            return computed
        }
    }
}
