public import DataPipeline

/// What training could learn without looking: how often each caption field has each value in a source.
public struct CaptionStatistics: Codable, Hashable, Sendable {
    /// Per source, how many training records have each kind.
    public private(set) var kinds: [String: [String: Int]] = [:]
    /// Per source, how many training records have each dominant colour.
    public private(set) var colours: [String: [String: Int]] = [:]
    /// Per source, how many training records have each name.
    public private(set) var names: [String: [String: Int]] = [:]
    /// Per source, how often each caption was written.
    public private(set) var captions: [String: [String: Int]] = [:]
    /// True when there are no training captions and the evaluated items themselves were counted.
    public var isOfEvaluatedItems: Bool = false

    /// Counts over the training split only; validation and test records are not read.
    /// - Throws: `CorpusError` for a damaged corpus.
    public init(_ corpus: CorpusFolder) throws {
        for entry in corpus.index.entries where entry.kind == .captioned && entry.split == .train {
            guard let caption = try corpus.record(entry).caption else { continue }
            add(caption, source: entry.source)
        }
    }

    /// Empty statistics, to be filled with ``add(_:written:source:)``.
    public init() {}

    /// Counts one training caption.
    public mutating func add(_ caption: CorpusRecord.Caption, written: [String] = [], source: String) {
        if let kind = caption.kind, !kind.isEmpty { kinds[source, default: [:]][kind, default: 0] += 1 }
        if let colour = caption.colours.first { colours[source, default: [:]][colour, default: 0] += 1 }
        if !caption.name.isEmpty { names[source, default: [:]][caption.name, default: 0] += 1 }
        for text in written { captions[source, default: [:]][text, default: 0] += 1 }
    }

    /// What the majority control is called: who was counted decides what it means.
    public var majorityControl: String { isOfEvaluatedItems ? "majority of these items" : "training majority" }

    /// The most frequent dominant colour of a source, or of all; ties go to the first in the alphabet.
    public func majorityColour(source: String?) -> String? { Self.majority(colours, source: source) }

    /// The most frequent name of a source, or of all; ties go to the first in the alphabet.
    public func majorityName(source: String?) -> String? { Self.majority(names, source: source) }

    /// The most frequent written caption of a source, or of all; where captions are rendered, the caption of the most
    /// frequent kind and colour, which names nothing: nearly every name occurs once.
    public func majorityCaption(_ template: CaptionTemplate, source: String?) -> String {
        if let written = Self.majority(captions, source: source) { return written }
        return template.text(
            for: .init(
                name: "", kind: Self.majority(kinds, source: source),
                colours: [majorityColour(source: source)].compactMap { $0 }))
    }

    private static func majority(_ all: [String: [String: Int]], source: String?) -> String? {
        var counts = [String: Int]()
        for (name, own) in all where source == nil || name == source { counts.merge(own, uniquingKeysWith: +) }
        return counts.min { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }?.key
    }
}
