public import Checkpoints
public import NN

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// How a part of a model starts from a published model of another kind: a CLIP for the encoder, a LLaMA for the decoder.
public struct PublishedPart: Sendable {
    /// What messages call the part.
    public var name: String
    /// The key of the part's shape in a recipe's `model:` block.
    public var key: String
    /// Name prefixes of the part's parameters: the published weights fill everything under them.
    public var prefixes: [String]
    /// Configuration files that may stand beside the published weights.
    public var configurationFiles: [String]
    /// What such a file says otherwise than this configuration, where no tensor's shape tells; one clause per difference.
    public var contradictions: @Sendable (_ file: Data) -> [String]
    /// The published weights in the names and layout of the model, prefixes included.
    public var weights: @Sendable (_ published: StateDict) throws(CheckpointError) -> StateDict

    /// A part of a family.
    public init(
        name: String, key: String, prefixes: [String], configurationFiles: [String],
        contradictions: @escaping @Sendable (_ file: Data) -> [String],
        weights: @escaping @Sendable (_ published: StateDict) throws(CheckpointError) -> StateDict
    ) {
        self.name = name
        self.key = key
        self.prefixes = prefixes
        self.configurationFiles = configurationFiles
        self.contradictions = contradictions
        self.weights = weights
    }
}

extension PublishedPart {
    /// A published CLIP for an encoder in CLIP's terms.
    ///
    /// - Parameter weights: the encoder's own names and layout, without the prefix.
    public static func clip(
        _ encoder: VisionTransformer.Config, prefix: String,
        weights: @escaping @Sendable (_ published: StateDict) throws(CheckpointError) -> StateDict
    ) -> PublishedPart {
        PublishedPart(
            name: prefix, key: "visionEncoder", prefixes: [prefix],
            configurationFiles: [ModelFolder.FileName.config, ModelFolder.FileName.openCLIPConfig],
            contradictions: { encoder.contradictions(inPublished: $0) },
            weights: { (published) throws(CheckpointError) in try weights(published).prefixed(with: prefix) })
    }

    /// A published LLaMA for a ``LLaMADecoder`` under a prefix.
    public static func llama(_ decoder: LLaMADecoder.Config, prefix: String) -> PublishedPart {
        llama(decoder, prefixes: [prefix]) {
            LLaMADecoder.stateDict(fromPublished: $0, for: decoder).prefixed(with: prefix)
        }
    }

    /// A published LLaMA for a decoder of that shape.
    ///
    /// - Parameter weights: the model's own names and layout.
    public static func llama(
        _ decoder: LLaMADecoder.Config, prefixes: [String],
        weights: @escaping @Sendable (_ published: StateDict) -> StateDict
    ) -> PublishedPart {
        PublishedPart(
            name: "the language model", key: "languageModel", prefixes: prefixes,
            configurationFiles: [ModelFolder.FileName.config],
            contradictions: { decoder.contradictions(inPublished: $0) }, weights: { weights($0) })
    }
}
