/// Rows of words as lines whose columns stand under each other, for terminals and logs.
package enum TextTable {
    /// The lines, two spaces between columns, nothing at line ends.
    package static func text(_ rows: [[String]]) -> String {
        guard let first = rows.first else { return "" }
        let columns = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let line = zip(row, columns).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return trimmedAtEnd(line.joined(separator: "  "))
        }.joined(separator: "\n")
    }

    /// An interval as `[0.681, 0.755]`; empty where it has no width.
    static func interval(_ estimate: Estimate) -> String {
        estimate.lower == estimate.upper ? "" : "[\(threeDecimals(estimate.lower)), \(threeDecimals(estimate.upper))]"
    }

    private static func trimmedAtEnd(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
