import DataPipeline
import Processors
import SyrinxModels
import Terminal
import Tokenizers

/// The vocabulary of a recipe that brings none: trained on the training texts of its data.
struct TokenizerTraining {
    private let recipe: Recipe

    init(_ recipe: Recipe) { self.recipe = recipe }

    /// Trains on captions in canonical order, documents' and glosses' text, and on conversations as they will be written.
    ///
    /// A family that is asked in conversations learns the words of its turns from the start: its later stages keep the
    /// vocabulary of the first.
    func train(
        _ corpus: CorpusFolder?, _ conversations: (any ConversationStore)?, say: (String) -> Void
    ) throws -> SentencePieceTokenizer {
        var texts: [String] = []
        for entry in corpus?.index.entries ?? [] where entry.split == .train {
            let record = try corpus?.record(entry)
            if let caption = record?.caption { texts.append(recipe.data.template.text(for: caption)) }
            for case .text(let text) in record?.parts ?? [] { texts.append(text) }
        }
        let template = recipe.data.instructions?.template ?? recipe.model.shape.description.chatTemplate
        if template != .document {
            if let conversations {
                texts += Self.texts(of: conversations, template)
            } else if let corpus {
                texts += Self.texts(of: try CorpusConversations(corpus), template)
            }
        }
        let size = recipe.data.tokenizer.vocabularySize
        say("training a vocabulary of \(size) pieces on \(texts.count) texts")
        var config = SentencePieceTokenizer.Config(
            vocabularySize: size,
            userDefinedSymbols: recipe.model.shape.fixedPlaceholder == nil ? [RecipeData.placeholderPiece] : [])
        config.seed = UInt32(truncatingIfNeeded: recipe.seed)
        let (tokenizer, seconds) = try Heartbeat("training the vocabulary").during {
            try SentencePieceTokenizer.train(texts: texts, config: config)
        }
        say("the vocabulary is trained, in \(ProgressLine.time(seconds))")
        // Its trainer cannot be stopped; a signal that came meanwhile counts now.
        try InterruptFlag.check()
        return tokenizer
    }

    private static func texts(of store: any ConversationStore, _ template: ChatTemplate) -> [String] {
        (0..<store.count).filter { store.split(of: $0) == .train }.flatMap { number -> [String] in
            // A record that cannot be used is for the loader to report.
            guard let parts = try? store.conversation(number).parts(in: template) else { return [] }
            return parts.compactMap { if case .content(.text(let text), _) = $0 { text } else { nil } }
        }
    }
}
