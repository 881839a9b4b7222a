public import Settings

/// Which update rule trains which parameters, and how fast.
public struct OptimizerConfig: Codable, Hashable, Sendable {
    public enum Algorithm: String, Hashable, Sendable, NamedChoice {
        /// AdamW for every parameter.
        case adamW
        /// Muon for the matrices inside blocks, AdamW for the rest.
        case muon
    }

    public var algorithm: Algorithm
    /// AdamW's peak learning rate; nil takes `LearningRateLaw` at the model's number of non-embedding parameters.
    public var peakLearningRate: Double?
    public var adamW: AdamW.Config
    /// Used where `algorithm` is muon.
    public var muon: Muon.Config
    /// The most that the joint 2-norm of all gradients may be; nil does not clip.
    public var clipNorm: Double?
    /// Factors of the learning rate for parameters under a name prefix; the longest matching prefix counts.
    public var learningRateFactors: [String: Double]
    /// Parts made of numbered layers, by name prefix, and what their learning rate is multiplied by from a layer to the
    /// one below it (``LayerDecay``).
    public var layerDecay: [String: Double]
    /// Skipped steps in a row (a loss or gradient that is not finite) after which the run stops.
    public var maximumSkippedSteps: Int

    public init(
        algorithm: Algorithm = .adamW, peakLearningRate: Double? = nil, adamW: AdamW.Config = AdamW.Config(),
        muon: Muon.Config = Muon.Config(), clipNorm: Double? = 1, learningRateFactors: [String: Double] = [:],
        layerDecay: [String: Double] = [:], maximumSkippedSteps: Int = 10
    ) {
        self.algorithm = algorithm
        self.peakLearningRate = peakLearningRate
        self.adamW = adamW
        self.muon = muon
        self.clipNorm = clipNorm
        self.learningRateFactors = learningRateFactors
        self.layerDecay = layerDecay
        self.maximumSkippedSteps = maximumSkippedSteps
    }

    /// Checks the values.
    ///
    /// - Throws: `ConfigError` that names the value and its range.
    public func validate(at place: String) throws {
        func positive(_ value: Double?, _ name: String) throws {
            if let value, value <= 0 {
                throw ConfigError(place: "\(place).\(name)", problem: "\(value) is not positive")
            }
        }
        func fraction(_ value: Double, _ name: String) throws {
            guard value >= 0, value < 1 else {
                throw ConfigError(place: "\(place).\(name)", problem: "\(value) is not in 0 ..< 1")
            }
        }
        try positive(peakLearningRate, "peakLearningRate")
        try positive(muon.peakLearningRate, "muon.peakLearningRate")
        try positive(clipNorm, "clipNorm")
        try positive(adamW.epsilon, "adamW.epsilon")
        try fraction(adamW.beta1, "adamW.beta1")
        try fraction(adamW.beta2, "adamW.beta2")
        try fraction(muon.momentum, "muon.momentum")
        guard muon.newtonSchulzSteps > 0 else {
            throw ConfigError(
                place: "\(place).muon.newtonSchulzSteps", problem: "\(muon.newtonSchulzSteps) is not positive; use 5")
        }
        for (prefix, factor) in layerDecay where !(factor > 0 && factor <= 1) {
            throw ConfigError(
                place: "\(place).layerDecay",
                problem: "the factor of \(prefix) is \(factor), which is not in 0 ... 1 (without 0)")
        }
        guard maximumSkippedSteps > 0 else {
            throw ConfigError(place: "\(place).maximumSkippedSteps", problem: "\(maximumSkippedSteps) is not positive")
        }
    }
}
