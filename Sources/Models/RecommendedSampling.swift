/// How a family's authors sample answers: what a question is answered with unless the user says otherwise.
public struct RecommendedSampling: Sendable, Hashable {
    /// Divides the logits; 0 takes the likeliest token every time.
    public var temperature: Double
    /// Likeliest tokens to sample among; 0 for all.
    public var topK: Int
    /// Probability that the tokens to sample among reach; 1 for all.
    public var topP: Double
    /// Greatest number of new tokens.
    public var maxNewTokens: Int
    /// Where the values come from, for the user.
    public var source: String

    /// Values of a family; the defaults are Syrinx's own.
    public init(
        temperature: Double = 0, topK: Int = 0, topP: Double = 1, maxNewTokens: Int = 128,
        source: String = "Syrinx's default"
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.maxNewTokens = maxNewTokens
        self.source = source
    }
}
