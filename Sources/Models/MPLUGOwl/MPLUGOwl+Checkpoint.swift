import Media
import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MPLUGOwl {
    /// The published `config.json`.
    private struct ConfigurationFile: Codable {
        var modelType: String
        var architectures: [String]?
        var numQueryTokens: Int?
        var textConfig: PublishedDecoderConfig?
        var visionConfig: OwlVisionConfiguration?
        var visualAbstractorConfig: OwlAbstractorConfiguration?
        var artefacts: ModelArtefacts?
    }

    /// The keys of its `config.json`. The language model's keys also stand at the top where transformers mirrored them; the
    /// published code reads those of `text_config`.
    static let keys = PublishedKeys(
        part: "model", read: ["model_type", "num_query_tokens", "artefacts"],
        harmless: PublishedDecoderConfig.keys.read.union([
            "use_decoder_only_language_model", "initializer_factor", "initializer_range", "use_cache",
        ]),
        objects: [
            "text_config": PublishedDecoderConfig.keys, "vision_config": OwlVisionConfiguration.keys,
            "visual_abstractor_config": OwlAbstractorConfiguration.keys,
        ])

    /// The `config.json` of a configuration. Whether it is a video model, the weights say.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for the configuration only.
    public static func configuration(of config: Config, artefacts: ModelArtefacts? = nil) throws -> Data {
        var abstractor = OwlAbstractorConfiguration(config.abstractor)
        abstractor.numLearnableQueries = nil
        var text = PublishedDecoderConfig(config.languageModel)
        text.modelType = config.languageModelKind.rawValue
        return try ConfigurationJSON.encoder.encode(
            ConfigurationFile(
                modelType: modelType, architectures: ["MplugOwlForConditionalGeneration"],
                numQueryTokens: config.abstractor.queryCount, textConfig: text,
                visionConfig: OwlVisionConfiguration(config.visionEncoder), visualAbstractorConfig: abstractor,
                artefacts: artefacts))
    }

    /// The configuration in a published `config.json`.
    ///
    /// The abstractor's inner width is read from the weights where there are some: the published configuration misstates
    /// it. So is whether the model is one for video.
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors; empty for the configuration only.
    /// - Throws: ``ModelError`` naming the key that is missing, of another type or out of its range.
    public static func config(from data: Data, weightShapes: [String: [Int]] = [:]) throws -> Config {
        let file = try ConfigurationJSON.decode(ConfigurationFile.self, from: data, of: "mPLUG-Owl")
        let width = weightShapes["abstractor.encoder.layers.0.crossattention.output.mlp.w1.weight"]?.first
        var config = Config()
        var vision = file.visionConfig ?? OwlVisionConfiguration()
        // The published code takes quick GELU whatever the configuration says.
        vision.hiddenAct = nil
        config.visionEncoder = try vision.encoder(imageSize: 224)
        var abstractor = file.visualAbstractorConfig ?? OwlAbstractorConfiguration()
        abstractor.numLearnableQueries = file.numQueryTokens ?? 64
        config.abstractor = try abstractor.abstractor(intermediateSize: width)
        if let text = file.textConfig {
            config.languageModelKind = try text.kind()
            config.languageModel = try text.decoder()
        }
        config.isVideo = weightShapes["temporal_query_tokens"] != nil
        try config.validate()
        return config
    }
}
