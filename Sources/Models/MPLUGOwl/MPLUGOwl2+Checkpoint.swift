import Media
import NN
import Processors
import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension MPLUGOwl2 {
    /// The published `config.json`: LLaMA's keys at the top level, and the visual parts.
    private struct ConfigurationFile: Codable {
        struct VisualConfig: Codable {
            var visualModel: OwlVisionConfiguration?
            var visualAbstractor: OwlAbstractorConfiguration?
        }
        var modelType: String
        var architectures: [String]?
        var visualConfig: VisualConfig?
        /// Written where it is false; published files have no such key.
        var modalityAdaptive: Bool?
        var artefacts: ModelArtefacts?
    }

    /// The keys of its `config.json`: LLaMA's and its own, and what the published fine-tuning notes of itself.
    static let keys: PublishedKeys = {
        var keys = PublishedDecoderConfig.keys
        keys.read.formUnion(["artefacts", "modality_adaptive", "image_aspect_ratio"])
        keys.harmless.formUnion([
            "tune_visual_abstractor", "freeze_vision_model", "visual_abstractor_lr", "image_grid_pinpoints",
            "tokenizer_model_max_length", "tokenizer_padding_side",
        ])
        keys.objects["visual_config"] = PublishedKeys(
            part: "visual parts",
            objects: [
                "visual_model": OwlVisionConfiguration.keys, "visual_abstractor": OwlAbstractorConfiguration.keys,
            ])
        return keys
    }()

    /// Its evaluation scripts squeeze images; its command line and demo follow what a fine-tuning wrote here.
    static func remarks(_ configuration: Data) -> [String] {
        struct Holder: Decodable { let imageAspectRatio: String? }
        let holder = try? StrictJSON.decode(Holder.self, from: [UInt8](configuration), keys: .snakeCase)
        guard holder?.imageAspectRatio == "pad" else { return [] }
        return [
            "image_aspect_ratio is \"pad\", as the model was tuned; images are squashed as in its authors' evaluation "
                + "unless you give --image-mode padMean"
        ]
    }

    /// The `config.json` of a configuration.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for the configuration only.
    public static func configuration(of config: Config, artefacts: ModelArtefacts? = nil) throws -> Data {
        let file = ConfigurationFile(
            modelType: modelType, architectures: ["MPLUGOwl2LlamaForCausalLM"],
            visualConfig: .init(
                visualModel: OwlVisionConfiguration(config.visionEncoder),
                visualAbstractor: OwlAbstractorConfiguration(config.abstractor)),
            modalityAdaptive: config.isModalityAdaptive ? nil : false, artefacts: artefacts)
        return try ConfigurationJSON.encoder.encode(
            Both(first: file, second: PublishedDecoderConfig(config.languageModel)))
    }

    /// Two values as the keys of one JSON object.
    private struct Both<First: Encodable, Second: Encodable>: Encodable {
        let first: First
        let second: Second
        func encode(to encoder: any Encoder) throws {
            try first.encode(to: encoder)
            try second.encode(to: encoder)
        }
    }

    /// The configuration in a published `config.json`.
    ///
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors; empty for the configuration only.
    /// - Throws: ``ModelError`` naming the key that is missing, of another type or out of its range.
    public static func config(from data: Data, weightShapes: [String: [Int]] = [:]) throws -> Config {
        let file = try ConfigurationJSON.decode(ConfigurationFile.self, from: data, of: "mPLUG-Owl2")
        let text = try ConfigurationJSON.decode(PublishedDecoderConfig.self, from: data, of: "mPLUG-Owl2")
        let width = weightShapes[
            "model.visual_abstractor.encoder.layers.0.crossattention.output.mlp.w1.weight"]?.first
        var config = Config()
        let vision = file.visualConfig?.visualModel ?? OwlVisionConfiguration()
        config.visionEncoder = try vision.encoder(imageSize: 448)
        let abstractor = file.visualConfig?.visualAbstractor ?? OwlAbstractorConfiguration()
        config.abstractor = try abstractor.abstractor(intermediateSize: width)
        config.abstractor.positionGrid = abstractor.gridSize ?? 32
        config.storesPositions = weightShapes.keys.contains(where: VisualAbstractor.isPositionTable)
        config.languageModel = try text.decoder()
        config.isModalityAdaptive = file.modalityAdaptive ?? true
        try config.validate()
        return config
    }
}
