public import NN
public import Torch

// Shapes: B rows, T positions, D width, V vocabulary.

/// A language model that reads rows of embeddings, whether words or images made them: what a system asks of LLaMA.
public protocol TextDecoder: Sendable {
    /// Token IDs lie in `0 ..< vocabularySize`.
    var vocabularySize: Int { get }
    /// The most positions one sequence may have.
    var contextLength: Int { get }

    /// Token IDs int64[B, T] to [B, T, D]: everything that happens to a word before the first layer and not to an image's
    /// row, such as BLOOM's norm of the embeddings.
    func embed(_ tokenIDs: Tensor) -> Tensor

    /// The normalised output of the last layer [B, T, D] for embeddings [B, T, D].
    ///
    /// - Parameters:
    ///   - positionIDs: int64[B, T].
    ///   - layout: the packed examples; nil for one causal sequence a row.
    ///   - cache: earlier keys and values, to which this pass's are added; excludes `layout`.
    func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, cache: KVCache?
    ) -> Tensor

    /// Scores of the next token [..., V] for hidden states [..., D].
    func logits(hiddenStates: Tensor) -> Tensor

    /// A cache for `batch` rows of at most `capacity` tokens.
    func makeCache(batch: Int, capacity: Int) -> KVCache

    /// Bytes such a cache takes, without making it.
    func cacheByteCount(batch: Int, capacity: Int) -> Int
}

/// The language models that a configuration can name, by their `model_type`.
///
/// A new one is a case, a type that conforms to ``TextDecoder``, and its keys in the families' configurations.
public enum TextDecoderKind: String, Sendable, Hashable, CaseIterable {
    case llama

    /// Declares the language model of this kind and shape.
    public func make(_ shape: LLaMADecoder.Config, at path: ParameterPath) -> any TextDecoder {
        switch self {
        case .llama: LLaMADecoder(shape, at: path)
        }
    }
}
