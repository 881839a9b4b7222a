internal import CSentencePiece

extension SentencePieceTokenizer {
    /// How a vocabulary is trained.
    ///
    /// The defaults are those of LLaMA's vocabulary (BPE, digits apart, bytes for what is rare, text kept as it is), with a
    /// padding piece. Ids are laid out as `<unk>` 0, `<s>` 1, `</s>` 2, `<pad>` 3 where wanted, the user-defined
    /// symbols in their order, the 256 bytes where wanted, then learnt pieces.
    public struct Config: Hashable, Sendable, Codable {
        /// How pieces are learnt.
        public enum Model: String, Hashable, Sendable, Codable, CaseIterable {
            /// Byte-pair encoding: merge the most frequent pair again and again.
            case bpe
            /// A unigram language model, pruned from many candidates; Kudo 2018, https://arxiv.org/abs/1804.10959.
            case unigram
        }

        /// What is done to text before it is cut into pieces.
        public enum Normalization: String, Hashable, Sendable, Codable, CaseIterable {
            /// Nothing: decoding gives back exactly what was encoded.
            case identity
            /// Unicode NFKC plus white-space clean-up, SentencePiece's own default.
            case nmtNFKC = "nmt_nfkc"
        }

        /// How many pieces in all, special ones included.
        public var vocabularySize: Int
        /// How pieces are learnt.
        public var model = Model.bpe
        /// The share of the texts' characters that get a piece of their own, in `0.98 ... 1`.
        public var characterCoverage = 0.9995
        /// Whether characters without a piece are spelled as bytes instead of becoming unknown.
        public var byteFallback = true
        /// Pieces that only the program produces, such as `<image>`.
        public var userDefinedSymbols: [String] = []
        /// Whether every digit is a piece by itself.
        public var splitDigits = true
        /// Whether a space is put before the text, so that a word is spelled alike at its start and inside.
        public var addDummyPrefix = true
        /// Whether runs of spaces become one, and spaces at both ends go.
        public var removeExtraSpaces = false
        /// What is done to text before it is cut.
        public var normalization = Normalization.identity
        /// Whether the vocabulary has a `<pad>` piece.
        public var hasPadding = true
        /// The longest piece, in characters.
        public var maximumPieceLength = 16
        /// How many sentences to train on, at least 101, drawn with the seed; nil takes all.
        public var sentenceLimit: Int?
        /// Decides which sentences are drawn when there is a limit.
        public var seed: UInt32 = 0
        /// Threads of the unigram trainer, whose sums, and so whose result, depend on it; BPE uses one.
        public var threadCount = 1

        /// Everything at its default except the size and what is given.
        public init(vocabularySize: Int, model: Model = .bpe, userDefinedSymbols: [String] = []) {
            self.vocabularySize = vocabularySize
            self.model = model
            self.userDefinedSymbols = userDefinedSymbols
        }
    }

    /// Trains a vocabulary on texts in memory; the same texts and config give the same bytes.
    ///
    /// Texts are cut at line ends, so no piece spans lines.
    ///
    /// - Throws: ``TokenizerError`` when the config contradicts itself or the texts are too few for the size.
    public static func train(texts: [String], config: Config) throws(TokenizerError) -> SentencePieceTokenizer {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for text in texts {
            for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
                bytes += line
                ends.append(bytes.count)
            }
        }
        if ends.isEmpty { throw .trainingFailed("the \(texts.count) texts hold no characters") }
        let options = try config.trainerOptions()
        let result = bytes.withUnsafeBytes { bytes in
            ends.withUnsafeBufferPointer { ends in
                var sentences = syrinx_sp_sentences()
                sentences.bytes = bytes.bindMemory(to: CChar.self).baseAddress
                sentences.ends = ends.baseAddress
                sentences.sentence_count = ends.count
                return train(sentences, options, seed: config.seed)
            }
        }
        return try SentencePieceTokenizer(model: result.get())
    }

    /// Trains a vocabulary on the lines of UTF-8 text files, read as a stream.
    ///
    /// - Throws: ``TokenizerError`` when a file cannot be read, the config contradicts itself, or the texts are too few.
    public static func train(files paths: [String], config: Config) throws(TokenizerError) -> SentencePieceTokenizer {
        if paths.isEmpty { throw .trainingFailed("no text file was given") }
        let options = try config.trainerOptions()
        let result = withCStrings(paths) { paths in
            var sentences = syrinx_sp_sentences()
            sentences.paths = paths.baseAddress
            sentences.path_count = paths.count
            return train(sentences, options, seed: config.seed)
        }
        return try SentencePieceTokenizer(model: result.get())
    }

    private static func train(
        _ sentences: syrinx_sp_sentences, _ options: [(key: String, value: String)], seed: UInt32
    ) -> Result<[UInt8], TokenizerError> {
        var sentences = sentences
        var bytes: UnsafeMutablePointer<CChar>?
        var count = 0
        let failure = withCStrings(options.map(\.key)) { keys in
            withCStrings(options.map(\.value)) { values in
                syrinx_sp_train(
                    &sentences, keys.baseAddress, values.baseAddress, options.count, seed, &bytes, &count)
            }
        }
        if let failure {
            defer { syrinx_sp_release(failure) }
            return .failure(.trainingFailed(String(cString: failure)))
        }
        defer { syrinx_sp_release(bytes) }
        return .success(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        var bytes: [CChar] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(bytes.count)
            bytes += string.utf8CString
        }
        return bytes.withUnsafeBufferPointer { bytes in
            let pointers = starts.map { start in bytes.baseAddress.map { $0 + start } }
            return pointers.withUnsafeBufferPointer(body)
        }
    }
}

extension SentencePieceTokenizer.Config {
    /// Ids before the learnt pieces: `<unk>`, `<s>`, `</s>`, `<pad>`, user-defined symbols, bytes.
    private var reservedCount: Int {
        3 + (hasPadding ? 1 : 0) + userDefinedSymbols.count + (byteFallback ? 256 : 0)
    }

    /// The trainer's options, under the names of `trainer_spec` and `normalizer_spec` in SentencePiece.
    fileprivate func trainerOptions() throws(TokenizerError) -> [(key: String, value: String)] {
        guard vocabularySize > reservedCount else {
            throw .invalidConfig(
                "vocabularySize is \(vocabularySize), but \(reservedCount) ids are taken by special pieces"
                    + "\(byteFallback ? " and the 256 bytes" : ""); ask for more")
        }
        guard (0.98...1).contains(characterCoverage) else {
            throw .invalidConfig("characterCoverage is \(characterCoverage), allowed is 0.98 to 1")
        }
        guard (1...512).contains(maximumPieceLength) else {
            throw .invalidConfig("maximumPieceLength is \(maximumPieceLength), allowed is 1 to 512 characters")
        }
        guard (1...128).contains(threadCount) else {
            throw .invalidConfig("threadCount is \(threadCount), allowed is 1 to 128")
        }
        if let sentenceLimit, sentenceLimit <= 100 {
            throw .invalidConfig("sentenceLimit is \(sentenceLimit), the trainer wants at least 101, or no limit")
        }
        var seen: Set<String> = ["<unk>", "<s>", "</s>", "<pad>"]
        for symbol in userDefinedSymbols {
            if symbol.isEmpty || symbol.utf8.contains(0) || symbol.utf8.contains(UInt8(ascii: "\n")) {
                throw .invalidConfig("the user-defined symbol \(symbol.debugDescription) is empty or holds a line end")
            }
            if !seen.insert(symbol).inserted {
                throw .invalidConfig(
                    "the symbol \(symbol.debugDescription) is defined twice or is one of <unk>, <s>, </s>, <pad>")
            }
        }
        return [
            ("vocab_size", "\(vocabularySize)"),
            ("model_type", model.rawValue),
            ("character_coverage", "\(characterCoverage)"),
            ("byte_fallback", "\(byteFallback)"),
            ("user_defined_symbols", userDefinedSymbols.map(Self.quoted).joined(separator: ",")),
            ("split_digits", "\(splitDigits)"),
            ("add_dummy_prefix", "\(addDummyPrefix)"),
            ("remove_extra_whitespaces", "\(removeExtraSpaces)"),
            ("normalization_rule_name", normalization.rawValue),
            ("pad_id", hasPadding ? "3" : "-1"),
            ("max_sentencepiece_length", "\(maximumPieceLength)"),
            ("input_sentence_size", "\(sentenceLimit ?? 0)"),
            ("shuffle_input_sentence", "\(sentenceLimit != nil)"),
            ("num_threads", "\(threadCount)"),
            // Pieces of white space alone keep indentation short; LLaMA's vocabulary has them.
            ("allow_whitespace_only_pieces", "true"),
            // The library silently leaves out longer lines; ours are all wanted.
            ("max_sentence_length", "\(1 << 30)"),
            // Status texts carry the errors; the log would only repeat them.
            ("minloglevel", "3"),
        ].filter { $0.0 != "user_defined_symbols" || !userDefinedSymbols.isEmpty }
    }

    /// A value of a comma-separated list, quoted where it holds a comma or a quote.
    private static func quoted(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }) else { return value }
        // Scalar by scalar: a quote before an accent is a quote, too.
        let parts = value.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false)
        return "\"" + parts.map { String($0) }.joined(separator: "\"\"") + "\""
    }
}
