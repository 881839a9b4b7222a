import NN
import Settings
public import Torch

/// The optimizers of a stage: each trainable parameter belongs to exactly one.
public final class OptimizerSet {
    /// A share of the parameters with one update rule and one peak rate.
    public struct Group {
        public let name: String
        public let optimizer: any Optimizer
        public let peakLearningRate: Double
        /// Places in `MasterWeights.parameters`.
        public let indices: [Int]
        /// Factor of the peak rate for each of them.
        public let factors: [Double]
    }

    public let groups: [Group]
    /// Places in `MasterWeights.parameters` of everything trained.
    public let trainableIndices: [Int]
    /// What they train.
    public let weights: MasterWeights

    /// Divides the trainable parameters of `weights` as `config` says, and makes the masters that they lack.
    ///
    /// - Parameter nonEmbeddingParameterCount: the size for the learning-rate law, used where no peak rate is given.
    /// - Throws: `ConfigError` if nothing is trainable, or a prefix of `learningRateFactors` or `layerDecay` names no
    ///   parameter.
    public init(_ config: OptimizerConfig, _ weights: MasterWeights, nonEmbeddingParameterCount: Int) throws {
        let trainableIndices = weights.trainableIndices
        guard !trainableIndices.isEmpty else {
            throw ConfigError(place: "freeze", problem: "every parameter is frozen; nothing would be trained")
        }
        weights.makeMissingMasters()
        let allNames = weights.parameters.map(\.name)
        for (key, prefixes) in [
            ("learningRateFactors", config.learningRateFactors.keys), ("layerDecay", config.layerDecay.keys),
        ] {
            for prefix in prefixes.sorted() where !allNames.contains(where: { Self.matches($0, prefix) }) {
                let parts = Set(allNames.map { String($0.prefix(while: { $0 != "." })) })
                throw ConfigError(
                    place: "optimizer.\(key)",
                    problem: "no parameter name starts with '\(prefix)'"
                        + (NearestName.find(prefix, among: parts.sorted()).map { "; did you mean '\($0)'?" } ?? ""))
            }
        }
        var layerFactors: [String: Double] = [:]
        for (prefix, factor) in config.layerDecay {
            let decay = try LayerDecay(prefix, factor: factor, names: allNames.filter { Self.matches($0, prefix) })
            layerFactors.merge(decay.factors) { $0 * $1 }
        }
        let names = trainableIndices.map { weights.parameters[$0].name }
        let isMuon = trainableIndices.map { index in
            config.algorithm == .muon
                && Muon.isBlockMatrix(name: weights.parameters[index].name, shape: weights.parameters[index].shape)
        }
        let rate =
            config.peakLearningRate
            ?? LearningRateLaw().peakLearningRate(nonEmbeddingParameterCount: max(1, nonEmbeddingParameterCount))
        func group(
            _ name: String, _ wantsMuon: Bool, _ rate: Double, _ make: ([String], [Tensor]) -> any Optimizer
        ) -> Group? {
            let members = trainableIndices.indices.filter { isMuon[$0] == wantsMuon }
            if members.isEmpty { return nil }
            let indices = members.map { trainableIndices[$0] }
            return Group(
                name: name, optimizer: make(members.map { names[$0] }, indices.compactMap { weights.masters[$0] }),
                peakLearningRate: rate, indices: indices,
                factors: members.map {
                    Self.factor(names[$0], config.learningRateFactors) * (layerFactors[names[$0]] ?? 1)
                })
        }
        self.weights = weights
        self.trainableIndices = trainableIndices
        groups = [
            group("adamW", false, rate) { AdamW(config.adamW, names: $0, masters: $1) },
            group("muon", true, config.muon.peakLearningRate) {
                Muon(config.muon, names: $0, masters: $1, productDType: weights.computeDType)
            },
        ].compactMap { $0 }
    }

    private static func matches(_ name: String, _ prefix: String) -> Bool {
        name == prefix || name.hasPrefix(prefix + ".")
    }

    private static func factor(_ name: String, _ factors: [String: Double]) -> Double {
        factors.filter { matches(name, $0.key) }.max { $0.key.count < $1.key.count }?.value ?? 1
    }

    /// Updates masters and working copies.
    ///
    /// - Parameters:
    ///   - gradients: float32 by place in `trainableIndices`; nil where the step did not reach the parameter.
    ///   - factor: the schedule's factor of the peak rates.
    func update(gradients: [Tensor?], factor: Double) {
        let byIndex = Dictionary(uniqueKeysWithValues: zip(trainableIndices, gradients))
        for group in groups {
            group.optimizer.update(
                masters: group.indices.compactMap { weights.masters[$0] },
                gradients: group.indices.map { byIndex[$0] ?? nil },
                learningRates: group.factors.map { group.peakLearningRate * factor * $0 })
        }
        weights.publish(trainableIndices)
    }

    /// Everything the next update depends on besides weights and gradients.
    public var state: [(name: String, tensor: Tensor)] { groups.flatMap(\.optimizer.state) }

    /// Copies saved state back.
    ///
    /// - Throws: `TrainingError` if a tensor is missing or has another shape.
    public func restore(_ saved: (String) -> Tensor?) throws {
        for group in groups { try group.optimizer.restore(saved) }
    }
}
