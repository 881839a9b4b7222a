public import Processors
public import Torch

/// One prompt with the way to continue it.
public struct GenerationRequest: Sendable {
    /// The prompt: one row. Its media may be encoded already; those whose identity is known (``MediaBatch/ids``) can be taken
    /// over from a ``PrefixCache``.
    public var input: ModelInput
    /// How to continue.
    public var config: GenerationConfig
    /// Whether the result keeps what the model predicted at every step (4 bytes per step and word of the vocabulary).
    public var keepsLogits = false
    /// Whether the result says how likely each token was.
    public var keepsLogProbabilities = false

    /// A request from its parts.
    public init(_ input: ModelInput, config: GenerationConfig = GenerationConfig()) {
        self.input = input
        self.config = config
    }
}

/// Why generation ended.
public enum StopReason: String, Codable, Hashable, Sendable {
    /// A stop token was chosen.
    case stopToken
    /// A stop string came up (found by whoever turns tokens into text).
    case stopString
    /// `maxNewTokens` were generated.
    case maxNewTokens
    /// Prompt and answer fill the model's context.
    case contextFull
    /// The caller cancelled.
    case cancelled
}

/// What was generated, and how fast.
public struct GenerationResult: Sendable {
    /// The generated tokens, without the stop token.
    public var tokenIDs: [Int]
    /// Why generation ended.
    public var stopReason: StopReason
    /// Time spent.
    public var timings: Timings
    /// Tokens of the prompt whose keys and values were there already (``PrefixCache``).
    public var cachedTokenCount: Int
    /// The logarithm of each token's probability as the model predicted it, before any penalty, temperature or cut; one for
    /// each of ``tokenIDs``. `nil` where the request did not ask for it.
    public var logProbabilities: [Float]?
    /// float32[steps, V] on the CPU: what the model predicted at each step, before any penalty or temperature; a step
    /// that ended the row counts too. `nil` where the request did not ask for it.
    public var logits: Tensor?

    /// A result from its parts.
    package init(
        tokenIDs: [Int], stopReason: StopReason, timings: Timings, cachedTokenCount: Int = 0,
        logProbabilities: [Float]? = nil, logits: Tensor? = nil
    ) {
        self.tokenIDs = tokenIDs
        self.stopReason = stopReason
        self.timings = timings
        self.cachedTokenCount = cachedTokenCount
        self.logProbabilities = logProbabilities
        self.logits = logits
    }
}

/// Wall time of the two phases of one row.
///
/// Rows that are computed together share their passes: each carries their whole seconds, up to its own end, and its own token counts.
public struct Timings: Codable, Hashable, Sendable {
    /// Tokens of the prompt that were computed, those of media included.
    public var prefillTokenCount: Int
    /// Seconds to encode media and fill the cache.
    public var prefillSeconds: Double
    /// Tokens chosen after the first.
    public var decodeTokenCount: Int
    /// Seconds from the first token to the row's end.
    public var decodeSeconds: Double

    /// Times from their parts.
    package init(prefillTokenCount: Int, prefillSeconds: Double, decodeTokenCount: Int, decodeSeconds: Double) {
        self.prefillTokenCount = prefillTokenCount
        self.prefillSeconds = prefillSeconds
        self.decodeTokenCount = decodeTokenCount
        self.decodeSeconds = decodeSeconds
    }

    /// Prompt tokens per second.
    public var prefillTokensPerSecond: Double {
        prefillSeconds > 0 ? Double(prefillTokenCount) / prefillSeconds : 0
    }
    /// Generated tokens per second, the first (which the prompt's pass yields) left out.
    public var decodeTokensPerSecond: Double { decodeSeconds > 0 ? Double(decodeTokenCount) / decodeSeconds : 0 }
}

/// What a stream of tokens brings.
public enum GenerationEvent: Sendable {
    /// The next token.
    case token(Int)
    /// The end; nothing follows.
    case finished(GenerationResult)
}

/// What to do after a token.
public enum GenerationDecision: Hashable, Sendable {
    /// Go on.
    case `continue`
    /// End this row with the reason.
    case stop(StopReason)
}
