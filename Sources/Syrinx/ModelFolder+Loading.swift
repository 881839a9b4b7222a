import Checkpoints
import Digests
import Media
import Settings
import SyrinxModels
import Tokenizers
import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The files beside a model's weights, and what replaces missing ones.
extension ModelFolder {
    /// The vocabulary.
    ///
    /// - Throws: `CheckpointError`, which says where the file comes from in a folder that has another form of it alone.
    func tokenizer() throws -> SentencePieceTokenizer {
        let name = FileName.tokenizerModel
        guard contains(name) || !contains(FileName.fastTokenizer) else {
            throw CheckpointError.incomplete(
                folder: path,
                reason:
                    "it has \(FileName.fastTokenizer) but no \(name), and Syrinx reads only SentencePiece's own file: copy "
                    + "\(name) from the repository in which the model, or the language model that it started from, was "
                    + "published")
        }
        return try SentencePieceTokenizer(model: try bytes(of: name), from: path(of: name))
    }

    /// The file of the images' preprocessing; nil where there is none.
    private var preprocessingName: String? {
        [FileName.preprocessorConfig, FileName.processorConfig].first(where: contains)
    }

    /// Whether a model's published values stand in for a missing file: not where its weights were trained with a known one.
    private func lacksPreprocessing(_ description: ModelDescription, _ artefacts: ModelArtefacts) -> Bool {
        preprocessingName == nil && artefacts.imageProcessor == nil && description.publishedResize != nil
            && description.imageSize != nil
    }

    /// The images' preprocessing, in Syrinx's form or as the family was published.
    func imageProcessor(for description: ModelDescription, _ artefacts: ModelArtefacts) throws -> ImageProcessor {
        if lacksPreprocessing(description, artefacts), let size = description.imageSize,
            let resize = description.publishedResize
        {
            return ImageProcessor(imageSize: size, resize: resize)
        }
        let name = preprocessingName ?? FileName.preprocessorConfig
        do {
            return try ImageProcessor(
                preprocessorConfiguration: try bytes(of: name), published: description.publishedResize)
        } catch let error as ImageProcessorError {
            throw CheckpointError.malformed(path: path(of: name), reason: error.description)
        }
    }

    /// What a user should know of the folder, one sentence each.
    func remarks(
        on description: ModelDescription, _ configuration: Data, tokenizer: SentencePieceTokenizer,
        storedTables: Bool
    ) throws -> [String] {
        var remarks = ModelRegistry.remarks(
            onConfiguration: configuration, named: path(of: FileName.config))
        remarks += self.remarks()
        if lacksPreprocessing(description, ModelRegistry.artefacts(ofConfiguration: configuration)),
            let size = description.imageSize, let resize = description.publishedResize
        {
            remarks.append(
                "\(path) has no \(FileName.preprocessorConfig); images are prepared as the family was published: "
                    + "\(size) pixels, \(resize.rawValue), CLIP's mean and standard deviation")
        }
        remarks += try addedTokens(tokenizer)
        if !storedTables { remarks += try storedTableRemark(configuration) }
        return remarks
    }

    /// That tokens beyond the vocabulary are neither read nor written.
    private func addedTokens(_ tokenizer: SentencePieceTokenizer) throws -> [String] {
        guard contains(FileName.addedTokens),
            case .object(let members)? = try? StrictJSON(try bytes(of: FileName.addedTokens))
        else { return [] }
        let names = members.compactMap { name, value -> String? in
            guard case .number(let digits) = value, let id = Int(digits), id >= tokenizer.vocabularySize else {
                return nil
            }
            return String(name.prefix(40))
        }
        if names.isEmpty { return [] }
        return [
            "\(path): \(FileName.addedTokens) names tokens beyond the \(tokenizer.vocabularySize) of "
                + "\(FileName.tokenizerModel) (\(Self.shown(names))); they are plain text in prompts and are never generated"
        ]
    }

    /// That tables are recomputed which the published code would read as they are, rounded.
    private func storedTableRemark(_ configuration: Data) throws -> [String] {
        let family = try ModelRegistry.family(ofConfiguration: configuration)
        let stored = try storedWeights()
        let tables = stored.entries.map(\.name).filter(family.isStoredTable)
        guard let first = tables.first, Self.isRounded(try stored.tensor(first)) else { return [] }
        return [
            "\(path) stores \(tables.count) tables of rounded values such as \(first), which its authors' code reads; "
                + "they are recomputed exactly unless you give --stored-tables"
        ]
    }

    /// Whether values have no more digits than 16 bits hold.
    private static func isRounded(_ tensor: Tensor) -> Bool {
        [DType.bfloat16, .float16].contains { dtype in
            tensor.to(dtype).to(tensor.dtype).notEqual(to: tensor).any().item() == 0
        }
    }

    private static func shown(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
    }
}
