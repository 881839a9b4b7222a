public import Torch

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101) in the form of torch.optim.AdamW, through libtorch's fused kernel.
///
///     m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
///     w = w - rate * weightDecay * w - rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
///
/// A fully decoupled decay lambda (w -= s * (rate * update + lambda * w), s the schedule) with lambda = 0.1 * rate, as in
/// arXiv 2403.09611, is exactly `weightDecay` 0.1 here: the schedule multiplies both.
public final class AdamW: Optimizer {
    /// The constants of the update rule.
    public struct Config: Codable, Hashable, Sendable {
        /// The decay of the mean of gradients, 0 ..< 1.
        public var beta1: Double
        /// The decay of the mean of squared gradients, 0 ..< 1.
        public var beta2: Double
        /// Added to the root of the squared mean.
        public var epsilon: Double
        /// The share of a weight, times the learning rate, that each update removes.
        public var weightDecay: Double
        /// Whether norms, biases and single learned rows keep their size: only what has two dimensions decays.
        public var decaysMatricesOnly: Bool

        public init(
            beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.1,
            decaysMatricesOnly: Bool = false
        ) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.decaysMatricesOnly = decaysMatricesOnly
        }

        /// The decay of a weight of this shape.
        func weightDecay(forShape shape: [Int]) -> Double {
            decaysMatricesOnly && shape.count(where: { $0 > 1 }) < 2 ? 0 : weightDecay
        }
    }

    public let config: Config
    public let parameterNames: [String]
    private let firstMoments: [Tensor]
    private let secondMoments: [Tensor]
    private let steps: [Tensor]
    private let decays: [Double]

    /// Makes the state, all zeros: two moments with the shapes of `masters` and a step count for each.
    public init(_ config: Config = Config(), names: [String], masters: [Tensor]) {
        precondition(names.count == masters.count, "\(names.count) names for \(masters.count) weights")
        self.config = config
        parameterNames = names
        firstMoments = masters.map { Tensor.zeros($0.shape, device: $0.device) }
        secondMoments = masters.map { Tensor.zeros($0.shape, device: $0.device) }
        steps = masters.map { Tensor.zeros([], device: $0.device) }
        decays = masters.map { config.weightDecay(forShape: $0.shape) }
    }

    public func update(masters: [Tensor], gradients: [Tensor?], learningRates: [Double]) {
        // One fused call for each distinct rate and decay; usually there is one.
        var groups: [(rate: Double, decay: Double, indices: [Int])] = []
        for index in masters.indices where gradients[index] != nil {
            let (rate, decay) = (learningRates[index], decays[index])
            if let known = groups.firstIndex(where: { $0.rate == rate && $0.decay == decay }) {
                groups[known].indices.append(index)
            } else {
                groups.append((rate, decay, [index]))
            }
        }
        withoutGrad {
            for (rate, decay, indices) in groups {
                let counts = indices.map { steps[$0] }
                for count in counts { count.add_(Tensor(scalar: 1, device: count.device)) }
                Tensor.fusedAdamW_(
                    parameters: indices.map { masters[$0] }, gradients: indices.map { gradients[$0]! },
                    firstMoments: indices.map { firstMoments[$0] }, secondMoments: indices.map { secondMoments[$0] },
                    steps: counts, learningRate: rate, beta1: config.beta1, beta2: config.beta2,
                    weightDecay: decay, epsilon: config.epsilon)
            }
        }
    }

    public var state: [(name: String, tensor: Tensor)] {
        parameterNames.indices.flatMap { index in
            [
                ("adamw.step.\(parameterNames[index])", steps[index]),
                ("adamw.first.\(parameterNames[index])", firstMoments[index]),
                ("adamw.second.\(parameterNames[index])", secondMoments[index]),
            ]
        }
    }

    public func restore(_ saved: (String) -> Tensor?) throws { try restoreAll(saved) }
}
