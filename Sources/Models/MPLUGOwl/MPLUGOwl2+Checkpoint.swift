import NN
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

    static let modelType = "mplug_owl2"

    /// The registry's entry.
    static var family: ModelFamily {
        ModelFamily(
            modelType: modelType,
            sizes: [
                .init(
                    name: "mplug-owl2-7b", summary: "the published mplug-owl2-llama2-7b", publishedDecoderCount: nil,
                    configuration: { try configuration(of: Config()) })
            ],
            make: { data, shapes, path in MPLUGOwl2(try config(from: data, weightShapes: shapes), at: path) },
            isIgnored: { name in
                // Recomputed: rotary frequencies, and position tables that only re-saved checkpoints hold.
                ["rotary_emb.inv_freq", "attention.q_pos_embed", "attention.k_pos_embed"].contains(
                    where: name.hasSuffix)
            })
    }

    /// The `config.json` of a configuration.
    ///
    /// - Parameter artefacts: fingerprints of the files that belong to the weights; nil for a configuration alone.
    public static func configuration(of config: Config, artefacts: ModelArtefacts? = nil) throws -> Data {
        let file = ConfigurationFile(
            modelType: modelType, architectures: ["MPLUGOwl2LlamaForCausalLM"],
            visualConfig: .init(
                visualModel: OwlVisionConfiguration(config.visionEncoder),
                visualAbstractor: OwlAbstractorConfiguration(config.abstractor)),
            modalityAdaptive: config.isModalityAdaptive ? nil : false, artefacts: artefacts)
        return try ConfigurationJSON.encoder.encode(
            Both(first: file, second: OwlTextConfiguration(config.languageModel)))
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
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors; empty for a configuration alone.
    /// - Throws: ``ModelError`` naming the key that is missing, of another type or out of its range.
    public static func config(from data: Data, weightShapes: [String: [Int]] = [:]) throws -> Config {
        do {
            let file = try StrictJSON.decode(ConfigurationFile.self, from: [UInt8](data), keys: .snakeCase)
            let text = try StrictJSON.decode(OwlTextConfiguration.self, from: [UInt8](data), keys: .snakeCase)
            let width = weightShapes[
                "model.visual_abstractor.encoder.layers.0.crossattention.output.mlp.w1.weight"]?.first
            var config = Config()
            let vision = file.visualConfig?.visualModel ?? OwlVisionConfiguration()
            config.visionEncoder = try vision.encoder(imageSize: 448)
            let abstractor = file.visualConfig?.visualAbstractor ?? OwlAbstractorConfiguration()
            config.abstractor = abstractor.abstractor(intermediateSize: width)
            config.abstractor.positionGrid = abstractor.gridSize ?? 32
            config.languageModel = try text.decoder()
            config.isModalityAdaptive = file.modalityAdaptive ?? true
            try config.validate()
            return config
        } catch let error as StrictJSON.Malformed {
            throw ModelError(message: "this describes no mPLUG-Owl2: \(error.reason)")
        }
    }
}
