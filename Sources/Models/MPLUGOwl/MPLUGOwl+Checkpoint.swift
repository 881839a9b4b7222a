import Media
import NN
import Processors
import Settings

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

    static let modelType = "mplug-owl"

    /// The registry's entry.
    static var family: ModelFamily {
        ModelFamily(
            modelType: modelType,
            sizes: [
                .init(
                    name: "mplug-owl-7b", summary: "the published mplug-owl-llama-7b", publishedDecoderCount: nil,
                    configuration: { try configuration(of: Config()) }),
                .init(
                    name: "mplug-owl-7b-video", summary: "the published mplug-owl-llama-7b-video",
                    publishedDecoderCount: nil, configuration: { try configuration(of: Config()) },
                    weightShapes: ["temporal_query_tokens": [1, 64, 1024]]),
            ],
            make: { data, shapes, path in
                let config = try config(from: data, weightShapes: shapes)
                return (MPLUGOwl(config, at: path), description(of: config))
            },
            isIgnored: { $0.hasSuffix("rotary_emb.inv_freq") }, keys: keys)
    }

    /// The image path of its code squeezes images before CLIP's rule; that of the video package does not. Its README samples
    /// with `top_k` 5 and `max_length` 512, which counts the begin token.
    static func description(of config: Config) -> ModelDescription {
        ModelDescription(
            chatTemplate: config.isVideo ? .mplugOwlVideo : .mplugOwl,
            recommendedSampling: RecommendedSampling(
                temperature: 1, topK: 5, maxNewTokens: 511, source: "mPLUG-Owl's README"),
            imageSize: config.visionEncoder.imageSize,
            publishedResize: config.isVideo ? .shortestSideCrop : .squashStored)
    }

    /// The keys of its `config.json`. The language model's keys also stand at the top where transformers mirrored them; the
    /// published code reads those of `text_config`.
    private static let keys = PublishedKeys(
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
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for a configuration alone.
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
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors; empty for a configuration alone.
    /// - Throws: ``ModelError`` naming the key that is missing, of another type or out of its range.
    public static func config(from data: Data, weightShapes: [String: [Int]] = [:]) throws -> Config {
        do {
            let file = try StrictJSON.decode(ConfigurationFile.self, from: [UInt8](data), keys: .snakeCase)
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
        } catch let error as StrictJSON.Malformed {
            throw ModelError(message: "this describes no mPLUG-Owl: \(error.reason)")
        }
    }
}
