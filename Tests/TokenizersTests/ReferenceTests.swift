import Foundation
import Testing
import Tokenizers

/// Figures of the Python package, made by `scripts/reference/sentencepiece_strings.py`.
private struct Reference: Decodable {
    struct Case: Decodable {
        struct Encoded: Decodable {
            let text: String
            let ids: [Int]
        }
        struct Decoded: Decodable {
            let ids: [Int]
            let text: String
        }
        let name: String
        let model: Data
        let encoded: [Encoded]
        let decoded: [Decoded]
    }
    let cases: [Case]

    static let shared: Reference = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/sentencepiece.json")
        return try! JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }()
}

@Suite("Agreement with the Python package")
struct ReferenceTests {
    @Test("text gives the same ids")
    func encodes() throws {
        for reference in Reference.shared.cases {
            let tokenizer = try SentencePieceTokenizer(model: [UInt8](reference.model))
            for encoded in reference.encoded {
                #expect(
                    tokenizer.encode(encoded.text) == encoded.ids, "\(reference.name): \(encoded.text.debugDescription)"
                )
            }
        }
    }

    @Test("ids give the same text, at once and one by one")
    func decodes() throws {
        for reference in Reference.shared.cases {
            let tokenizer = try SentencePieceTokenizer(model: [UInt8](reference.model))
            for decoded in reference.decoded {
                #expect(Array(tokenizer.decode(decoded.ids).utf8) == Array(decoded.text.utf8), "\(decoded.ids)")
                var stream = StreamingDetokenizer(tokenizer)
                let streamed = decoded.ids.map { stream.append($0) }.joined() + stream.finish()
                #expect(Array(streamed.utf8) == Array(decoded.text.utf8), "\(decoded.ids)")
            }
        }
    }
}
