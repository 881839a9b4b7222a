public import Generation

/// What a model answered, and what it took.
public struct Answer: Sendable {
    /// The text, up to the first stop string, without white space at its start.
    public var text: String
    /// Why it ended.
    public var stopReason: StopReason
    /// Tokens in and out.
    public var usage: Usage
    /// Seconds and tokens per second.
    public var timings: Timings
    /// The prompt as the model read it; each position of an image or clip holds the placeholder.
    public var promptTokenIDs: [Int]
    /// What was generated, without the token that ends an answer; of an answer that a stop string ended, with its tokens.
    public var tokenIDs: [Int]
    /// The logarithm of the probability that the model gave each of ``tokenIDs``, before any penalty, temperature or cut; nil
    /// where it was not asked for.
    public var logProbabilities: [Float]?
    /// What became of each medium of the prompt.
    public var accounts: [any MediaAccount]

    /// What became of each image; a video's frames are images where the model reads no clips.
    public var images: [ImageAccount] { accounts.compactMap { $0 as? ImageAccount } }
    /// What became of each video.
    public var videos: [VideoAccount] { accounts.compactMap { $0 as? VideoAccount } }
}

/// Tokens by kind.
public struct Usage: Codable, Hashable, Sendable {
    /// Text tokens of the prompt, the begin token included.
    public var textTokenCount: Int
    /// Tokens of the prompt's images.
    public var imageTokenCount: Int
    /// Tokens of its videos, as clips or frame by frame.
    public var videoTokenCount: Int
    /// Generated tokens.
    public var generatedTokenCount: Int
    /// Tokens of the prompt that were not computed again, because the prompt before began alike.
    public var cachedTokenCount: Int
    /// Tokens of media besides images and videos, by modality; left out where there are none.
    public var otherTokenCounts: [String: Int]?
}

/// What a stream of an answer brings.
public enum AnswerEvent: Sendable {
    /// The next piece of text, never empty.
    case text(String)
    /// The whole answer; nothing follows.
    case finished(Answer)
}

/// How to answer: sampling, length, and where to stop.
public struct AnswerOptions: Codable, Hashable, Sendable {
    /// Sampling and length. Stop tokens and banned tokens are added to by the model's own.
    public var generation: GenerationConfig
    /// Strings that end the answer and are not part of it.
    public var stopStrings: [String]
    /// Whether the answer says how likely each of its tokens was.
    public var givesLogProbabilities = false

    /// Options; the defaults are greedy, up to 128 tokens, without stop strings.
    public init(_ generation: GenerationConfig = GenerationConfig(), stopStrings: [String] = []) {
        self.generation = generation
        self.stopStrings = stopStrings
    }
}
