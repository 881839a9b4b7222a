/// Options that had other names once. The old ones go on working, and the user is told the new one.
package enum RenamedOptions {
    /// Old name, new name, and the commands that had the option, by their last words.
    private static let renamed: [(old: String, new: String, commands: Set<String>)] = [
        ("--picture-mode", "--image-mode", ["generate", "chat", "batch", "forward"]),
        ("--only-pictures", "--only-images", ["conversations"]),
        ("--pictures", "--sheet-images", ["inspect"]),
        ("--visual-tokens", "--image-tokens", ["inspect"]),
    ]

    /// The arguments with today's names, and a sentence for each that was an old one.
    package static func replaced(_ arguments: [String]) -> (arguments: [String], notes: [String]) {
        var notes: [String] = []
        let words = arguments.prefix { !$0.hasPrefix("-") }
        // What comes after `--` is text.
        let end = arguments.firstIndex(of: "--") ?? arguments.count
        let replaced = arguments.enumerated().map { place, argument in
            guard place < end else { return argument }
            let name = argument.prefix { $0 != "=" }
            guard let entry = renamed.first(where: { $0.old == name && !$0.commands.isDisjoint(with: words) }) else {
                return argument
            }
            let note = "\(entry.old) is now called \(entry.new)"
            if !notes.contains(note) { notes.append(note) }
            return entry.new + argument.dropFirst(name.count)
        }
        return (replaced, notes)
    }
}
