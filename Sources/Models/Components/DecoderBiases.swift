public import Settings

/// Which of a decoder's projections have biases. A LLaMA has none; derivatives may.
public enum DecoderBiases: String, Sendable, Hashable, NamedChoice {
    /// Queries, keys, values and the attention's output.
    case attention
    /// The three projections of the feed-forward.
    case feedForward
    case everywhere
}
