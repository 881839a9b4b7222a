/// The text of a progress bar at one moment; a value, so that its wording can be tested.
package struct ProgressLine: Sendable {
    package var title: String
    package var completed: Int
    package var total: Int?
    package var unit: String
    /// What else there is to say, the most important first.
    package var notes: [String]
    /// Seconds since the work began.
    package var seconds: Double
    /// Units that were done before the clock started.
    package var startCount: Int

    package init(
        title: String, completed: Int, total: Int?, unit: String, notes: [String] = [], seconds: Double,
        startCount: Int = 0
    ) {
        self.title = title
        self.completed = completed
        self.total = total
        self.unit = unit
        self.notes = notes
        self.seconds = seconds
        self.startCount = startCount
    }

    /// Units per second since the start; 0 before anything is done.
    package var rate: Double {
        seconds > 0 ? Double(completed - startCount) / seconds : 0
    }

    /// Seconds left at the mean rate so far; nil where the total or the rate is unknown.
    package var secondsLeft: Double? {
        guard let total, rate > 0 else { return nil }
        return Double(max(0, total - completed)) / rate
    }

    /// One line, at most `style.width` - 1 columns on a terminal: where not everything fits, what matters least is left out.
    package func text(style: TerminalStyle) -> String {
        var fields = fields(style: style)
        func line() -> String { fields.map(\.text).joined(separator: "  ") }
        guard style.isInteractive else { return line() }
        let width = max(20, style.width - 1)
        while line().count > width, let last = fields.max(by: { $0.rank < $1.rank }), last.rank > Field.firstNoteRank {
            fields.removeAll { $0.rank == last.rank }
        }
        return String(line().prefix(width))
    }

    /// A part of the line; the one with the highest rank is left out first.
    private struct Field {
        static let firstNoteRank = 1
        let text: String
        let rank: Int
    }

    /// The line's parts as they stand in it.
    private func fields(style: TerminalStyle) -> [Field] {
        var fields = [Field(text: title, rank: 0)]
        if let total, total > 0 {
            let share = min(1, max(0, Double(completed) / Double(total)))
            if style.isInteractive { fields.append(Field(text: Self.bar(share), rank: 5)) }
            fields.append(Field(text: "\(Int((share * 100).rounded(.down)))%", rank: 2))
            fields.append(Field(text: "\(completed)/\(total) \(unit)", rank: 4))
        } else {
            fields.append(Field(text: "\(completed) \(unit)", rank: 4))
        }
        if rate > 0 { fields.append(Field(text: "\(Self.compact(rate))/s", rank: 6)) }
        if let total, completed >= total {
            fields.append(Field(text: "in \(Self.time(seconds))", rank: 3))
        } else if let secondsLeft {
            fields.append(Field(text: "\(Self.time(secondsLeft)) left", rank: 3))
        }
        return fields
            + notes.enumerated().map { Field(text: $1, rank: $0 == 0 ? Field.firstNoteRank : 6 + $0) }
    }

    private static func bar(_ share: Double) -> String {
        let cells = 20
        let full = Int((share * Double(cells)).rounded(.down))
        return "[" + String(repeating: "=", count: full) + String(repeating: " ", count: cells - full) + "]"
    }

    /// Three significant figures at most: `0.31`, `4.2`, `87`, `1,234`.
    package static func compact(_ value: Double) -> String {
        let value = max(0, value)
        if value < 1 { return decimal(value, places: 2) }
        if value < 10 { return decimal(value, places: 1) }
        return grouped(Int(value.rounded()))
    }

    /// `1234567` as `1,234,567`.
    package static func grouped(_ value: Int) -> String {
        var digits = String(abs(value))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        groups.insert(digits, at: 0)
        return (value < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// Seconds as `9s`, `1m 05s` or `2h 07m`.
    package static func time(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        let whole = Int(seconds.rounded(.up))
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 60 { return "\(whole)s" }
        if whole < 3600 { return "\(whole / 60)m \(two(whole % 60))s" }
        return "\(whole / 3600)h \(two(whole % 3600 / 60))m"
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        let scale = places == 1 ? 10 : 100
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
