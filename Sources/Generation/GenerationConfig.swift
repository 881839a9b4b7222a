/// How the next tokens are chosen and when to stop.
///
/// The steps apply in this order: repetition penalty, banned tokens, temperature, top-k, top-p, min-p.
public struct GenerationConfig: Codable, Hashable, Sendable {
    /// Greatest number of tokens to generate.
    public var maxNewTokens: Int
    /// Divides the logits; 0 chooses the most likely token every time (greedy).
    public var temperature: Double
    /// Keeps the `topK` most likely tokens; 0 keeps all.
    public var topK: Int
    /// Keeps the smallest set of tokens whose probabilities reach `topP`; 1 keeps all.
    public var topP: Double
    /// Keeps tokens at least `minP` times as likely as the most likely one; 0 keeps all.
    public var minP: Double
    /// Makes tokens that already occurred less likely; 1 leaves them alone.
    public var repetitionPenalty: Double
    /// Tokens that are never generated, such as the image placeholder.
    public var bannedTokenIDs: Set<Int>
    /// Tokens that end the answer and are not part of it.
    public var stopTokenIDs: Set<Int>
    /// Seed of the sampling; greedy decoding does not use it.
    public var seed: UInt64

    /// A config; the defaults are greedy decoding of up to 128 tokens.
    public init(
        maxNewTokens: Int = 128, temperature: Double = 0, topK: Int = 0, topP: Double = 1, minP: Double = 0,
        repetitionPenalty: Double = 1, bannedTokenIDs: Set<Int> = [], stopTokenIDs: Set<Int> = [], seed: UInt64 = 0
    ) {
        self.maxNewTokens = maxNewTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.bannedTokenIDs = bannedTokenIDs
        self.stopTokenIDs = stopTokenIDs
        self.seed = seed
    }

    /// Whether every choice is the most likely token.
    public var isGreedy: Bool { temperature == 0 }

    /// Checks every value.
    /// - Throws: `GenerationError` that names the first value out of range, its range and what was given.
    public func validate() throws(GenerationError) {
        if let mistake { throw GenerationError("\(mistake.property) is \(mistake.value); it must \(mistake.rule)") }
    }

    /// The first value out of range: its property, what it is and what it must be; nil when there is none.
    package var mistake: (property: String, value: String, rule: String)? {
        let checks: [(property: String, value: Double, isAllowed: Bool, rule: String)] = [
            (
                "temperature", temperature, temperature == 0 || (0.001...1000).contains(temperature),
                "be 0 (greedy) or from 0.001 to 1000"
            ),
            ("topP", topP, (0.0001...1).contains(topP), "be from 0.0001 to 1 (off)"),
            ("minP", minP, minP >= 0 && minP < 1, "be from 0 (off) to below 1"),
            (
                "repetitionPenalty", repetitionPenalty, (0.01...100).contains(repetitionPenalty),
                "be from 0.01 to 100, 1 is off"
            ),
        ]
        if maxNewTokens < 1 { return ("maxNewTokens", "\(maxNewTokens)", "be at least 1") }
        if topK < 0 { return ("topK", "\(topK)", "be 0 (off) or a positive number") }
        return checks.first { !$0.isAllowed }.map { ($0.property, "\($0.value)", $0.rule) }
    }

    /// The processors this config asks for, in their fixed order.
    public func processors(vocabularySize: Int) -> [any LogitsProcessor] {
        var chain = [any LogitsProcessor]()
        if repetitionPenalty != 1 {
            chain.append(RepetitionPenalty(repetitionPenalty, ignoring: bannedTokenIDs))
        }
        let banned = bannedTokenIDs.filter { (0..<vocabularySize).contains($0) }
        if !banned.isEmpty { chain.append(BannedTokens(banned, vocabularySize: vocabularySize)) }
        guard !isGreedy else { return chain }
        if temperature != 1 { chain.append(Temperature(temperature)) }
        if topK > 0 && topK < vocabularySize { chain.append(TopK(topK)) }
        if topP < 1 { chain.append(TopP(topP)) }
        if minP > 0 { chain.append(MinP(minP)) }
        return chain
    }
}
