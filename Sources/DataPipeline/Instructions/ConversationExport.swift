public import Foundation
import Processors

/// Writes a corpus' captions and glosses as instruction data in LLaVA's form: `conversations.json`, and the images as
/// files beside it.
public struct ConversationExport {
    /// The file of records.
    static let fileName = "conversations.json"

    private let corpus: CorpusFolder
    private let conversations: CorpusConversations

    /// - Throws: ``DataError`` when the corpus has no captions.
    public init(_ corpus: CorpusFolder) throws(DataError) {
        self.corpus = corpus
        conversations = try CorpusConversations(corpus)
    }

    private struct Record: Encodable {
        struct Turn: Encodable {
            var from: String
            var value: String
        }
        var id: String
        var image: String?
        var conversations: [Turn]
    }

    /// Writes conversations of a split, spread evenly over it where there is a limit.
    ///
    /// - Parameter onlyImages: leaves out conversations without an image.
    /// - Returns: how many records were written, and how many images.
    /// - Throws: ``DataError`` when the folder is not empty or cannot be written; what reading the corpus throws.
    public func write(
        to folder: URL, split: CorpusSplit, onlyImages: Bool = false, limit: Int?
    ) throws -> (records: Int, images: Int) {
        let images = folder.appendingPathComponent("pictures")
        let present = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter {
            !$0.hasPrefix(".")
        }
        if let foreign = present.sorted().first {
            throw DataError("\(folder.path) contains \(foreign): give a folder that is empty or does not exist yet")
        }
        do { try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true) } catch {
            throw DataError("the folder \(folder.path) cannot be made: check the path and its permissions")
        }
        let numbers = (0..<conversations.count).filter {
            conversations.split(of: $0) == split && (!onlyImages || conversations.hasImages($0))
        }
        let count = min(limit ?? numbers.count, numbers.count)
        var records: [Record] = []
        for place in 0..<count {
            let number = numbers[place * numbers.count / count]
            let conversation = try conversations.conversation(number)
            for (image, name) in conversation.images.enumerated() {
                try Data(try conversations.image(image, of: number)).write(to: images.appendingPathComponent(name))
            }
            records.append(try record(conversation))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(records).write(to: folder.appendingPathComponent(Self.fileName), options: .atomic)
        return (count, records.count { $0.image != nil })
    }

    private func record(_ conversation: Conversation) throws -> Record {
        guard case .turns(let messages) = conversation.form else {
            throw DataError("\(conversation.id) has no turns")
        }
        let turns = messages.map { message in
            Record.Turn(
                from: message.role == .assistant ? "gpt" : "human",
                value: (message.images.isEmpty ? "" : "<image>\n") + message.text)
        }
        return Record(
            id: conversation.id, image: conversation.images.first.map { "pictures/\($0)" }, conversations: turns)
    }
}
