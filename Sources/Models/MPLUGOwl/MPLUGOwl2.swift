public import NN
public import Processors
public import Torch

// Shapes: N images, Q queries, P = Q + 1 tokens of each, B rows, T positions, D width.

/// mPLUG-Owl2 (Ye et al., 2023): mPLUG-Owl's encoder and abstractor at 448 pixels, and a modality-adaptive LLaMA-2.
///
/// Of the decoder's norms, keys and values there are two, one for text and one for the rows that images fill
/// (``ModalityAdaptiveDecoder``). Parameter names are those of the published checkpoints.
public struct MPLUGOwl2: MultimodalLanguageModel {
    /// The id that stands where a medium's token goes; no vocabulary item, as in the published processor.
    public static let imagePlaceholderID = -200

    public let config: Config
    public let visionEncoder: OwlVisionTransformer
    public let abstractor: VisualAbstractor
    public let languageModel: ModalityAdaptiveDecoder
    private let queries: Parameter
    private let head: VisualHead
    private let operations: ForwardOperations

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        let model = path / "model", place = path / "model" / "visual_abstractor"
        languageModel = ModalityAdaptiveDecoder(
            config.languageModel, branchCount: config.isModalityAdaptive ? 2 : 1, model: model, head: path / "lm_head")
        let decoderElements = path.elementCount(under: "model") + path.elementCount(under: "lm_head")
        visionEncoder = OwlVisionTransformer(config.visionEncoder, at: model / "vision_model")
        queries = place.parameter(
            "query_embeds", shape: [1, config.abstractor.queryCount, config.abstractor.hiddenSize],
            initializer: .normal(1))
        abstractor = VisualAbstractor(config.abstractor, storesPositions: config.storesPositions, at: place)
        head = VisualHead(config.abstractor.hiddenSize, config.languageModel.hiddenSize, at: place)
        operations = ForwardOperations(
            imageElements: model.elementCount(under: "vision_model"), imageTokens: config.visionEncoder.tokenCount,
            connectorElements: model.elementCount(under: "visual_abstractor"),
            connectorTokens: config.abstractor.queryCount, decoderElements: decoderElements,
            decoder: config.languageModel)
    }

    public var vocabularySize: Int { config.languageModel.vocabularySize }
    public var contextLength: Int { config.languageModel.contextLength }
    public var tokenContract: TokenContract {
        TokenContract(imagePlaceholder: Self.imagePlaceholderID, tokenCount: config.abstractor.queryCount + 1)
    }

    /// Images float32[N, 3, S, S] to [N * P, D].
    public func encode(_ values: Tensor, _ modality: Modality) -> Tensor {
        imageTokens(visionEncoder.features(values)).flatten(0, 1)
    }

    public func encodingStages(_ values: Tensor, _ modality: Modality) -> [(name: String, value: Tensor)] {
        let features = visionEncoder.features(values)
        return [("vision_features", features), ("connector_output", imageTokens(features))]
    }

    /// Features [N, 1 + L, W] to [N, P, D].
    private func imageTokens(_ features: Tensor) -> Tensor {
        head(abstractor(queries: queries.tensor, features: features))
    }

    /// int64[B, T] to [B, T, D]; placeholders get the row of token 0, to be replaced.
    public func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs.placeholdersAsZero) }

    public func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        DecoderOutput(
            languageModel.hiddenStates(
                embeddings: embeddings, positionIDs: pass.positionIDs, layout: pass.layout,
                visualPositions: pass.mediaPositions,
                cache: pass.cache))
    }

    public func logits(hiddenStates: Tensor) -> Tensor { languageModel.logits(hiddenStates: hiddenStates) }

    public func forwardOperations(_ work: ForwardWork) -> Double { operations(work) }

    public func makeCache(batch: Int, capacity: Int) -> KVCache {
        languageModel.makeCache(batch: batch, capacity: capacity)
    }

    public func cacheByteCount(batch: Int, capacity: Int) -> Int? {
        languageModel.cacheByteCount(batch: batch, capacity: capacity)
    }
}
