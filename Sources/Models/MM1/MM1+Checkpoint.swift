import NN
import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MM1 {
    /// What `config.json` holds: the configuration and the family's name.
    private struct ConfigurationFile: Codable {
        var modelType: String
        var architectures: [String]
        var visionEncoder: VisionTransformer.Config
        var connector: ConnectorConfig
        var languageModel: LLaMADecoder.Config
        var imagePlaceholder: Int
        /// See ``ModelRegistry/artefacts(ofConfiguration:)``; left out where nothing is known.
        var artefacts: ModelArtefacts?
    }

    /// The registry's entry.
    static var family: ModelFamily {
        ModelFamily(
            modelType: "mm1",
            sizes: namedConfigs.map { named in
                .init(
                    name: named.name, summary: named.summary, publishedDecoderCount: named.publishedDecoderCount,
                    configuration: { try configuration(of: named.config) })
            },
            make: { data, _, path in
                let config = try config(from: data)
                return (MM1(config, at: path), description(of: config))
            }, keys: keys, ownsForm: true)
    }

    /// A model of documents.
    static func description(of config: Config) -> ModelDescription {
        ModelDescription(imageSize: config.visionEncoder.imageSize)
    }

    /// The keys of its `config.json`.
    private static let keys = PublishedKeys(
        part: "model", read: ["model_type", "architectures", "image_placeholder", "artefacts"],
        objects: [
            "vision_encoder": PublishedKeys(
                part: "vision encoder",
                read: [
                    "image_size", "stem", "hidden_size", "intermediate_size", "layer_count", "head_count", "activation",
                    "norm_epsilon", "has_class_token", "has_pre_norm", "feature_layer", "projection_size",
                ]),
            "connector": PublishedKeys(part: "connector", read: ["average_pool", "attention_pool", "c_abstractor"]),
            "language_model": PublishedKeys(
                part: "language model",
                read: [
                    "vocabulary_size", "hidden_size", "intermediate_size", "layer_count", "head_count",
                    "key_value_head_count", "head_size", "context_length", "norm_epsilon", "rope_theta",
                    "rope_scaling_factor", "rope_bands", "rope_layout", "ties_embeddings", "biases",
                ]),
        ])

    /// The `config.json` of a configuration.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for a configuration alone.
    public static func configuration(of config: Config, artefacts: ModelArtefacts? = nil) throws -> Data {
        try ConfigurationJSON.encoder.encode(
            ConfigurationFile(
                modelType: "mm1", architectures: ["MM1"], visionEncoder: config.visionEncoder,
                connector: config.connector, languageModel: config.languageModel,
                imagePlaceholder: config.imagePlaceholder, artefacts: artefacts))
    }

    /// The configuration in a `config.json`.
    ///
    /// - Throws: ``ModelError`` naming the key that is missing or of another type.
    public static func config(from data: Data) throws -> Config {
        do {
            let file = try StrictJSON.decode(ConfigurationFile.self, from: [UInt8](data), keys: .snakeCase)
            let config = Config(
                visionEncoder: file.visionEncoder, connector: file.connector, languageModel: file.languageModel,
                imagePlaceholder: file.imagePlaceholder)
            try config.validate()
            return config
        } catch let error as StrictJSON.Malformed {
            throw ModelError(message: "this describes no MM1: \(error.reason)")
        }
    }
}
