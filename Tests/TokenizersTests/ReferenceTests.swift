import Foundation
import TestSupport
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
        /// Checksums of the ids of each mixed string, and of the text they decode to.
        let mixedIDs: [String]
        let mixedTexts: [String]
    }
    let cases: [Case]
    let fragments: [String]
    /// Which fragments each of the mixed strings is put together from.
    let mixed: [[Int]]

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
        for reference in try nonempty(Reference.shared.cases) {
            let tokenizer = try SentencePieceTokenizer(model: [UInt8](reference.model))
            for encoded in try nonempty(reference.encoded) {
                #expect(
                    tokenizer.encode(encoded.text) == encoded.ids, "\(reference.name): \(encoded.text.debugDescription)"
                )
            }
        }
    }

    @Test("1,000 strings of emoji, control characters, every kind of space and rare scripts give the same ids and text")
    func mixedStrings() throws {
        let texts = Reference.shared.mixed.map { $0.map { Reference.shared.fragments[$0] }.joined() }
        #expect(Set(texts.map { Array($0.utf8) }).count == 1000)
        for reference in try nonempty(Reference.shared.cases) {
            let tokenizer = try SentencePieceTokenizer(model: [UInt8](reference.model))
            for (index, text) in texts.enumerated() {
                let ids = tokenizer.encode(text)
                let bytes = ids.flatMap { id in (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * $0)) } }
                #expect(
                    checksum(bytes) == reference.mixedIDs[index], "\(reference.name): \(text.debugDescription) \(ids)")
                let decoded = tokenizer.decode(ids)
                #expect(
                    checksum(Array(decoded.utf8)) == reference.mixedTexts[index],
                    "\(reference.name): \(text.debugDescription) became \(decoded.debugDescription)")
            }
        }
    }

    /// FNV-1a, 64 bits, as the script writes it.
    private func checksum(_ bytes: [UInt8]) -> String {
        let value = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test("ids give the same text, at once and one by one")
    func decodes() throws {
        for reference in try nonempty(Reference.shared.cases) {
            let tokenizer = try SentencePieceTokenizer(model: [UInt8](reference.model))
            for decoded in try nonempty(reference.decoded) {
                #expect(Array(tokenizer.decode(decoded.ids).utf8) == Array(decoded.text.utf8), "\(decoded.ids)")
                var stream = StreamingDetokenizer(tokenizer)
                let streamed = decoded.ids.map { stream.append($0) }.joined() + stream.finish()
                #expect(Array(streamed.utf8) == Array(decoded.text.utf8), "\(decoded.ids)")
            }
        }
    }
}
