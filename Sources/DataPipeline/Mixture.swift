/// In which shares the kinds of data follow each other: each sequence is of one kind, drawn by weight.
///
/// arXiv 2403.09611, section 3.2: 45% captioned, 45% interleaved, 10% text (``standard``). The draw for a sequence depends on the seed and
/// the sequence's number alone, so that the order is the same however far the loader reads ahead.
public struct Mixture: Codable, Sendable, Hashable {
    /// Weight of captioned images; weights are on any scale.
    public var captioned: Double
    /// Weight of interleaved documents.
    public var interleaved: Double
    /// Weight of text without images.
    public var textOnly: Double
    /// Sources to leave out.
    public var excludedSources: [String]
    /// How often a source's records appear in one pass over its kind; 1 where not named.
    public var repeats: [String: Int]

    public init(
        captioned: Double, interleaved: Double, textOnly: Double, excludedSources: [String] = [],
        repeats: [String: Int] = [:]
    ) {
        self.captioned = captioned
        self.interleaved = interleaved
        self.textOnly = textOnly
        self.excludedSources = excludedSources
        self.repeats = repeats
    }

    /// The published 45/45/10.
    public static let standard: Mixture = Mixture(captioned: 45, interleaved: 45, textOnly: 10)

    /// Kinds with a weight above 0, in declaration order.
    public var kinds: [CorpusKind] { CorpusKind.allCases.filter { weight(of: $0) > 0 } }

    /// The weight of a kind.
    public func weight(of kind: CorpusKind) -> Double {
        switch kind {
        case .captioned: captioned
        case .interleaved: interleaved
        case .textOnly: textOnly
        }
    }

    /// Checks the weights.
    /// - Throws: ``DataError`` when a weight is negative or not a number, all are 0, or a repeat count is below 1.
    public func validate() throws(DataError) {
        for kind in CorpusKind.allCases where !(weight(of: kind) >= 0 && weight(of: kind).isFinite) {
            throw DataError(
                "mixture: the weight of \(kind.rawValue) is \(weight(of: kind)), but weights are finite and 0 or more")
        }
        guard !kinds.isEmpty else {
            throw DataError("mixture: all weights are 0; give at least one kind a weight above 0")
        }
        for (source, count) in repeats where count < 1 {
            throw DataError(
                "mixture: source \(source) has the repetition count \(count), but at least 1 is needed; exclude it instead"
            )
        }
    }

    /// The kind of sequence number `sequence`.
    package func kind(ofSequence sequence: Int, seed: UInt64) -> CorpusKind {
        let kinds = kinds
        let total = kinds.reduce(0) { $0 + weight(of: $1) }
        var random = KeyedRandom(seed: seed, purpose: .mixture, sequence)
        var point = random.unit() * total
        for kind in kinds {
            point -= weight(of: kind)
            if point < 0 { return kind }
        }
        return kinds[kinds.count - 1]
    }
}

/// The kind of a record, as the mixture names it.
public typealias CorpusKind = CorpusRecord.Kind

/// The split of a record.
public typealias CorpusSplit = CorpusRecord.Split
