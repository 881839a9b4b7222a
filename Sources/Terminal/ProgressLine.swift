/// The text of a progress bar at one moment; a value, so that its wording can be tested.
package struct ProgressLine: Sendable {
    package var title: String
    package var completed: Int
    package var total: Int?
    package var unit: String
    package var note: String
    /// Seconds since the work began.
    package var seconds: Double
    /// Units that were done before the clock started.
    package var startCount: Int

    package init(
        title: String, completed: Int, total: Int?, unit: String, note: String = "", seconds: Double,
        startCount: Int = 0
    ) {
        self.title = title
        self.completed = completed
        self.total = total
        self.unit = unit
        self.note = note
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

    /// One line, at most `style.width` - 1 columns on a terminal.
    package func text(style: TerminalStyle) -> String {
        var parts = [title]
        if let total, total > 0 {
            let share = min(1, max(0, Double(completed) / Double(total)))
            if style.isInteractive {
                let cells = 20
                let full = Int((share * Double(cells)).rounded(.down))
                parts.append(
                    "[" + String(repeating: "=", count: full) + String(repeating: " ", count: cells - full) + "]")
            }
            parts.append("\(Int((share * 100).rounded(.down)))%")
            parts.append("\(completed)/\(total) \(unit)")
        } else {
            parts.append("\(completed) \(unit)")
        }
        if rate > 0 { parts.append("\(Self.compact(rate))/s") }
        if let total, completed >= total {
            parts.append("in \(Self.time(seconds))")
        } else if let secondsLeft {
            parts.append("\(Self.time(secondsLeft)) left")
        }
        if !note.isEmpty { parts.append(note) }
        let line = parts.joined(separator: "  ")
        return style.isInteractive ? String(line.prefix(max(20, style.width - 1))) : line
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
