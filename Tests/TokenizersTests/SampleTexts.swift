import Tokenizers

/// Sentences to train small vocabularies on, and vocabularies trained once for all tests.
enum SampleTexts {
    static let sentences: [String] = {
        let colours = ["red", "green", "blue", "yellow", "black", "white", "orange", "purple"]
        let shapes = ["circle", "square", "triangle", "star", "house", "tree", "bird", "boat"]
        let places = ["above", "below", "beside", "behind", "in front of", "inside"]
        var sentences: [String] = []
        for (i, colour) in colours.enumerated() {
            for (j, shape) in shapes.enumerated() {
                let other = shapes[(i + 3 * j + 1) % shapes.count]
                sentences.append("A \(colour) \(shape) stands \(places[(i * j) % places.count]) the \(other).")
                sentences.append("The picture shows \(i * 8 + j + 1) \(colour) \(shape)s, and a small \(other).")
            }
        }
        return sentences + ["name: café. kind: food. keywords: crème, brûlée.", "naïve façade, déjà vu"]
    }()

    /// 420 pieces, bytes for what is rare, `<image>` as placeholder.
    static let bytePair = try! SentencePieceTokenizer.train(
        texts: sentences, config: .init(vocabularySize: 420, userDefinedSymbols: ["<image>"]))

    /// A unigram vocabulary with NFKC, no bytes, no padding.
    static let unigram: SentencePieceTokenizer = {
        var config = SentencePieceTokenizer.Config(
            vocabularySize: 80, model: .unigram, userDefinedSymbols: ["<image>"])
        config.byteFallback = false
        config.normalization = .nmtNFKC
        config.removeExtraSpaces = true
        config.hasPadding = false
        return try! SentencePieceTokenizer.train(texts: sentences, config: config)
    }()

    /// No space of its own before the text.
    static let withoutPrefix: SentencePieceTokenizer = {
        var config = SentencePieceTokenizer.Config(vocabularySize: 400)
        config.addDummyPrefix = false
        return try! SentencePieceTokenizer.train(texts: sentences, config: config)
    }()

    /// Text of every awkward kind that must survive encoding and decoding.
    static let awkward: [String] = [
        "", " ", "  ", "a", " a", "a ", "two  spaces   three", "A red circle stands above the house.",
        "line\nbreak\r\nand\ttab", "\u{0}\u{1}\u{7f}control", "🦜 parrots 🧑🏽‍🚀👨‍👩‍👧‍👦 🇩🇪", "日本語のテキスト", "Ελληνικά и кириллица",
        "עברית العربية", "e\u{301} combining", "\u{FEFF}byte order mark", "\u{FFFD} replacement", "\u{10FFFF}",
        "<0x41> is no byte", "<s></s><unk><pad>", "1234567890", "zero\u{200D}width\u{200B}", "\u{2585}block",
        String(repeating: "long ", count: 3000),
    ]
}

/// A small generator of our own, so that a failing case can be run again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
