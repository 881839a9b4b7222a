import Checkpoints
import Media
public import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MPLUGOwl2 {
    static let modelType = "mplug_owl2"

    /// The registry's entry.
    public static let family: ModelFamily = {
        var family = ModelFamily(
            name: "mplug-owl2", modelType: modelType, configuration: Config.self,
            sizes: [.init("mplug-owl2-7b", summary: "the published mplug-owl2-llama2-7b", shape: Config())],
            chatTemplates: [.mplugOwl2, .mplugOwl2Evaluation, .vicunaV1], keys: keys)
        // Recomputed: rotary frequencies, and position tables that only re-saved checkpoints hold.
        family.isIgnored = { $0.hasSuffix("rotary_emb.inv_freq") || VisualAbstractor.isPositionTable($0) }
        family.isStoredTable = VisualAbstractor.isPositionTable
        family.remarks = remarks
        return family
    }()
}

extension MPLUGOwl2.Config: FamilyConfiguration {
    public static var family: ModelFamily { MPLUGOwl2.family }
    public static var keys: [String] { CodingKeys.allCases.map(\.rawValue) }

    public init(from data: Data, weightShapes: [String: [Int]]) throws {
        self = try MPLUGOwl2.config(from: data, weightShapes: weightShapes)
    }

    public func file(artefacts: ModelArtefacts?) throws -> Data {
        try MPLUGOwl2.configuration(of: self, artefacts: artefacts)
    }

    public func declare(at path: ParameterPath) -> any MultimodalLanguageModel { MPLUGOwl2(self, at: path) }

    /// Its README's temperature and length; the library it calls keeps the 50 likeliest tokens unless told otherwise. The
    /// resizing is that of its README and its evaluation scripts, which its authors call the best.
    public var description: ModelDescription {
        ModelDescription(
            chatTemplate: .mplugOwl2,
            recommendedSampling: RecommendedSampling(
                temperature: 0.7, topK: 50, maxNewTokens: 512, source: "mPLUG-Owl2's README"),
            imageSize: visionEncoder.imageSize, publishedResize: .squareFirst)
    }

    public var outline: ModelOutline {
        ModelOutline(
            parts: [
                "model.vision_model", "model.visual_abstractor", "model.embed_tokens", "model.layers", "model.norm",
                "lm_head",
            ],
            imageEncoder: .init(
                visionEncoder.clip, prefix: "model.vision_model", tokenCount: abstractor.queryCount + 1),
            decoder: .init(languageModel, body: ["model.layers", "model.norm"]))
    }

    public var fixedPlaceholder: Int? { MPLUGOwl2.imagePlaceholderID }

    public mutating func adopt(vocabularySize: Int, placeholder: Int) { languageModel.vocabularySize = vocabularySize }

    public var publishedVision: PublishedPart? { visionEncoder.published(under: "model.vision_model") }

    public var publishedLanguage: PublishedPart? {
        .llama(languageModel, prefixes: ["model.layers", "model.embed_tokens", "model.norm", "lm_head"]) { [self] in
            MPLUGOwl2.languageModel(fromLLaMA: $0, for: self)
        }
    }

    /// Both branches of a modality-adaptive decoder start as the one that a plain decoder has.
    public func start(fromWhole weights: StateDict) -> StateDict {
        MPLUGOwl2.branched(visionEncoder.start(fromWhole: weights, under: "model.vision_model"), for: self)
    }

    public var hasImageBranch: Bool { isModalityAdaptive }

    public func textBranch(of name: String) -> String? { MPLUGOwl2.textBranch(of: name) }
}
