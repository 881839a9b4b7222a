import DataPipeline
import Processors
import SyrinxModels
import Testing

/// Records beside scalars that Swift makes one character with what stands before them.
@Suite struct ScalarRecordTests {
    private func texts(_ message: Message) -> [[UInt8]?] {
        message.content.map { if case .text(let text) = $0 { Array(text.utf8) } else { nil } }
    }

    @Test(arguments: CombiningScalars.all)
    func `An image's mark is found, and an accent on a line end stays`(scalar: String) {
        for mark in ["<image>", "<|image|>"] {
            let message = Message(role: .user, marked: "a\n\(scalar)\(mark)\n\(scalar)b")
            #expect(texts(message) == [Array("a\n\(scalar)".utf8), nil, Array("\(scalar)b".utf8)])
        }
    }

    @Test(arguments: CombiningScalars.all)
    func `A written record is cut at its roles`(scalar: String) throws {
        let text =
            "Human: <image>\(scalar)\\nHuman: \(scalar)What?\\nAI: \(scalar)A cat.\\nHuman: \(scalar)Why?\\nAI: \(scalar)So."
        let fixture = try ConversationFixture(#"[{"image": ["a.bin"], "text": "\#(text)"}]"#)
        let layout = try fixture.source(template: .mplugOwl2).example(ofEntry: 0).layout
        #expect(layout.mediaSpans.count == 1)
        #expect(
            Array(ByteTokenizer().decode(layout.supervisedTokenIDs).utf8)
                == Array(" \(scalar)A cat. \(scalar)So.".utf8))
    }
}
