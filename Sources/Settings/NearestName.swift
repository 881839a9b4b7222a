/// Finds the known name closest to a misspelt one.
package enum NearestName {
    private static let maximumLength = 200

    /// Returns the candidate with the smallest edit distance to `name`, or nil if none is close enough to be meant.
    ///
    /// Close enough means at most a third of the longer name (and always at least two edits); letter case is ignored.
    package static func find(_ name: String, among candidates: some Sequence<String>) -> String? {
        // Nobody means a known name with hundreds of letters, and comparing them would take long.
        guard name.utf8.count <= maximumLength else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = editDistance(name.lowercased(), candidate.lowercased())
            let limit = max(2, max(name.count, candidate.count) / 3)
            // A short name turns into any other short name in two edits: ask that something remains.
            guard distance <= limit, distance < max(name.count, candidate.count) else { continue }
            if best == nil || distance < best!.distance { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// The number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`
    /// (optimal string alignment).
    static func editDistance(_ a: String, _ b: String) -> Int {
        let a = Array(a), b = Array(b)
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var beforePrevious = [Int](repeating: 0, count: b.count + 1)
        var previous = Array(0...b.count)
        for i in 1...a.count {
            var current = [i] + [Int](repeating: 0, count: b.count)
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                current[j] = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    current[j] = min(current[j], beforePrevious[j - 2] + 1)
                }
            }
            beforePrevious = previous
            previous = current
        }
        return previous[b.count]
    }
}
