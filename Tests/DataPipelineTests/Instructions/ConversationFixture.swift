import DataPipeline
import Foundation
import Media
import Processors
import SyrinxModels
import Tokenizers

/// A folder with a file of conversations and images for ``FiveByteDecoder``, removed at the end.
final class ConversationFixture {
    let url: URL
    let path: String

    /// - Parameter images: files to write, name to bytes.
    init(_ text: String, name: String = "data.json", images: [String: [UInt8]] = ["a.bin": [8, 8, 1, 2, 3]]) throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.appendingPathComponent(name).path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        for (name, bytes) in images { try Data(bytes).write(to: url.appendingPathComponent(name)) }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func source(
        tokenizer: any Tokenizer = ByteTokenizer(), template: ChatTemplate = .mplugOwl2, contextLength: Int = 128,
        placeholder: Int = -200, visualTokens: Int = 4, heldOutShare: Double = 0
    ) throws -> ConversationSource {
        try ConversationSource(
            [try ConversationFile(path, heldOutShare: heldOutShare)], tokenizer: tokenizer, decoder: FiveByteDecoder(),
            imageProcessor: ImageProcessor(imageSize: 8),
            contract: TokenContract(imagePlaceholder: placeholder, tokenCount: visualTokens),
            template: template, contextLength: contextLength)
    }

    /// LLaVA's form: a question and an answer, with an image where one is named.
    static func record(_ id: String, image: String?, question: String = "What?", answer: String = "This.") -> String {
        let entry = image.map { #""image": "\#($0)", "# } ?? ""
        let mark = image == nil ? "" : #"<image>\n"#
        return #"{"id": "\#(id)", \#(entry)"conversations": [{"from": "human", "value": "\#(mark)\#(question)"}, "#
            + #"{"from": "gpt", "value": "\#(answer)"}]}"#
    }
}
