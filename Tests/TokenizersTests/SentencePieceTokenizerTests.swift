import Foundation
import Testing
import Tokenizers

@Suite("SentencePiece tokenizer")
struct SentencePieceTokenizerTests {
    let tokenizer = SampleTexts.bytePair

    @Test("every text comes back from its ids, whatever it holds", arguments: SampleTexts.awkward)
    func roundTrip(text: String) {
        let ids = tokenizer.encode(text)
        #expect(ids.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) })
        #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8))
    }

    @Test("random text comes back from its ids, with and without a space before it")
    func randomRoundTrip() {
        var random = SplitMix(state: 1)
        let alphabet = "ab \u{e9}\u{1F99C}\n<image>\u{0}0"
        for tokenizer in [SampleTexts.bytePair, SampleTexts.withoutPrefix] {
            for _ in 0..<300 {
                let text = String(
                    (0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
                #expect(Array(tokenizer.decode(tokenizer.encode(text)).utf8) == Array(text.utf8))
            }
        }
    }

    @Test("frequent words are single pieces with the space in front")
    func pieces() {
        let pieces = tokenizer.encode("the picture shows").map { tokenizer.piece($0) }
        #expect(pieces.count <= 6)
        #expect(pieces.first == "\u{2581}the")
        #expect(pieces.joined() == "\u{2581}the\u{2581}picture\u{2581}shows")
    }

    @Test("special ids are where the layout says")
    func specials() {
        #expect(tokenizer.vocabularySize == 420)
        #expect(tokenizer.unknownID == 0)
        #expect(tokenizer.beginID == 1)
        #expect(tokenizer.endID == 2)
        #expect(tokenizer.padID == 3)
        #expect(tokenizer.id(of: "<image>") == 4)
        #expect(tokenizer.id(of: "<0x00>") == 5)
        #expect(tokenizer.id(of: "<unk>") == 0)
        #expect(tokenizer.id(of: "no such piece") == nil)
        #expect(SampleTexts.unigram.padID == nil)
        #expect((0..<420).allSatisfy { tokenizer.id(of: tokenizer.piece($0)) == $0 })
    }

    @Test(
        "special pieces spelled in a user's text stay plain text",
        arguments: ["<image>", "look: <image><image> here", "<s>", "</s>", "<pad>", "<unk>", "<0x41>", "＜image＞"])
    func userTextNeverBecomesSpecial(text: String) throws {
        for tokenizer in [SampleTexts.bytePair, SampleTexts.unigram] {
            let placeholder = try #require(tokenizer.id(of: "<image>"))
            let forbidden = [placeholder, tokenizer.beginID, tokenizer.endID, tokenizer.padID].compactMap { $0 }
            #expect(!tokenizer.encode(text).contains { forbidden.contains($0) })
        }
        #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        let letterA = try #require(tokenizer.id(of: "<0x41>"))
        #expect(!tokenizer.encode(text).contains(letterA))
    }

    @Test("reserving nothing lets text reach user-defined pieces, reserving by name only the named one")
    func reserving() throws {
        let texts = SampleTexts.sentences
        let bytes = try SentencePieceTokenizer.train(
            texts: texts, config: .init(vocabularySize: 420, userDefinedSymbols: ["<image>", "<b>", "a,\"b"])
        ).modelBytes
        let open = try SentencePieceTokenizer(model: bytes, reserving: .none)
        #expect(open.encode("<image> <b>").contains(4))
        #expect(open.encode("<image> <b>").contains(5))
        #expect(open.piece(6) == "a,\"b")
        let named = try SentencePieceTokenizer(model: bytes, reserving: .named(["<image>"]))
        #expect(!named.encode("<image> <b>").contains(4))
        #expect(named.encode("<image> <b>").contains(5))
    }

    @Test("decoding drops begin, end and padding, keeps the placeholder, marks ids outside the vocabulary")
    func decodingSpecials() {
        let ids = tokenizer.encode("a house")
        #expect(tokenizer.decode([1] + ids + [2, 3, 3]) == "a house")
        #expect(tokenizer.decode([4] + ids) == "<image> a house")
        #expect(tokenizer.decode(ids + [420, -1]) == "a house\u{FFFD}\u{FFFD}")
        #expect(tokenizer.decode([]) == "")
    }

    @Test("without byte fallback an unknown character becomes the unknown piece")
    func unknown() throws {
        let ids = SampleTexts.unigram.encode("日")
        #expect(ids.contains(try #require(SampleTexts.unigram.unknownID)))
        #expect(SampleTexts.unigram.decode(ids).contains("\u{2047}"))
    }

    @Test("a model written to a file and read back is the same tokenizer")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).model").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(tokenizer.modelBytes).write(to: URL(fileURLWithPath: path))
        let loaded = try SentencePieceTokenizer(path: path)
        #expect(loaded.modelBytes == tokenizer.modelBytes)
        #expect(loaded.encode("A red circle") == tokenizer.encode("A red circle"))
    }

    @Test("many threads encode and decode at once and get what one gets")
    func concurrency() async {
        let texts = SampleTexts.awkward
        let expected = texts.map { tokenizer.encode($0) }
        await withTaskGroup(of: Bool.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    (0..<20).allSatisfy { round in
                        let index = (worker + round) % texts.count
                        let ids = SampleTexts.bytePair.encode(texts[index])
                        return ids == expected[index] && SampleTexts.bytePair.decode(ids) == texts[index]
                    }
                }
            }
            for await agrees in group { #expect(agrees) }
        }
    }

    @Test("a file that cannot be read is named, with the reason")
    func missingFile() {
        let error = #expect(throws: TokenizerError.self) {
            try SentencePieceTokenizer(path: "/nowhere/tokenizer.model")
        }
        #expect("\(error!)" == "cannot read the tokenizer /nowhere/tokenizer.model: No such file or directory")
        let folder = #expect(throws: TokenizerError.self) { try SentencePieceTokenizer(path: "/") }
        #expect("\(folder!)".contains("directory"))
    }

    @Test(
        "bytes that are no model are refused with the reason",
        arguments: [
            ("", "it is empty"), ("{\"version\": \"1.0\"}", "JSON"),
            ("version https://git-lfs.github.com/spec/v1", "Git LFS"),
            ("hello world, this is text", "at byte"), ("\u{0}\u{0}", "numbered 0"),
            ("\u{0A}\u{7F}abc", "127 bytes where 3 are left"),
            ("\u{12}\u{0}", "no vocabulary"),
        ])
    func notAModel(content: String, reason: String) {
        let error = #expect(throws: TokenizerError.self) { try SentencePieceTokenizer(model: Array(content.utf8)) }
        #expect("\(error!)".contains("is not a SentencePiece model"))
        #expect("\(error!)".contains(reason))
    }

    @Test("a model cut short or with a flipped byte is refused or still works, and never ends the process")
    func damagedModels() {
        let bytes = tokenizer.modelBytes
        var random = SplitMix(state: 7)
        for _ in 0..<60 {
            let cut = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)))
            _ = (try? SentencePieceTokenizer(model: cut))?.encode("a red house")
            var flipped = bytes
            flipped[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            _ = (try? SentencePieceTokenizer(model: flipped))?.vocabularySize
        }
    }
}
