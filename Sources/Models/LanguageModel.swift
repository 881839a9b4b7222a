public import Media
public import NN
public import Processors
public import Torch

// Shapes: B rows, T positions, D width, V vocabulary, N images, P visual tokens per image.

/// A language model that reads images spliced into its text: what training, generation and evaluation see.
public protocol MultimodalLanguageModel: Sendable {
    /// Token IDs lie in `0 ..< vocabularySize`.
    var vocabularySize: Int { get }
    /// The most positions one sequence may have.
    var contextLength: Int { get }
    /// Visual tokens each image becomes.
    var visualTokenCount: Int { get }
    /// The token that stands where a visual token goes.
    var imagePlaceholder: Int { get }
    /// How its conversations are written, unless its folder says otherwise.
    var chatTemplate: ChatTemplate { get }
    /// How its authors sample answers.
    var recommendedSampling: RecommendedSampling { get }
    /// Side of the square images it reads, in pixels; nil where any size will do.
    var imageSize: Int? { get }
    /// How images become square where a published `preprocessor_config.json` leaves it to the system's code; nil for
    /// families of which only Syrinx's own form exists.
    var publishedResize: ImageProcessor.Resize? { get }

    /// Images float32[N, 3, H, W] to visual tokens [N, P, D] in the language model's width.
    func visualTokens(_ pixelValues: Tensor) -> Tensor

    /// Whether it reads clips as such; other models are shown a clip's frames as images.
    var readsClips: Bool { get }

    /// Clips float32[N, 3, F, H, W] to visual tokens [N, P, D]: as many as one image has.
    ///
    /// - Precondition: `readsClips`.
    func videoTokens(_ pixelValues: Tensor) -> Tensor

    /// What images float32[N, 3, H, W] become on their way, by name and in order; the last are the visual tokens
    /// [N, P, D], under `connector_output`.
    func visualStages(_ pixelValues: Tensor) -> [(name: String, value: Tensor)]

    /// Token IDs int64[B, T] to embeddings [B, T, D], before any image is spliced in.
    func embed(tokenIDs: Tensor) -> Tensor

    /// The decoder's normalised output [B, T, D] for embeddings [B, T, D].
    ///
    /// - Parameters:
    ///   - positionIDs: int64[B, T].
    ///   - layout: the packed examples; nil for one causal sequence a row.
    ///   - visualPositions: int64[K], the flat positions in B * T that images fill, for models that treat them
    ///     otherwise than text; nil for text alone.
    ///   - cache: earlier keys and values, to which this pass's are added; excludes `layout`.
    func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, visualPositions: Tensor?, cache: KVCache?
    ) -> Tensor

    /// Scores of the next token [..., V] for hidden states [..., D].
    func logits(hiddenStates: Tensor) -> Tensor

    /// Floating-point operations of one forward pass that the model needs by definition, without attention scores.
    ///
    /// - Parameters:
    ///   - tokenCount: positions the decoder reads.
    ///   - scoredCount: positions whose next token is scored.
    ///   - imageCount: images encoded.
    func forwardOperations(tokenCount: Int, scoredCount: Int, imageCount: Int) -> Double

    /// A cache for `batch` rows of at most `capacity` tokens.
    func makeCache(batch: Int, capacity: Int) -> KVCache

    /// Bytes such a cache takes, to be asked before it is made; nil where the model does not tell.
    func cacheByteCount(batch: Int, capacity: Int) -> Int?
}

extension MultimodalLanguageModel {
    public var chatTemplate: ChatTemplate { .document }
    public var recommendedSampling: RecommendedSampling { RecommendedSampling() }
    public var imageSize: Int? { nil }
    public var readsClips: Bool { false }

    public func videoTokens(_ pixelValues: Tensor) -> Tensor {
        preconditionFailure("this model reads no clips; give it their frames as images")
    }

    public var publishedResize: ImageProcessor.Resize? { nil }
    public func cacheByteCount(batch: Int, capacity: Int) -> Int? { nil }

    public func visualStages(_ pixelValues: Tensor) -> [(name: String, value: Tensor)] {
        [("connector_output", visualTokens(pixelValues))]
    }

    /// Embeddings [B, T, D] of an input, with its images' visual tokens in place of the placeholders.
    public func embed(_ input: ModelInput) -> Tensor {
        embed(input, visualTokens: input.pixelValues.map(visualTokens))
    }

    /// Embeddings [B, T, D] with visual tokens [N, P, D] computed before.
    ///
    /// - Precondition: there are as many placeholder positions as visual tokens.
    public func embed(_ input: ModelInput, visualTokens: Tensor?) -> Tensor {
        let embedded = embed(tokenIDs: input.tokenIDs)
        let positionCount = input.visualPositions?.elementCount ?? 0
        let tokenCount = visualTokens.map { $0.size(0) * $0.size(1) } ?? 0
        guard
            Torch.check(
                positionCount == tokenCount,
                "\(positionCount) image placeholders for \(tokenCount) visual tokens: going on would put images "
                    + "in the wrong places")
        else { return embedded }
        guard let visualTokens, let positions = input.visualPositions else { return embedded }
        let shape = embedded.shape
        return embedded.reshape([shape[0] * shape[1], shape[2]])
            .indexCopy(
                dim: 0, index: positions,
                source: visualTokens.reshape([tokenCount, shape[2]]).to(embedded.dtype)
            )
            .reshape(shape)
    }

    /// Scores [B, T, V] of the token after every position; parameters as for `hiddenStates`.
    public func logits(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout? = nil, visualPositions: Tensor? = nil,
        cache: KVCache? = nil
    ) -> Tensor {
        logits(
            hiddenStates: hiddenStates(
                embeddings: embeddings, positionIDs: positionIDs, layout: layout, visualPositions: visualPositions,
                cache: cache))
    }
}

/// A part that turns a grid of patch features into a fixed number of tokens of the language model's width.
public protocol Connector: Sendable {
    /// Tokens each image becomes.
    var tokenCount: Int { get }
    /// Patch features [N, h * w, visionWidth], row-major and without class token, to [N, tokenCount, D].
    func callAsFunction(_ features: Tensor) -> Tensor
}
