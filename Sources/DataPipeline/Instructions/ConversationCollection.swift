/// Several files of conversations, one after the other.
package struct ConversationCollection: ConversationStore {
    private let files: [ConversationFile]
    /// Numbers of the files' first conversations, and the number of all at the end.
    private let starts: [Int]

    package init(_ files: [ConversationFile]) {
        self.files = files
        starts = files.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    }

    private func place(_ number: Int) -> (file: ConversationFile, number: Int) {
        let file = (starts.lastIndex { $0 <= number } ?? 0)
        return (files[file], number - starts[file])
    }

    package var name: String { files.map(\.name).joined(separator: ", ") }
    package var count: Int { starts[starts.count - 1] }
    package var identity: String { files.map(\.identity).joined(separator: " ") }

    package var unreadKeys: UnreadKeys { files.reduce(into: UnreadKeys()) { $0.add($1.unreadKeys) } }

    package func hasImages(_ number: Int) -> Bool {
        let (file, number) = place(number)
        return file.hasImages(number)
    }

    package func split(of number: Int) -> CorpusSplit {
        let (file, number) = place(number)
        return file.split(of: number)
    }

    package func conversation(_ number: Int) throws -> Conversation {
        let (file, number) = place(number)
        return try file.conversation(number)
    }

    package func image(_ image: Int, of number: Int) throws -> [UInt8] {
        let (file, number) = place(number)
        return try file.image(image, of: number)
    }

    package func quarantineEntry(_ number: Int, reason: String) -> QuarantineEntry {
        let (file, number) = place(number)
        return file.quarantineEntry(number, reason: reason)
    }
}
