public import Media
public import NN
public import Processors
public import Torch

// Shapes: N images, Q queries, P = Q + 1 visual tokens, B rows, T positions, D width.

/// mPLUG-Owl2 (Ye et al., 2023): mPLUG-Owl's encoder and abstractor at 448 pixels, and a modality-adaptive LLaMA-2.
///
/// Of the decoder's norms, keys and values there are two, one for text and one for the rows that images fill
/// (``ModalityAdaptiveDecoder``). Parameter names are those of the published checkpoints.
public struct MPLUGOwl2: MultimodalLanguageModel {
    /// The id that stands where a visual token goes; no vocabulary item, as in the published processor.
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
    public var visualTokenCount: Int { config.abstractor.queryCount + 1 }
    public var imagePlaceholder: Int { Self.imagePlaceholderID }
    public var chatTemplate: ChatTemplate { .mplugOwl2 }
    public var imageSize: Int? { config.visionEncoder.imageSize }
    /// The mode of its README and its evaluation scripts, which its authors call the best.
    public var publishedResize: ImageProcessor.Resize? { .squareFirst }
    /// Its README's temperature and length; the library it calls keeps the 50 likeliest tokens unless told otherwise.
    public var recommendedSampling: RecommendedSampling {
        RecommendedSampling(temperature: 0.7, topK: 50, maxNewTokens: 512, source: "mPLUG-Owl2's README")
    }

    public func visualTokens(_ pixelValues: Tensor) -> Tensor {
        head(abstractor(queries: queries.tensor, features: visionEncoder.features(pixelValues)))
    }

    public func visualStages(_ pixelValues: Tensor) -> [(name: String, value: Tensor)] {
        let features = visionEncoder.features(pixelValues)
        return [
            ("vision_features", features),
            ("connector_output", head(abstractor(queries: queries.tensor, features: features))),
        ]
    }

    /// int64[B, T] to [B, T, D]; placeholders get the row of token 0, to be replaced.
    public func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs.placeholdersAsZero) }

    public func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, visualPositions: Tensor?, cache: KVCache?
    ) -> Tensor {
        languageModel.hiddenStates(
            embeddings: embeddings, positionIDs: positionIDs, layout: layout, visualPositions: visualPositions,
            cache: cache)
    }

    public func logits(hiddenStates: Tensor) -> Tensor { languageModel.logits(hiddenStates: hiddenStates) }

    public func forwardOperations(tokenCount: Int, scoredCount: Int, imageCount: Int) -> Double {
        operations(tokenCount: tokenCount, scoredCount: scoredCount, imageCount: imageCount)
    }

    public func makeCache(batch: Int, capacity: Int) -> KVCache {
        languageModel.makeCache(batch: batch, capacity: capacity)
    }

    public func cacheByteCount(batch: Int, capacity: Int) -> Int? {
        languageModel.cacheByteCount(batch: batch, capacity: capacity)
    }
}
