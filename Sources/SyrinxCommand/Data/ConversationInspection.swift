import Codecs
import DataPipeline
import Foundation
import Media
import Processors
import Terminal
import Tokenizers

/// What `syrinx data inspect` shows of a file of conversations: counts, and one of them as a model sees it.
struct ConversationInspection {
    let file: String
    let images: String?
    let template: ChatTemplate
    let sample: Int?
    let tokenizer: String?
    let imageTokens: Int
    let contextLength: Int

    /// Whether a path names such a file and not a corpus.
    static func isFile(_ path: String) -> Bool { path.hasSuffix(".json") || path.hasSuffix(".jsonl") }

    private struct Output: Encodable {
        var records: Int
        var recordsWithImages: Int
        var unreadKeys: [String: Int]
        var sample: SampleView?

        private enum CodingKeys: String, CodingKey {
            case records, unreadKeys, sample
            // The JSON has had this key from the start.
            case recordsWithImages = "recordsWithPictures"
        }
    }

    func show(asJSON: Bool) throws {
        let conversations = try ConversationFile(file, images: images)
        let output = Output(
            records: conversations.count, recordsWithImages: conversations.imageRecordCount,
            unreadKeys: conversations.unreadKeys.counts, sample: try sample.map { try view($0, of: conversations) })
        if asJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return print(String(decoding: try encoder.encode(output), as: UTF8.self))
        }
        print("\(file): \(output.records) conversations, \(output.recordsWithImages) with images")
        if let note = conversations.unreadKeys.sentence { print(note) }
        if let view = output.sample { print("\n" + view.text(style: .standardOutput)) }
    }

    private func view(_ number: Int, of conversations: ConversationFile) throws -> SampleView {
        guard number < conversations.count else {
            throw DataError(
                "--sample is \(number), but \(file) has \(conversations.count) records, 0 to \(conversations.count - 1)"
            )
        }
        // No piece of a vocabulary: a conversation's text cannot be taken for it.
        let contract = TokenContract(imagePlaceholder: -1, tokenCount: imageTokens)
        let source = try ConversationSource(
            [conversations], tokenizer: try SentencePieceTokenizer(path: tokenizer ?? ""), decoder: ImageCodec(),
            imageProcessor: ImageProcessor(imageSize: 64), contract: contract, template: template,
            contextLength: contextLength)
        return try SampleView(source, record: number)
    }
}
