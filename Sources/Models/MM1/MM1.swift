public import NN
public import Processors
public import Torch

// Shapes: N images, S image size, P tokens per image, B rows, T positions, D width.

/// MM1 (McKinzie et al., 2024): a CLIP encoder, a connector, and a decoder that reads both kinds of token.
///
///     pixels -> visionEncoder -> patch features -> connector -> image tokens --+
///     tokens -> embedding -> embeddings with placeholders ---------------------+-> decoder -> logits
///
/// Apple published neither code nor weights; what the paper leaves open follows the public implementations named in
/// each part, and `README.md` beside this file lists every such choice.
public struct MM1: MultimodalLanguageModel {
    public let config: Config
    public let visionEncoder: VisionTransformer
    public let connector: any Connector
    public let languageModel: LLaMADecoder
    /// Operations per image, per token and per scored token of a forward pass: two per weight used.
    private let operations: (image: Double, token: Double, score: Double)

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        visionEncoder = VisionTransformer(config.visionEncoder, at: path / "vision_encoder")
        connector = config.connector.make(
            visionEncoder: config.visionEncoder, hiddenSize: config.languageModel.hiddenSize,
            at: path / "connector")
        languageModel = LLaMADecoder(config.languageModel, at: path / "language_model")
        operations = Self.operations(of: config, at: path)
    }

    /// Counts the weights each image, token and score multiplies with.
    private static func operations(
        of config: Config, at path: ParameterPath
    ) -> (image: Double, token: Double, score: Double) {
        let patches = Double(config.visionEncoder.patchCount)
        let table = Double(config.languageModel.vocabularySize * config.languageModel.hiddenSize)
        let heads = config.languageModel.tiesEmbeddings ? 1.0 : 2.0
        let decoder = Double(path.elementCount(under: "language_model")) - heads * table
        let encoder = Double(path.elementCount(under: "vision_encoder"))
        // A connector works on the grid before pooling and on fewer tokens after it: the tokens give a lower bound.
        let connector = Double(path.elementCount(under: "connector")) * Double(config.connector.tokenCount)
        return (2 * (encoder * patches + connector), 2 * decoder, 2 * table)
    }

    public func forwardOperations(_ work: ForwardWork) -> Double {
        operations.image * Double(work.itemCount) + operations.token * Double(work.tokenCount)
            + operations.score * Double(work.scoredCount)
    }

    public var vocabularySize: Int { config.languageModel.vocabularySize }
    public var contextLength: Int { config.languageModel.contextLength }
    public var tokenContract: TokenContract {
        TokenContract(imagePlaceholder: config.imagePlaceholder, tokenCount: config.connector.tokenCount)
    }

    /// Images float32[N, 3, S, S] to [N * P, D].
    public func encode(_ values: Tensor, _ modality: Modality) -> Tensor {
        connector(visionEncoder.patchFeatures(values)).flatten(0, 1)
    }

    public func encodingStages(_ values: Tensor, _ modality: Modality) -> [(name: String, value: Tensor)] {
        let features = visionEncoder.patchFeatures(values)
        return [("vision_features", features), ("connector_output", connector(features))]
    }

    public func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs) }

    public func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        DecoderOutput(
            languageModel.hiddenStates(
                embeddings: embeddings, positionIDs: pass.positionIDs, layout: pass.layout, cache: pass.cache))
    }

    public func logits(hiddenStates: Tensor) -> Tensor { languageModel.logits(hiddenStates: hiddenStates) }

    public func makeCache(batch: Int, capacity: Int) -> KVCache {
        languageModel.makeCache(batch: batch, capacity: capacity)
    }

    public func cacheByteCount(batch: Int, capacity: Int) -> Int? {
        languageModel.cacheByteCount(batch: batch, capacity: capacity)
    }
}
