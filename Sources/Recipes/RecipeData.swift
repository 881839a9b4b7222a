import Codecs
import DataPipeline
import Media
import Processors
import SyrinxModels
import Tokenizers
import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A recipe's data, opened: records, tokenizer, preprocessing, and the streams the trainer reads.
struct RecipeData {
    /// The piece that stands where an image token goes.
    static let placeholderPiece = "<image>"

    let recipe: Recipe
    let tokenizer: SentencePieceTokenizer
    let imageProcessor: ImageProcessor
    let imagePlaceholder: Int
    /// Captions, documents and texts; nil without a corpus.
    let source: ExampleSource?
    /// Instruction data; nil where the recipe has none.
    let conversations: ConversationSource?
    let quarantinePath: String

    /// Opens the data and the tokenizer; trains a vocabulary on the training texts where neither the
    /// recipe nor the checkpoint it starts from gives one.
    ///
    /// - Parameters:
    ///   - savedTokenizer: the vocabulary of the run that is resumed.
    ///   - quarantinePath: the file to which records that fail are added.
    init(_ recipe: Recipe, savedTokenizer: [UInt8]?, quarantinePath: String, say: (String) -> Void) throws {
        self.recipe = recipe
        self.quarantinePath = quarantinePath
        let corpus = try recipe.data.corpus.map { try CorpusFolder(URL(fileURLWithPath: $0)) }
        let store = try Self.conversations(recipe, corpus)
        if let store, let note = store.unreadKeys.sentence { say("\(store.name): \(note)") }
        if let savedTokenizer {
            tokenizer = try SentencePieceTokenizer(model: savedTokenizer, from: "the tokenizer.model of the checkpoint")
        } else if let path = recipe.data.tokenizer.path {
            tokenizer = try SentencePieceTokenizer(path: path)
        } else if let folder = recipe.initialize.checkpoint {
            // Weights mean something only with the vocabulary they were trained with.
            tokenizer = try SentencePieceTokenizer(path: folder + "/tokenizer.model")
        } else {
            tokenizer = try TokenizerTraining(recipe).train(corpus, store, say: say)
        }
        guard
            let placeholder = recipe.model.shape.fixedPlaceholder ?? tokenizer.id(of: Self.placeholderPiece)
                ?? tokenizer.unknownID
        else {
            throw ConfigError(
                place: recipe.data.tokenizer.path ?? recipe.name,
                problem:
                    "the vocabulary has neither the piece \(Self.placeholderPiece) nor an unknown piece as a placeholder for images; train one with `data.tokenizer.path=null`"
            )
        }
        imagePlaceholder = placeholder
        let image = ImageProcessor(imageSize: recipe.model.outline.imageEncoder.imageSize, resize: recipe.data.resize)
        imageProcessor = image
        let contract = TokenContract(
            imagePlaceholder: placeholder, tokenCount: recipe.model.outline.imageEncoder.tokenCount)
        let tokenizer = tokenizer
        source = try corpus.map {
            try ExampleSource(
                corpus: $0, tokenizer: tokenizer, decoder: ImageCodec(), imageProcessor: image, contract: contract,
                template: recipe.data.template, contextLength: recipe.data.contextLength)
        }
        conversations = try store.map {
            try ConversationSource(
                $0, tokenizer: tokenizer, decoder: ImageCodec(), imageProcessor: image, contract: contract,
                template: recipe.data.instructions?.template ?? .document, contextLength: recipe.data.contextLength)
        }
    }

    /// The files of the recipe, or the corpus' captions as questions and answers.
    private static func conversations(_ recipe: Recipe, _ corpus: CorpusFolder?) throws -> (any ConversationStore)? {
        guard let settings = recipe.data.instructions else { return nil }
        guard settings.files.isEmpty else {
            return ConversationCollection(
                try settings.files.map {
                    try ConversationFile($0, images: settings.images, heldOutShare: settings.heldOutShare)
                })
        }
        return try corpus.map { try CorpusConversations($0) }
    }

    /// What next-token stages learn from.
    var supply: any ExampleSupply {
        if let conversations { return conversations }
        guard let source else { preconditionFailure("a recipe without data was not refused") }
        return source
    }

    /// Held-out records with images.
    var heldOutRecords: [Int] {
        if let conversations { return conversations.numbers(split: .val).filter(conversations.hasImages) }
        return source?.corpus.entries(split: .val, kind: .captioned) ?? []
    }

    /// The data in a few words.
    var summary: String {
        let corpus = source.map { "corpus \($0.corpus.index.manifestHash.prefix(12))" }
        let records = conversations.map {
            "\($0.numbers(split: .train).count) conversations of \($0.name), \($0.numbers(split: .val).count) more held out"
        }
        return [corpus, records].compactMap { $0 }.joined(separator: ", ")
    }

    /// Packed sequences of a stage.
    ///
    /// - Parameter say: hears of records that are skipped because nothing in them is supervised, or cannot be used.
    func packed(_ stage: Recipe.Stage, say: @escaping (String) -> Void) throws -> TrainingSource<Batch> {
        let config = Loader.Config(
            batchSize: stage.microbatchSize, mixture: stage.mixture ?? recipe.data.mixture, seed: recipe.seed,
            augmentation: recipe.data.augmentation, workerCount: recipe.data.workerCount)
        let loader: Loader
        if let conversations {
            loader = try Loader(
                conversations: conversations, textShare: recipe.data.instructions?.textShare, config: config,
                quarantinePath: quarantinePath)
        } else {
            loader = try Loader(try captions(), config: config, quarantinePath: quarantinePath)
        }
        var told = (skipped: 0, failed: 0)
        return TrainingSource(
            next: {
                let batch = try loader.next()
                let (skipped, failed) = (loader.quarantine.skippedCount, loader.quarantine.count)
                // At 1, 2, 4, 8, ... so that a log of a long run stays short.
                if skipped > 0, skipped >= 2 * told.skipped {
                    told.skipped = skipped
                    say(
                        "skipped \(skipped) \(skipped == 1 ? "record" : "records") without a supervised token (counted in every "
                            + "pass); \(quarantinePath) lists them")
                }
                if failed > 0, failed >= 2 * told.failed {
                    told.failed = failed
                    say(
                        "skipped \(failed) unusable \(failed == 1 ? "record" : "records"); \(quarantinePath) gives the reasons"
                    )
                }
                return batch
            },
            position: { String(decoding: try JSONEncoder().encode(loader.position), as: UTF8.self) },
            restore: { try loader.restore(JSONDecoder().decode(LoaderPosition.self, from: Data($0.utf8))) })
    }

    /// The corpus' records.
    private func captions() throws -> ExampleSource {
        guard let source else {
            throw ConfigError(place: "\(recipe.name), data.corpus", problem: "a stage reads captions; name a corpus")
        }
        return source
    }

    /// Images with captions, for a warm start. The position is the number of batches taken.
    func images(_ stage: Recipe.Stage, split: CorpusSplit = .train) throws -> TrainingSource<CaptionedImages> {
        func loader(startBatch: Int) throws -> CaptionedImageLoader {
            try CaptionedImageLoader(
                try captions(), split: split, batchSize: stage.microbatchSize, seed: recipe.seed,
                augmentation: split == .train ? recipe.data.augmentation : nil, startBatch: startBatch,
                workerCount: recipe.data.workerCount, quarantinePath: quarantinePath)
        }
        var current: CaptionedImageLoader?
        var taken = 0
        return TrainingSource(
            next: {
                let open = try current ?? loader(startBatch: taken)
                current = open
                taken += 1
                return try open.next()
            },
            position: { String(taken) },
            restore: {
                guard let count = Int($0) else {
                    throw TrainingError("the saved data position '\($0)' is not a number")
                }
                taken = count
                current = nil
            })
    }

    /// Held-out sequences, one set for each source that has any.
    func validation(_ stage: Recipe.Stage) -> [ValidationSet<Batch>] {
        func set(_ name: String, _ open: @escaping () throws -> Loader) -> ValidationSet<Batch> {
            ValidationSet(name: name) {
                let loader = try open()
                return TrainingSource(next: { try loader.next() }, position: { "" }, restore: { _ in })
            }
        }
        let limit = recipe.data.validationLimit
        if let conversations {
            guard !conversations.numbers(split: .val).isEmpty else { return [] }
            return [
                set("conversations") {
                    try Loader.validation(conversations: conversations, batchSize: stage.microbatchSize, limit: limit)
                }
            ]
        }
        return (source?.corpus.index.sources ?? []).filter { $0.val > 0 }.map { count in
            set(count.name) {
                try Loader.validation(
                    try captions(), split: .val, source: count.name, batchSize: stage.microbatchSize, limit: limit)
            }
        }
    }

    /// Held-out images, all sources together.
    func imageValidation(_ stage: Recipe.Stage) -> [ValidationSet<CaptionedImages>] {
        guard source?.corpus.index.sources.contains(where: { $0.kind == .captioned && $0.val > 0 }) == true else {
            return []
        }
        let limit = max(1, (recipe.data.validationLimit ?? 256) / stage.microbatchSize)
        return [ValidationSet(name: "captioned", maximumBatches: limit) { try images(stage, split: .val) }]
    }
}
