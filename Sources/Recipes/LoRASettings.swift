import NN
import Training

extension Recipe {
    /// LoRA: small trainable terms beside linear layers, whose own weights stay as they are.
    public struct LoRASettings: Codable, Hashable, Sendable {
        /// r, the size of the space in between.
        public var rank: Int
        /// The term is scaled by alpha / rank.
        public var alpha: Double
        /// Share of a layer's inputs that its term does not see in training.
        public var dropout: Double
        /// Ends of the layers' paths, such as `q_proj`; `*` stands for one component, `**` for any number.
        public var targets: [String]

        public init(rank: Int, alpha: Double, dropout: Double = 0, targets: [String]) {
            self.rank = rank
            self.alpha = alpha
            self.dropout = dropout
            self.targets = targets
        }

        /// The same for a store of parameters.
        var adaptation: LowRankAdaptation {
            LowRankAdaptation(rank: rank, alpha: alpha, dropout: dropout, targets: targets)
        }
    }
}

extension RecipeModel {
    /// Refuses targets that the model does not have.
    ///
    /// - Throws: `ConfigError` with the first of them.
    func checkTargets() throws {
        guard let stranger = store.unmatchedTargets.first else { return }
        throw ConfigError(
            place: "\(recipe.name), lora.targets",
            problem:
                "no linear layer ends with '\(stranger)'; layers are named like \(store.linearPaths.last ?? "none")")
    }
}
