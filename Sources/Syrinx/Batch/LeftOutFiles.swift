/// The files of a folder that were not taken, by what they are.
public struct LeftOutFiles: Sendable, Hashable {
    private var counts: [String: Int] = [:]

    /// How many there are.
    public var count: Int { counts.values.reduce(0, +) }

    /// What they are, after a colon: `: 2 a PDF, 1 empty`; empty if there are none.
    public var reasons: String {
        let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return counts.isEmpty ? "" : ": " + ordered.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    /// Counts a file.
    mutating func add(_ kind: String) { counts[kind, default: 0] += 1 }
}
