public import NN
public import Processors
public import Torch

// Shapes: B rows, T positions, D width, V vocabulary.

/// A model that can be trained. Its parameters belong to the `ParameterStore` that it was declared in.
public protocol TrainableModel: Sendable {
    /// Floating-point operations of one forward pass that the model needs by definition, without attention scores.
    func forwardOperations(_ work: ForwardWork) -> Double
}

/// What one forward pass has to do, in the numbers from which its operations follow.
public struct ForwardWork: Sendable {
    /// Positions that the decoder reads.
    public var tokenCount: Int
    /// Positions whose next token is scored.
    public var scoredCount: Int
    /// Items that are encoded, by modality.
    public var itemCounts: [Modality: Int]

    public init(tokenCount: Int, scoredCount: Int, itemCounts: [Modality: Int] = [:]) {
        self.tokenCount = tokenCount
        self.scoredCount = scoredCount
        self.itemCounts = itemCounts
    }

    /// Items of all modalities.
    public var itemCount: Int { itemCounts.values.reduce(0, +) }
}

/// A model that says which token comes next.
public protocol LanguageModel: TrainableModel {
    /// Token IDs lie in `0 ..< vocabularySize`.
    var vocabularySize: Int { get }
    /// The most positions one sequence may have.
    var contextLength: Int { get }

    /// Token IDs int64[B, T] to embeddings [B, T, D], before any medium is spliced in.
    func embed(tokenIDs: Tensor) -> Tensor

    /// The decoder's normalised output for embeddings [B, T, D].
    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput

    /// Scores of the next token [..., V] for hidden states [..., D].
    func logits(hiddenStates: Tensor) -> Tensor

    /// A cache for `batch` rows of at most `capacity` tokens.
    func makeCache(batch: Int, capacity: Int) -> KVCache

    /// Bytes such a cache takes, to be asked before it is made; nil where the model does not tell.
    func cacheByteCount(batch: Int, capacity: Int) -> Int?

    /// The weights that the auxiliary losses of a pass over `input` will have, by name, told before the pass: the trainer
    /// divides by their sum over all micro-batches of a step, and gradients do not wait for it.
    func auxiliaryWeights(_ input: ModelInput) -> [String: Double]
}

/// What a decoder must know of a pass besides the embeddings.
public struct DecoderPass {
    /// int64[B, T].
    public var positionIDs: Tensor
    /// The packed examples; nil for one causal sequence a row.
    public var layout: SegmentLayout?
    /// int64[K], the flat positions in B * T that media fill, for models that treat them otherwise than text; nil for text
    /// alone.
    public var mediaPositions: Tensor?
    /// Earlier keys and values, to which this pass's are added; excludes `layout`.
    public var cache: KVCache?

    public init(
        positionIDs: Tensor, layout: SegmentLayout? = nil, mediaPositions: Tensor? = nil, cache: KVCache? = nil
    ) {
        self.positionIDs = positionIDs
        self.layout = layout
        self.mediaPositions = mediaPositions
        self.cache = cache
    }
}

/// What a decoder's pass gives.
public struct DecoderOutput {
    /// The normalised output of the last layer [B, T, D].
    public var hiddenStates: Tensor
    /// Losses that the decoder itself adds in training, such as the balance of experts.
    public var auxiliaryLosses: [AuxiliaryLoss]

    public init(_ hiddenStates: Tensor, auxiliaryLosses: [AuxiliaryLoss] = []) {
        self.hiddenStates = hiddenStates
        self.auxiliaryLosses = auxiliaryLosses
    }
}

extension LanguageModel {
    public func cacheByteCount(batch: Int, capacity: Int) -> Int? { nil }
    public func auxiliaryWeights(_ input: ModelInput) -> [String: Double] { [:] }

    /// Scores [B, T, V] of the token after every position.
    public func logits(embeddings: Tensor, _ pass: DecoderPass) -> Tensor {
        logits(hiddenStates: decode(embeddings, pass).hiddenStates)
    }
}
