/// Keys of records that nothing reads, with how often each stands there.
public struct UnreadKeys: Sendable, Equatable {
    /// More names than this are no keys that somebody chose; they are counted together.
    private static let nameLimit = 1000
    private static let shownCount = 12

    /// By name; a turn's key as `conversations[].name`.
    public private(set) var counts: [String: Int] = [:]
    private var otherCount = 0

    init() {}

    mutating func add(_ name: String, _ count: Int = 1) {
        if counts[name] == nil, counts.count >= Self.nameLimit {
            otherCount += count
        } else {
            counts[name, default: 0] += count
        }
    }

    mutating func add(_ other: UnreadKeys) {
        for (name, count) in other.counts { add(name, count) }
        otherCount += other.otherCount
    }

    /// The keys with their counts, the most frequent first; nil where all keys are read.
    public var sentence: String? {
        guard !counts.isEmpty else { return nil }
        let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = ordered.prefix(Self.shownCount).map {
            "\(SampleView.visible($0.key).shortened(to: 40)) (\($0.value))"
        }
        let rest = ordered.dropFirst(Self.shownCount).reduce(otherCount) { $0 + $1.value }
        return "keys that are not read: \(shown.joined(separator: ", "))" + (rest > 0 ? ", others (\(rest))" : "")
    }
}

extension String {
    /// The beginning of a text that came from outside, as much as an error may repeat.
    func shortened(to limit: Int = 200) -> String {
        unicodeScalars.count <= limit ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(limit))) + "..."
    }
}
