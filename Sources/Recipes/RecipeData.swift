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

/// A recipe's data, opened: corpus, tokenizer, preprocessing, and the streams the trainer reads.
struct RecipeData {
    /// The piece that stands where a visual token goes.
    static let placeholderPiece = "<image>"

    let recipe: Recipe
    let corpus: CorpusFolder
    let tokenizer: SentencePieceTokenizer
    let imagePlaceholder: Int
    let source: ExampleSource
    let quarantinePath: String

    /// Opens the corpus and the tokenizer; trains a vocabulary on the training texts where neither the
    /// recipe nor the checkpoint it starts from gives one.
    ///
    /// - Parameters:
    ///   - savedTokenizer: the vocabulary of the run that is resumed.
    ///   - quarantinePath: the file to which records that fail are added.
    init(_ recipe: Recipe, savedTokenizer: [UInt8]?, quarantinePath: String, say: (String) -> Void) throws {
        self.recipe = recipe
        self.quarantinePath = quarantinePath
        corpus = try CorpusFolder(URL(fileURLWithPath: recipe.data.corpus))
        if let savedTokenizer {
            tokenizer = try SentencePieceTokenizer(model: savedTokenizer, from: "the tokenizer.model of the checkpoint")
        } else if let path = recipe.data.tokenizer.path {
            tokenizer = try SentencePieceTokenizer(path: path)
        } else if let folder = recipe.initialize.checkpoint {
            // Weights mean something only with the vocabulary they were trained with.
            tokenizer = try SentencePieceTokenizer(path: folder + "/tokenizer.model")
        } else {
            tokenizer = try Self.trainTokenizer(recipe, corpus, say: say)
        }
        guard let placeholder = tokenizer.id(of: Self.placeholderPiece) ?? tokenizer.unknownID else {
            throw ConfigError(
                place: recipe.data.tokenizer.path ?? recipe.name,
                problem:
                    "the vocabulary has no piece \(Self.placeholderPiece) and no unknown piece to stand for pictures; train one with `data.tokenizer.path=null`"
            )
        }
        imagePlaceholder = placeholder
        let image = ImageProcessor(imageSize: recipe.model.visionEncoder.imageSize, resize: recipe.data.resize)
        source = try ExampleSource(
            corpus: corpus, tokenizer: tokenizer, decoder: PictureCodec(), imageProcessor: image,
            contract: TokenContract(
                imagePlaceholderID: placeholder, visualTokenCount: recipe.model.connector.tokenCount),
            template: recipe.data.template, contextLength: recipe.data.contextLength)
    }

    /// A vocabulary from the training texts: captions in canonical order, documents' and glosses' text.
    private static func trainTokenizer(
        _ recipe: Recipe, _ corpus: CorpusFolder, say: (String) -> Void
    ) throws -> SentencePieceTokenizer {
        var texts: [String] = []
        for entry in corpus.index.entries where entry.split == .train {
            let record = try corpus.record(entry)
            if let caption = record.caption { texts.append(recipe.data.template.text(for: caption)) }
            for case .text(let text) in record.parts { texts.append(text) }
        }
        say("training a vocabulary of \(recipe.data.tokenizer.vocabularySize) pieces on \(texts.count) texts")
        var config = SentencePieceTokenizer.Config(
            vocabularySize: recipe.data.tokenizer.vocabularySize, userDefinedSymbols: [placeholderPiece])
        config.seed = UInt32(truncatingIfNeeded: recipe.seed)
        return try SentencePieceTokenizer.train(texts: texts, config: config)
    }

    /// Packed sequences of a stage.
    func packed(_ stage: Recipe.Stage) throws -> TrainingSource<Batch> {
        let loader = try Loader(
            source,
            config: Loader.Config(
                batchSize: stage.microbatchSize, mixture: stage.mixture ?? recipe.data.mixture, seed: recipe.seed,
                augmentation: recipe.data.augmentation, workerCount: recipe.data.workerCount),
            quarantinePath: quarantinePath)
        return TrainingSource(
            next: { try loader.next() },
            position: { String(decoding: try JSONEncoder().encode(loader.position), as: UTF8.self) },
            restore: { try loader.restore(JSONDecoder().decode(LoaderPosition.self, from: Data($0.utf8))) })
    }

    /// Pictures with captions, for a warm start. The position is the number of batches taken.
    func pictures(_ stage: Recipe.Stage, split: CorpusSplit = .train) throws -> TrainingSource<CaptionedPictures> {
        func loader(startBatch: Int) throws -> CaptionedPictureLoader {
            try CaptionedPictureLoader(
                source, split: split, batchSize: stage.microbatchSize, seed: recipe.seed,
                augmentation: split == .train ? recipe.data.augmentation : nil, startBatch: startBatch,
                workerCount: recipe.data.workerCount, quarantinePath: quarantinePath)
        }
        var current: CaptionedPictureLoader?
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
        corpus.index.sources.filter { $0.val > 0 }.map { count in
            ValidationSet(name: count.name) {
                let loader = try Loader.validation(
                    source, split: .val, source: count.name, batchSize: stage.microbatchSize,
                    limit: recipe.data.validationLimit)
                return TrainingSource(next: { try loader.next() }, position: { "" }, restore: { _ in })
            }
        }
    }

    /// Held-out pictures, all sources together.
    func pictureValidation(_ stage: Recipe.Stage) -> [ValidationSet<CaptionedPictures>] {
        guard corpus.index.sources.contains(where: { $0.kind == .captioned && $0.val > 0 }) else { return [] }
        let limit = max(1, (recipe.data.validationLimit ?? 256) / stage.microbatchSize)
        return [ValidationSet(name: "captioned", maximumBatches: limit) { try pictures(stage, split: .val) }]
    }
}
