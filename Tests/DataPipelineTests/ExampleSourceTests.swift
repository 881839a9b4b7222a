import DataPipeline
import Processors
import Terminal
import TestSupport
import Testing
import TinyModels
import Torch

@Suite struct ExampleSourceTests {
    func layouts(_ item: CorpusItem, contextLength: Int) throws -> [PromptLayout] {
        let fixture = try CorpusFixture([item])
        return try fixture.source(contextLength: contextLength).examples(ofEntry: 0).map(\.layout)
    }

    @Test func `A caption follows its image, and its end token is supervised`() throws {
        let layout = try #require(try layouts(CorpusFixture.captioned(2), contextLength: 96).first)
        #expect(layout.segments.count == 4)
        #expect(layout.segments[0] == .text(tokenIDs: [1], isSupervised: false))
        #expect(
            layout.segments[1] == .media(.image(tokenCount: 4, name: "shapes-000000.0.png", width: 10, height: 8)))
        #expect(layout.segments[3] == .text(tokenIDs: [2], isSupervised: true))
        #expect(layout.labels()[4] == layout.ids(259)[5])
    }

    @Test func `No loss is taken on a prompt`() throws {
        let fixture = try CorpusFixture([CorpusFixture.captioned(2)])
        let source = try fixture.source(template: CaptionTemplate(prompt: "Describe:"))
        let layout = try #require(try source.examples(ofEntry: 0).first).layout
        #expect(layout.segments[2] == .text(tokenIDs: ByteTokenizer().encode("Describe:"), isSupervised: false))
        #expect(ByteTokenizer().decode(layout.supervisedTokenIDs).hasPrefix("name: n2."))
    }

    @Test func `A document longer than the context is split, its text whole and its images uncut`() throws {
        let item = CorpusFixture.interleaved(1, imageCount: 7, words: 9)
        let pieces = try layouts(item, contextLength: 40)
        #expect(pieces.count > 3)
        for piece in try nonempty(pieces) {
            #expect(piece.tokenCount <= 40)
            #expect(piece.mediaSpans.allSatisfy { $0.tokenCount == 4 })
            #expect(piece.segments[0] == .text(tokenIDs: [1], isSupervised: false))
        }
        #expect(pieces.reduce(0) { $0 + $1.mediaSpans.count } == 7)
        let text = pieces.map { ByteTokenizer().decode($0.supervisedTokenIDs) }.joined()
        #expect(text == "d1" + String(repeating: String(repeating: "word ", count: 9), count: 7))
        #expect(pieces.map { $0.supervisedTokenIDs.last == 2 } == pieces.indices.map { $0 == pieces.count - 1 })
    }

    @Test func `A caption longer than the context is refused with both numbers`() throws {
        let error = #expect(throws: DataError.self) { try layouts(CorpusFixture.captioned(2), contextLength: 32) }
        #expect(error?.description.contains("but the context has 32") == true)
    }

    @Test func `A context without room for text beside an image is refused`() throws {
        let fixture = try CorpusFixture([CorpusFixture.captioned(2)])
        #expect(throws: DataError.self) { try fixture.source(contextLength: 6) }
    }

    @Test func `The sample view shows begin, image, text and mask, plainly where there is no colour`() throws {
        let fixture = try CorpusFixture([CorpusFixture.captioned(2)])
        let view = try SampleView(try fixture.source(), entry: 0)
        let plain = view.text(style: .plain)
        #expect(plain.contains("(<s>) [shapes-000000.0.png 10x8, 4 positions] n a m e :"))
        #expect(plain.hasSuffix("</s>"))
        #expect(!plain.contains("\u{1B}"))
        let coloured = view.text(style: .init(isInteractive: true, usesColour: true))
        #expect(coloured.contains("\u{1B}[90m<s>\u{1B}[0m"))
        #expect(coloured.contains("\u{1B}[32mn\u{1B}[0m"))
        #expect(SampleView.visible("a\u{1B}[2J\u{202E}") == "a\\u{1b}[2J\\u{202e}")
    }
}
