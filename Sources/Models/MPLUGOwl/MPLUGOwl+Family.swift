import Checkpoints
import Media
public import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MPLUGOwl {
    static let modelType = "mplug-owl"

    /// The registry's entry.
    public static let family: ModelFamily = {
        var video = Config()
        video.isVideo = true
        var family = ModelFamily(
            name: "mplug-owl", modelType: modelType, configuration: Config.self,
            sizes: [
                .init("mplug-owl-7b", summary: "the published mplug-owl-llama-7b", shape: Config()),
                .init("mplug-owl-7b-video", summary: "the published mplug-owl-llama-7b-video", shape: video),
            ],
            chatTemplates: [.mplugOwl, .mplugOwlDemo, .mplugOwlTraining, .mplugOwlVideo], keys: keys)
        family.isIgnored = { $0.hasSuffix("rotary_emb.inv_freq") }
        return family
    }()
}

extension MPLUGOwl.Config: FamilyConfiguration {
    public static var family: ModelFamily { MPLUGOwl.family }
    public static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

    public init(from data: Data, weightShapes: [String: [Int]]) throws {
        self = try MPLUGOwl.config(from: data, weightShapes: weightShapes)
    }

    public func file(artefacts: ModelArtefacts?) throws -> Data {
        try MPLUGOwl.configuration(of: self, artefacts: artefacts)
    }

    public func declare(at path: ParameterPath) -> any MultimodalLanguageModel { MPLUGOwl(self, at: path) }

    /// Its README's `top_k` 5 and `max_length` 512, which counts the begin token. The image path of its code squeezes images
    /// before CLIP's rule; that of the video package does not.
    public var description: ModelDescription {
        ModelDescription(
            chatTemplate: isVideo ? .mplugOwlVideo : .mplugOwl,
            recommendedSampling: RecommendedSampling(
                temperature: 1, topK: 5, maxNewTokens: 511, source: "mPLUG-Owl's README"),
            imageSize: visionEncoder.imageSize, publishedResize: isVideo ? .shortestSideCrop : .squashStored)
    }

    public var outline: ModelOutline {
        ModelOutline(
            parts: ["vision_model", "query_tokens", "abstractor", "language_model"],
            imageEncoder: .init(visionEncoder.clip, prefix: "vision_model", tokenCount: abstractor.queryCount + 1),
            decoder: .init(languageModel, body: ["language_model.model.layers", "language_model.model.norm"]))
    }

    public var fixedPlaceholder: Int? { MPLUGOwl.imagePlaceholderID }

    public mutating func adopt(vocabularySize: Int, placeholder: Int) { languageModel.vocabularySize = vocabularySize }

    public var publishedVision: PublishedPart? { visionEncoder.published(under: "vision_model") }

    public var publishedLanguage: PublishedPart? { .llama(languageModel, prefix: "language_model") }

    public func start(fromWhole weights: StateDict) -> StateDict {
        visionEncoder.start(fromWhole: weights, under: "vision_model")
    }
}
