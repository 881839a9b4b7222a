import Foundation
import NN
public import Settings
public import SyrinxModels

/// The model of a recipe: a family, and the shape of its parts. In YAML `family` stands beside the parts; without it the
/// model is an MM1.
public enum ModelShape: Hashable, Sendable {
    case mm1(MM1.Config)
    case mplugOwl(MPLUGOwl.Config)
    case mplugOwl2(MPLUGOwl2.Config)

    /// The names of the families.
    public enum Family: String, NamedChoice, Sendable {
        case mm1
        case mplugOwl = "mplug-owl"
        case mplugOwl2 = "mplug-owl2"
    }

    public var family: Family {
        switch self {
        case .mm1: .mm1
        case .mplugOwl: .mplugOwl
        case .mplugOwl2: .mplugOwl2
        }
    }

    /// The decoder's shape.
    public var languageModel: LLaMADecoder.Config {
        get {
            switch self {
            case .mm1(let config): config.languageModel
            case .mplugOwl(let config): config.languageModel
            case .mplugOwl2(let config): config.languageModel
            }
        }
        set {
            switch self {
            case .mm1(var config):
                config.languageModel = newValue
                self = .mm1(config)
            case .mplugOwl(var config):
                config.languageModel = newValue
                self = .mplugOwl(config)
            case .mplugOwl2(var config):
                config.languageModel = newValue
                self = .mplugOwl2(config)
            }
        }
    }

    /// The vision encoder's shape in CLIP's terms.
    public var visionEncoder: VisionTransformer.Config {
        switch self {
        case .mm1(let config): config.visionEncoder
        case .mplugOwl(let config): config.visionEncoder.clip
        case .mplugOwl2(let config): config.visionEncoder.clip
        }
    }

    /// Whether the decoder has norms, keys and values of its own for images.
    public var hasImageBranch: Bool {
        if case .mplugOwl2(let config) = self { config.isModalityAdaptive } else { false }
    }

    /// Positions an image takes.
    public var visualTokenCount: Int {
        switch self {
        case .mm1(let config): config.connector.tokenCount
        case .mplugOwl(let config): config.abstractor.queryCount + 1
        case .mplugOwl2(let config): config.abstractor.queryCount + 1
        }
    }

    /// The id at an image's positions; nil where it is a piece of the vocabulary.
    public var fixedPlaceholder: Int? {
        switch self {
        case .mm1: nil
        case .mplugOwl: MPLUGOwl.imagePlaceholderID
        case .mplugOwl2: MPLUGOwl2.imagePlaceholderID
        }
    }

    /// The shape with a vocabulary of this size, and a placeholder where the family takes it from the vocabulary.
    func with(vocabularySize: Int, imagePlaceholder: Int) -> ModelShape {
        var shape = self
        shape.languageModel.vocabularySize = vocabularySize
        guard case .mm1(var config) = shape else { return shape }
        config.imagePlaceholder = imagePlaceholder
        return .mm1(config)
    }

    /// Declares the model; nothing is allocated.
    func model(at path: ParameterPath) -> any MultimodalLanguageModel {
        switch self {
        case .mm1(let config): MM1(config, at: path)
        case .mplugOwl(let config): MPLUGOwl(config, at: path)
        case .mplugOwl2(let config): MPLUGOwl2(config, at: path)
        }
    }

    /// - Throws: `ModelError` for the first value out of its range.
    func validate() throws {
        switch self {
        case .mm1(let config): try config.validate()
        case .mplugOwl(let config): try config.validate()
        case .mplugOwl2(let config): try config.validate()
        }
    }

    /// The `config.json` of the shape.
    func configuration(artefacts: ModelArtefacts) throws -> Data {
        switch self {
        case .mm1(let config): try MM1.configuration(of: config, artefacts: artefacts)
        case .mplugOwl(let config): try MPLUGOwl.configuration(of: config, artefacts: artefacts)
        case .mplugOwl2(let config): try MPLUGOwl2.configuration(of: config, artefacts: artefacts)
        }
    }

    /// Name prefixes of the parts that audits and reports tell apart; the longest matching one counts.
    var parts: [String] {
        switch self {
        case .mm1: ["vision_encoder", "connector", "language_model"]
        case .mplugOwl: ["vision_model", "query_tokens", "abstractor", "language_model"]
        case .mplugOwl2:
            [
                "model.vision_model", "model.visual_abstractor", "model.embed_tokens", "model.layers", "model.norm",
                "lm_head",
            ]
        }
    }

    /// Prefixes of the decoder's parameters without embedding and head: the N of the learning-rate law.
    var decoderBody: [String] {
        switch self {
        case .mm1, .mplugOwl: ["language_model.model.layers", "language_model.model.norm"]
        case .mplugOwl2: ["model.layers", "model.norm"]
        }
    }
}

extension ModelShape: Codable {
    private enum Key: String, CodingKey, CaseIterable {
        case family, visionEncoder, connector, abstractor, languageModel, imagePlaceholder, isModalityAdaptive
    }

    private static func keys(of family: Family) -> [Key] {
        switch family {
        case .mm1: [.family, .visionEncoder, .connector, .languageModel, .imagePlaceholder]
        case .mplugOwl: [.family, .visionEncoder, .abstractor, .languageModel]
        case .mplugOwl2: [.family, .visionEncoder, .abstractor, .languageModel, .isModalityAdaptive]
        }
    }

    public init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: Key.self)
        let family = try keys.decodeIfPresent(Family.self, forKey: .family) ?? .mm1
        let known = Self.keys(of: family)
        if let stranger = keys.allKeys.first(where: { !known.contains($0) }) {
            throw DecodingError.dataCorruptedError(
                forKey: stranger, in: keys,
                debugDescription: "a model of the family \(family.rawValue) has no \(stranger.rawValue); its keys are "
                    + known.map(\.rawValue).joined(separator: ", "))
        }
        switch family {
        case .mm1:
            self = .mm1(
                MM1.Config(
                    visionEncoder: try keys.decode(VisionTransformer.Config.self, forKey: .visionEncoder),
                    connector: try keys.decode(ConnectorConfig.self, forKey: .connector),
                    languageModel: try keys.decode(LLaMADecoder.Config.self, forKey: .languageModel),
                    imagePlaceholder: try keys.decode(Int.self, forKey: .imagePlaceholder)))
        case .mplugOwl:
            var config = MPLUGOwl.Config()
            config.visionEncoder = try keys.decode(OwlVisionTransformer.Config.self, forKey: .visionEncoder)
            config.abstractor = try keys.decode(VisualAbstractor.Config.self, forKey: .abstractor)
            config.languageModel = try keys.decode(LLaMADecoder.Config.self, forKey: .languageModel)
            self = .mplugOwl(config)
        case .mplugOwl2:
            var config = MPLUGOwl2.Config()
            config.visionEncoder = try keys.decode(OwlVisionTransformer.Config.self, forKey: .visionEncoder)
            config.abstractor = try keys.decode(VisualAbstractor.Config.self, forKey: .abstractor)
            config.languageModel = try keys.decode(LLaMADecoder.Config.self, forKey: .languageModel)
            config.isModalityAdaptive = try keys.decode(Bool.self, forKey: .isModalityAdaptive)
            self = .mplugOwl2(config)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: Key.self)
        try keys.encode(family, forKey: .family)
        switch self {
        case .mm1(let config):
            try keys.encode(config.visionEncoder, forKey: .visionEncoder)
            try keys.encode(config.connector, forKey: .connector)
            try keys.encode(config.languageModel, forKey: .languageModel)
            try keys.encode(config.imagePlaceholder, forKey: .imagePlaceholder)
        case .mplugOwl(let config):
            try keys.encode(config.visionEncoder, forKey: .visionEncoder)
            try keys.encode(config.abstractor, forKey: .abstractor)
            try keys.encode(config.languageModel, forKey: .languageModel)
        case .mplugOwl2(let config):
            try keys.encode(config.visionEncoder, forKey: .visionEncoder)
            try keys.encode(config.abstractor, forKey: .abstractor)
            try keys.encode(config.languageModel, forKey: .languageModel)
            try keys.encode(config.isModalityAdaptive, forKey: .isModalityAdaptive)
        }
    }
}
