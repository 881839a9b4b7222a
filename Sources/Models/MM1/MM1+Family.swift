import Checkpoints
public import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MM1 {
    /// The registry's entry.
    public static let family = ModelFamily(
        name: "mm1", configuration: Config.self,
        sizes: namedConfigs.map { named in
            .init(
                named.name, summary: named.summary, publishedDecoderCount: named.publishedDecoderCount,
                shape: named.config)
        }, keys: keys, ownsForm: true)
}

extension MM1.Config: FamilyConfiguration {
    public static var family: ModelFamily { MM1.family }
    public static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

    public init(from data: Data, weightShapes: [String: [Int]]) throws { self = try MM1.config(from: data) }

    public func file(artefacts: ModelArtefacts?) throws -> Data {
        try MM1.configuration(of: self, artefacts: artefacts)
    }

    public func declare(at path: ParameterPath) -> any MultimodalLanguageModel { MM1(self, at: path) }

    public var description: ModelDescription { ModelDescription(imageSize: visionEncoder.imageSize) }

    public var outline: ModelOutline {
        ModelOutline(
            parts: ["vision_encoder", "connector", "language_model"],
            imageEncoder: .init(visionEncoder, prefix: "vision_encoder", tokenCount: connector.tokenCount),
            decoder: .init(languageModel, body: ["language_model.model.layers", "language_model.model.norm"]))
    }

    public mutating func adopt(vocabularySize: Int, placeholder: Int) {
        languageModel.vocabularySize = vocabularySize
        imagePlaceholder = placeholder
    }

    public var publishedVision: PublishedPart? {
        .clip(visionEncoder, prefix: "vision_encoder") { [visionEncoder] (published) throws(CheckpointError) in
            try VisionTransformer.stateDict(fromPublished: published, for: visionEncoder)
        }
    }

    public var publishedLanguage: PublishedPart? { .llama(languageModel, prefix: "language_model") }
}
