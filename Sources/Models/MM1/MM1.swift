public import NN
public import Torch

// Shapes: N pictures, S image size, P visual tokens per picture, B rows, T positions, D width.

/// MM1 (McKinzie et al., 2024): a CLIP encoder, a connector, and a decoder that reads both kinds of token.
///
///     pixels -> visionEncoder -> patch features -> connector -> visual tokens -+
///     tokens -> embedding -> embeddings with placeholders ---------------------+-> decoder -> logits
///
/// Apple published neither code nor weights; what the paper leaves open follows the public implementations named in
/// each part, and `README.md` beside this file lists every such choice.
public struct MM1: MultimodalLanguageModel {
    public let config: Config
    public let visionEncoder: VisionTransformer
    public let connector: any Connector
    public let languageModel: LLaMADecoder

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        visionEncoder = VisionTransformer(config.visionEncoder, at: path / "vision_encoder")
        connector = config.connector.make(
            visionEncoder: config.visionEncoder, hiddenSize: config.languageModel.hiddenSize,
            at: path / "connector")
        languageModel = LLaMADecoder(config.languageModel, at: path / "language_model")
    }

    public var vocabularySize: Int { config.languageModel.vocabularySize }
    public var contextLength: Int { config.languageModel.contextLength }
    public var visualTokenCount: Int { config.connector.tokenCount }
    public var imagePlaceholder: Int { config.imagePlaceholder }

    public func visualTokens(_ pixelValues: Tensor) -> Tensor {
        connector(visionEncoder.patchFeatures(pixelValues))
    }

    public func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs) }

    public func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, cache: KVCache?
    ) -> Tensor {
        languageModel.hiddenStates(embeddings: embeddings, positionIDs: positionIDs, layout: layout, cache: cache)
    }

    public func logits(hiddenStates: Tensor) -> Tensor { languageModel.logits(hiddenStates: hiddenStates) }

    public func makeCache(batch: Int, capacity: Int) -> KVCache {
        languageModel.makeCache(batch: batch, capacity: capacity)
    }
}
