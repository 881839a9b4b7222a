import Foundation
import Testing
import Tokenizers

@Suite("Training a vocabulary")
struct TrainingTests {
    @Test("the same texts and config give the same bytes", arguments: SentencePieceTokenizer.Config.Model.allCases)
    func deterministic(model: SentencePieceTokenizer.Config.Model) throws {
        var config = SentencePieceTokenizer.Config(vocabularySize: 320, model: model)
        config.sentenceLimit = 101
        config.seed = 3
        let first = try SentencePieceTokenizer.train(texts: SampleTexts.sentences, config: config)
        let second = try SentencePieceTokenizer.train(texts: SampleTexts.sentences, config: config)
        #expect(first.modelBytes == second.modelBytes)
    }

    @Test("files give what the same lines in memory give")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let half = SampleTexts.sentences.count / 2
        let parts = [
            SampleTexts.sentences[..<half].joined(separator: "\n"),
            SampleTexts.sentences[half...].joined(separator: "\r\n"),
        ]
        let paths = try parts.enumerated().map { index, text in
            let file = folder.appendingPathComponent("\(index), with a comma.txt")
            try Data(text.utf8).write(to: file)
            return file.path
        }
        let config = SentencePieceTokenizer.Config(vocabularySize: 400)
        let fromFiles = try SentencePieceTokenizer.train(files: paths, config: config)
        let fromMemory = try SentencePieceTokenizer.train(texts: SampleTexts.sentences, config: config)
        #expect(fromFiles.modelBytes == fromMemory.modelBytes)
        #expect(!String(decoding: fromFiles.modelBytes, as: UTF8.self).contains("comma.txt"))
    }

    @Test("no piece spans two lines, and digits stand alone")
    func pieces() throws {
        let texts = (0..<50).map { "same line\nsame line 2024 \($0)" }
        let tokenizer = try SentencePieceTokenizer.train(texts: texts, config: .init(vocabularySize: 285))
        let pieces = (0..<tokenizer.vocabularySize).map { tokenizer.piece($0) }
        #expect(!pieces.contains { $0.contains("\n") })
        #expect(!pieces.contains { $0.count > 1 && $0.allSatisfy(\.isNumber) })
        #expect(tokenizer.encode("2024").count >= 4)
    }

    @Test("a vocabulary larger than the texts can fill names both numbers")
    func tooLarge() {
        let error = #expect(throws: TokenizerError.self) {
            try SentencePieceTokenizer.train(texts: ["only a few words"], config: .init(vocabularySize: 5000))
        }
        #expect("\(error!)".contains("5000"))
        #expect("\(error!)".hasPrefix("training the vocabulary failed"))
    }

    @Test("a vocabulary too small for its special pieces names both numbers")
    func tooSmall() {
        let error = #expect(throws: TokenizerError.self) {
            try SentencePieceTokenizer.train(texts: ["a"], config: .init(vocabularySize: 100))
        }
        #expect("\(error!)".contains("100"))
        #expect("\(error!)".contains("260"))
    }

    @Test("nothing to train on, a missing file, and contradictions are errors")
    func refusals() {
        let config = SentencePieceTokenizer.Config(vocabularySize: 400)
        #expect(throws: TokenizerError.self) { try SentencePieceTokenizer.train(texts: [], config: config) }
        #expect(throws: TokenizerError.self) { try SentencePieceTokenizer.train(texts: ["", "\n"], config: config) }
        let missing = #expect(throws: TokenizerError.self) {
            try SentencePieceTokenizer.train(files: ["/nowhere/corpus.txt"], config: config)
        }
        #expect("\(missing!)".contains("/nowhere/corpus.txt"))
        for change: (inout SentencePieceTokenizer.Config) -> Void in [
            { $0.userDefinedSymbols = ["<image>", "<image>"] }, { $0.userDefinedSymbols = [""] },
            { $0.userDefinedSymbols = ["<s>"] }, { $0.characterCoverage = 2 }, { $0.characterCoverage = .nan },
            { $0.threadCount = 0 }, { $0.sentenceLimit = 0 }, { $0.maximumPieceLength = 0 },
        ] {
            var changed = config
            change(&changed)
            #expect(throws: TokenizerError.self) {
                try SentencePieceTokenizer.train(texts: SampleTexts.sentences, config: changed)
            }
        }
    }

    @Test(arguments: ["\"\u{301}", "a,\u{200D}\"\u{FE0F}b"])
    func `A symbol may hold a quote before any scalar`(symbol: String) throws {
        let tokenizer = try SentencePieceTokenizer.train(
            texts: SampleTexts.sentences, config: .init(vocabularySize: 420, userDefinedSymbols: [symbol, "<image>"]))
        #expect(tokenizer.id(of: symbol) == 4 && tokenizer.id(of: "<image>") == 5)
    }
}
