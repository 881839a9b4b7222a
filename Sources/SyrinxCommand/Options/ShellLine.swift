/// A command line as a user can paste it into a shell.
enum ShellLine {
    /// The words with quotes where a shell would take a character for something else.
    static func text(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    private static func quoted(_ word: String) -> String {
        let plain = word.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_./=:,@%+".unicodeScalars.contains($0)
        }
        return plain && !word.isEmpty
            ? word
            : "'"
                + word.unicodeScalars.split(separator: "'", omittingEmptySubsequences: false).map { String($0) }
                .joined(separator: "'\\''") + "'"
    }
}
