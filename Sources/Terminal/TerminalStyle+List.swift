extension TerminalStyle {
    /// Names and what is said of each, in two columns. A terminal gets lines that fit it, broken between words; elsewhere each
    /// entry is one line, for programs that look for it.
    public func list(_ entries: [(name: String, text: String)]) -> String {
        let indent = (entries.map(\.name.count).max() ?? 0) + 2
        return entries.map { name, text in
            let lines = isInteractive && !text.isEmpty ? Self.wrapped(text, width: max(20, width - 1 - indent)) : [text]
            let first = name + String(repeating: " ", count: indent - name.count)
            return zip([first] + Array(repeating: String(repeating: " ", count: indent), count: lines.count), lines)
                .map { $0 + $1 }.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// The words in lines of at most `width` columns; a longer word has a line of its own.
    private static func wrapped(_ text: String, width: Int) -> [String] {
        text.split(separator: " ").reduce(into: [String]()) { lines, word in
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
    }
}
