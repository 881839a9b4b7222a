public import NN
public import Processors
public import Torch

// Shapes: N images or clips, F frames, S image size, Q queries, P = Q + 1 tokens of each, B rows, T positions, D width.

/// mPLUG-Owl (Ye et al., 2023): CLIP's ViT-L/14, a visual abstractor, and a language model, LLaMA in what was published first.
///
///     pixels -> visionEncoder -> features -> abstractor -> visual_fc -> + vit_eos -> image tokens --+
///     tokens -> embedding -> embeddings with placeholders ------------------------------------------+-> decoder -> logits
///
/// With ``Config/isVideo`` it is mPLUG-Owl video: temporal modules in the encoder, queries of their own for time. Parameter
/// names are those of the published checkpoints.
public struct MPLUGOwl: MultimodalLanguageModel {
    /// The id that stands where a medium's token goes; no vocabulary item, as in the published processor.
    public static let imagePlaceholderID = -1

    public let config: Config
    public let visionEncoder: OwlVisionTransformer
    public let abstractor: VisualAbstractor
    public let languageModel: any TextDecoder
    private let queries: Parameter
    private let temporalQueries: Parameter?
    private let head: VisualHead
    private let temporalProjection: Linear?
    private let operations: ForwardOperations

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        let shape = [1, config.abstractor.queryCount, config.abstractor.hiddenSize]
        queries = path.parameter("query_tokens", shape: shape, initializer: .normal(0.02))
        temporalQueries =
            config.isVideo ? path.parameter("temporal_query_tokens", shape: shape, initializer: .normal(0.02)) : nil
        visionEncoder = OwlVisionTransformer(config.visionEncoder, at: path / "vision_model")
        abstractor = VisualAbstractor(config.abstractor, at: path / "abstractor")
        head = VisualHead(config.abstractor.hiddenSize, config.languageModel.hiddenSize, at: path / "abstractor")
        temporalProjection =
            config.isVideo
            ? Linear(
                config.abstractor.hiddenSize, config.languageModel.hiddenSize, bias: true,
                at: path / "abstractor" / "temporal_visual_fc", initializer: .normal(0.02)) : nil
        languageModel = config.languageModelKind.make(config.languageModel, at: path / "language_model")
        operations = ForwardOperations(
            imageElements: path.elementCount(under: "vision_model"), imageTokens: config.visionEncoder.tokenCount,
            connectorElements: path.elementCount(under: "abstractor"), connectorTokens: config.abstractor.queryCount,
            decoderElements: path.elementCount(under: "language_model"), decoder: config.languageModel)
    }

    public var vocabularySize: Int { languageModel.vocabularySize }
    public var contextLength: Int { languageModel.contextLength }
    /// Images and, of the video model, clips take equally many positions.
    public var tokenContract: TokenContract {
        let read: [Modality] = config.isVideo ? [.image, .video] : [.image]
        return TokenContract(
            placeholders: Dictionary(uniqueKeysWithValues: read.map { ($0, Self.imagePlaceholderID) }),
            tokenCounts: Dictionary(uniqueKeysWithValues: read.map { ($0, config.abstractor.queryCount + 1) }))
    }

    /// Images float32[N, 3, S, S] or clips float32[N, 3, F, S, S] to [N * P, D].
    public func encode(_ values: Tensor, _ modality: Modality) -> Tensor {
        (modality == .video ? clipTokens(values) : imageTokens(visionEncoder.features(values))).flatten(0, 1)
    }

    public func encodingStages(_ values: Tensor, _ modality: Modality) -> [(name: String, value: Tensor)] {
        if modality == .video { return [("connector_output", clipTokens(values))] }
        let features = visionEncoder.features(values)
        return [("vision_features", features), ("connector_output", imageTokens(features))]
    }

    /// Features [N, 1 + L, W] to [N, P, D].
    private func imageTokens(_ features: Tensor) -> Tensor {
        head(abstractor(queries: queries.tensor, features: features))
    }

    /// Clips float32[N, 3, F, S, S] to [N, P, D].
    private func clipTokens(_ values: Tensor) -> Tensor {
        guard let temporalQueries, let temporalProjection else {
            preconditionFailure("only mPLUG-Owl video reads clips; give other models images")
        }
        // One frame has no time: to the published modules it is an image.
        if values.size(2) == 1 { return imageTokens(visionEncoder.features(values.select(dim: 2, index: 0))) }
        let features = visionEncoder.clipFeatures(values)  // [N, F, 1 + L, W]
        let both = Tensor.cat([queries.tensor, temporalQueries.tensor], dim: 1)
        let states = abstractor(queries: both, features: features.flatten(1, 2))  // [N, 2 Q, W]
        let count = config.abstractor.queryCount
        let still = states.narrow(dim: 1, start: 0, length: count)
        let moving = temporalProjection(states.narrow(dim: 1, start: count, length: count))
        return head(still, adding: moving)
    }

    /// int64[B, T] to [B, T, D]; placeholders get the row of token 0, to be replaced.
    public func embed(tokenIDs: Tensor) -> Tensor { languageModel.embed(tokenIDs.placeholdersAsZero) }

    public func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        DecoderOutput(
            languageModel.hiddenStates(
                embeddings: embeddings, positionIDs: pass.positionIDs, layout: pass.layout, cache: pass.cache))
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

/// What turns the abstractor's output into tokens: a projection, and one learned row after every image.
struct VisualHead: Sendable {
    private let projection: Linear
    private let end: Parameter

    /// Declares `visual_fc` and `vit_eos`.
    init(_ width: Int, _ outputWidth: Int, at path: ParameterPath) {
        projection = Linear(width, outputWidth, bias: true, at: path / "visual_fc", initializer: .normal(0.02))
        end = path.parameter("vit_eos", shape: [1, 1, outputWidth], initializer: .normal(0.02))
    }

    /// [N, Q, W] to [N, Q + 1, D].
    func callAsFunction(_ states: Tensor, adding more: Tensor? = nil) -> Tensor {
        let projected = projection(states)
        let rows = more.map { projected + $0 } ?? projected
        return Tensor.cat([rows, end.tensor.expand([rows.size(0), 1, rows.size(2)])], dim: 1)
    }
}

extension Tensor {
    /// Ids int64 with 0 for the negative ones, which are placeholders and no rows of a table.
    var placeholdersAsZero: Tensor { maximum(Tensor.zeros([1], dtype: .int64, device: device)) }
}

/// Floating-point operations of a forward pass, two per weight used, without attention scores.
struct ForwardOperations: Sendable {
    private let image, token, score: Double

    init(
        imageElements: Int, imageTokens: Int, connectorElements: Int, connectorTokens: Int, decoderElements: Int,
        decoder: LLaMADecoder.Config
    ) {
        image = 2 * (Double(imageElements) * Double(imageTokens) + Double(connectorElements) * Double(connectorTokens))
        score = 2 * Double(decoder.vocabularySize * decoder.hiddenSize)
        token = 2 * Double(decoderElements) - (decoder.tiesEmbeddings ? 1 : 2) * score
    }

    func callAsFunction(_ work: ForwardWork) -> Double {
        image * Double(work.itemCount) + token * Double(work.tokenCount) + score * Double(work.scoredCount)
    }
}
