import NN

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a published `config.json` says that rotary positions are stretched: `rope_scaling`, or `rope_parameters` as
/// transformers 5 calls it.
struct PublishedRotaryConfig: Codable {
    /// Newer files call the type `rope_type`.
    var type: String?
    var ropeType: String?
    var ropeTheta: Double?
    var factor: Double?
    var originalMaxPositionEmbeddings: Int?
    var lowFreqFactor: Double?
    var highFreqFactor: Double?
    var attentionFactor: Double?
    var betaFast: Double?
    var betaSlow: Double?
    var mscale: Double?
    var mscaleAllDim: Double?
    var truncate: Bool?

    /// Its keys, among them those of rotations by half a head, of long factors, and of a rotation for each kind of layer.
    static let keys = PublishedKeys(
        part: "language model's rotary settings",
        read: [
            "type", "rope_type", "rope_theta", "factor", "original_max_position_embeddings", "low_freq_factor",
            "high_freq_factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate",
        ],
        switches: [
            "partial_rotary_factor": .number(1), "short_factor": .nothing, "long_factor": .nothing,
            "full_attention": .nothing, "sliding_attention": .nothing, "mrope_section": .nothing,
        ],
        // Of files whose code came with them: the frequencies are the same.
        harmless: ["finetuned"])

    /// What the frequencies of a decoder become.
    struct Stretch: Equatable {
        var scalingFactor: Double?
        var bands: RotaryBands?
    }

    /// - Parameters:
    ///   - name: what errors call the object.
    ///   - contextLength: the most positions of a prompt.
    /// - Throws: ``ModelError`` naming a type that Syrinx does not have, or the key that a type lacks.
    func stretch(named name: String, contextLength: Int) throws(ModelError) -> Stretch {
        func wanted<Value>(_ value: Value?, _ key: String, _ type: String) throws(ModelError) -> Value {
            guard let value else {
                throw ModelError(
                    message:
                        "the language model's \(name) is \(type) without a \(key); add the \(key) that it was trained with"
                )
            }
            return value
        }
        switch ropeType ?? type {
        case "default": return Stretch()
        // Dynamic scaling begins beyond `max_position_embeddings`, where prompts are refused.
        case "dynamic": return Stretch()
        case "linear": return Stretch(scalingFactor: try wanted(factor, "factor", "linear"))
        case "llama3":
            return Stretch(
                bands: .llama3(
                    factor: try wanted(factor, "factor", "llama3"),
                    lowFrequencyFactor: try wanted(lowFreqFactor, "low_freq_factor", "llama3"),
                    highFrequencyFactor: try wanted(highFreqFactor, "high_freq_factor", "llama3"),
                    trainedLength: originalMaxPositionEmbeddings ?? contextLength))
        case "yarn":
            return Stretch(bands: try yarn(factor: try wanted(factor, "factor", "yarn"), contextLength: contextLength))
        case nil where factor == nil: return Stretch()
        case let type:
            throw ModelError(
                message:
                    "the language model's \(name) has the unsupported type \(type.map { "\"\($0)\"" } ?? "null"); "
                    + "give a checkpoint with linear, dynamic, llama3 or yarn scaling, or with none")
        }
    }

    private func yarn(factor: Double, contextLength: Int) throws(ModelError) -> RotaryBands {
        func scale(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
        let (above, below) = (mscale ?? 0, mscaleAllDim ?? 0)
        let suggested = above != 0 && below != 0 ? scale(above) / scale(below) : scale(1)
        return .yarn(
            factor: factor, fastTurns: betaFast ?? 32, slowTurns: betaSlow ?? 1,
            trainedLength: originalMaxPositionEmbeddings ?? contextLength,
            attentionFactor: attentionFactor ?? suggested,
            roundsBounds: truncate ?? true)
    }
}

extension PublishedRotaryConfig {
    /// The same as a published file says it; nil for positions as they are.
    init?(_ config: LLaMADecoder.Config) {
        switch config.ropeBands {
        case nil:
            guard let factor = config.ropeScalingFactor else { return nil }
            self.init(type: "linear", factor: factor)
        case .llama3(let factor, let low, let high, let trainedLength):
            self.init(
                type: "llama3", factor: factor, originalMaxPositionEmbeddings: trainedLength, lowFreqFactor: low,
                highFreqFactor: high)
        case .yarn(let factor, let fast, let slow, let trainedLength, let attentionFactor, let roundsBounds):
            self.init(
                type: "yarn", factor: factor, originalMaxPositionEmbeddings: trainedLength,
                attentionFactor: attentionFactor, betaFast: fast, betaSlow: slow, truncate: roundsBounds)
        }
    }
}
