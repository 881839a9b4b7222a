import Foundation
import NN
import Processors
import SyrinxModels
import Torch

/// A family as another package would write it: one linear layer turns an image into tokens, another one every four values of a
/// sound, and a LLaMA reads them.
struct ToyModel: MultimodalLanguageModel {
    struct Config: Codable, Hashable, Sendable {
        var imageSize: Int
        var tokenCount: Int
        var languageModel: LLaMADecoder.Config
        var imagePlaceholder: Int

        enum CodingKeys: String, CodingKey, CaseIterable { case imageSize, tokenCount, languageModel, imagePlaceholder }
    }

    let config: Config
    private let projection, soundProjection: Linear
    private let languageModel: LLaMADecoder

    init(_ config: Config, at path: ParameterPath) {
        self.config = config
        projection = Linear(
            3 * config.imageSize * config.imageSize, config.tokenCount * config.languageModel.hiddenSize, bias: true,
            at: path / "projection", initializer: .normal(0.02))
        soundProjection = Linear(
            4, config.languageModel.hiddenSize, bias: true, at: path / "sound_projection", initializer: .normal(0.02))
        languageModel = LLaMADecoder(config.languageModel, at: path / "language_model")
    }

    var vocabularySize: Int { languageModel.vocabularySize }
    var contextLength: Int { languageModel.contextLength }

    var tokenContract: TokenContract {
        TokenContract(
            placeholders: [.image: config.imagePlaceholder, .sound: config.imagePlaceholder],
            tokenCounts: [.image: config.tokenCount])
    }

    func tokenCount(of modality: Modality, shape: [Int]) -> Int {
        modality == .sound ? shape[0] / 4 : config.tokenCount
    }

    func encode(_ values: Tensor, _ modality: Modality) -> Tensor {
        if modality == .sound { return soundProjection(values.reshape([-1, 4])) }
        return projection(values.flatten(1)).reshape([-1, config.languageModel.hiddenSize])
    }

    func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs) }

    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        DecoderOutput(
            languageModel.hiddenStates(
                embeddings: embeddings, positionIDs: pass.positionIDs, layout: pass.layout, cache: pass.cache))
    }

    func logits(hiddenStates: Tensor) -> Tensor { languageModel.logits(hiddenStates: hiddenStates) }

    func forwardOperations(_ work: ForwardWork) -> Double { Double(work.tokenCount) }

    func makeCache(batch: Int, capacity: Int) -> KVCache {
        languageModel.makeCache(batch: batch, capacity: capacity)
    }
}

extension ToyModel {
    /// What a registry needs of it.
    static let family = ModelFamily(
        name: "toy", configuration: Config.self, chatTemplates: [.toy],
        keys: PublishedKeys(
            read: ["model_type", "image_size", "token_count", "image_placeholder", "artefacts"],
            objects: ["language_model": .llamaDecoder]), ownsForm: true)

    /// Registers it once for all tests of the process.
    static let isRegistered: Bool = {
        do { try ModelRegistry.register(family) } catch { return false }
        return true
    }()

    /// Its `config.json`.
    struct File: Codable {
        var modelType: String
        var imageSize: Int
        var tokenCount: Int
        var languageModel: LLaMADecoder.Config
        var imagePlaceholder: Int
        var artefacts: ModelArtefacts?
    }
}

extension ToyModel.Config: FamilyConfiguration {
    static var family: ModelFamily { ToyModel.family }
    static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

    init(from data: Data, weightShapes: [String: [Int]]) throws {
        let file = try ConfigurationJSON.decode(ToyModel.File.self, from: data, of: "toy")
        self.init(
            imageSize: file.imageSize, tokenCount: file.tokenCount, languageModel: file.languageModel,
            imagePlaceholder: file.imagePlaceholder)
        try validate()
    }

    func file(artefacts: ModelArtefacts?) throws -> Data {
        try ConfigurationJSON.encoder.encode(
            ToyModel.File(
                modelType: "toy", imageSize: imageSize, tokenCount: tokenCount, languageModel: languageModel,
                imagePlaceholder: imagePlaceholder, artefacts: artefacts))
    }

    func validate() throws(ModelError) {
        try ConfigCheck.check("token_count", tokenCount, 1...64)
        try languageModel.validate()
    }

    func declare(at path: ParameterPath) -> any MultimodalLanguageModel { ToyModel(self, at: path) }

    var description: ModelDescription { ModelDescription(chatTemplate: .toy, imageSize: imageSize) }

    var outline: ModelOutline {
        ModelOutline(
            parts: ["projection", "sound_projection", "language_model"],
            imageEncoder: .init(
                prefix: "projection", layers: .init(layerCount: 0, hiddenSize: 0, intermediateSize: 0),
                imageSize: imageSize, patchCount: 1, tokenCount: tokenCount),
            decoder: .init(languageModel, body: ["language_model.model.layers", "language_model.model.norm"]))
    }

    mutating func adopt(vocabularySize: Int, placeholder: Int) {
        languageModel.vocabularySize = vocabularySize
        imagePlaceholder = placeholder
    }
}

/// A layout of its own: `Q: ` question `|A: ` answer.
private struct ToyLayout: ChatLayout {
    func write(_ messages: [Message], system: String, to script: inout ChatScript) {
        script.write(system)
        for message in messages where message.role == .user || message.role == .assistant {
            if message.role == .user {
                script.write("Q: ")
                for part in message.content { script.write(part) }
                script.write("|A: ")
            } else if script.isTaught(message) {
                script.teach(message.text)
            } else {
                script.write(message.text)
                script.end()
            }
        }
    }
}

extension ChatTemplate {
    static let toy = ChatTemplate("toy-questions", systemPrompt: "Toys. ", layout: ToyLayout())
}
