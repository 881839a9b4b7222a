import NN

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

    /// The keys of its `config.json`.
    static let keys = PublishedKeys(
        part: "model", read: ["model_type", "architectures", "image_placeholder", "artefacts"],
        objects: [
            "vision_encoder": .visionTransformer, "connector": .connector, "language_model": .llamaDecoder,
        ])

    /// The `config.json` of a configuration.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for the configuration only.
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
        let file = try ConfigurationJSON.decode(ConfigurationFile.self, from: data, of: "MM1")
        let config = Config(
            visionEncoder: file.visionEncoder, connector: file.connector, languageModel: file.languageModel,
            imagePlaceholder: file.imagePlaceholder)
        try config.validate()
        return config
    }
}
