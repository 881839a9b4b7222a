public import Torch

/// Muon: momentum whose matrices are orthogonalised before they are applied (Keller Jordan, 2024).
///
///     m = momentum m + g                u = g + momentum m (Nesterov)
///     w = w - rate * weightDecay * w - rate * max(1, rows/columns)^0.5 * orthogonalise(u)
///
/// For matrices inside blocks only; embeddings, heads, norms, biases and everything that is not a matrix belong to AdamW.
/// Matrices of one shape are stacked, so that a step costs a handful of batched products whatever the depth.
public final class Muon: Optimizer {
    /// The constants of the update rule.
    public struct Config: Codable, Hashable, Sendable {
        /// The peak learning rate; unlike AdamW's it does not depend on the model's width.
        public var peakLearningRate: Double
        /// The decay of the sum of gradients, 0 ..< 1.
        public var momentum: Double
        /// Newton-Schulz iterations.
        public var newtonSchulzSteps: Int
        /// The share of a weight, times the learning rate, that each update removes.
        public var weightDecay: Double

        public init(
            peakLearningRate: Double = 0.02, momentum: Double = 0.95, newtonSchulzSteps: Int = 5,
            weightDecay: Double = 0
        ) {
            self.peakLearningRate = peakLearningRate
            self.momentum = momentum
            self.newtonSchulzSteps = newtonSchulzSteps
            self.weightDecay = weightDecay
        }
    }

    public let config: Config
    public let parameterNames: [String]
    private let momenta: [Tensor]
    private let productDType: DType
    /// Indices of the matrices with one shape, in order of first appearance.
    private let shapeClasses: [[Int]]

    /// Makes the state, all zeros.
    ///
    /// - Parameter productDType: the dtype of the Newton-Schulz products: bfloat16 where it is fast, else float32.
    public init(_ config: Config = Config(), names: [String], masters: [Tensor], productDType: DType = .bfloat16) {
        precondition(names.count == masters.count, "\(names.count) names for \(masters.count) weights")
        self.config = config
        self.productDType = productDType
        parameterNames = names
        momenta = masters.map { Tensor.zeros($0.shape, device: $0.device) }
        var classes: [(shape: [Int], indices: [Int])] = []
        for (index, master) in masters.enumerated() {
            let shape = master.shape
            precondition(shape.count == 2, "Muon updates matrices; '\(names[index])' has shape \(shape)")
            if let known = classes.firstIndex(where: { $0.shape == shape }) {
                classes[known].indices.append(index)
            } else {
                classes.append((shape, [index]))
            }
        }
        shapeClasses = classes.map(\.indices)
    }

    public func update(masters: [Tensor], gradients: [Tensor?], learningRates: [Double]) {
        withoutGrad {
            for shapeClass in shapeClasses {
                let indices = shapeClass.filter { gradients[$0] != nil }
                if indices.isEmpty { continue }
                let current = indices.map { gradients[$0]! }
                let accumulated = indices.map { momenta[$0] }
                Tensor.foreachMul_(accumulated, config.momentum)
                Tensor.foreachAdd_(accumulated, current)
                // [N, R, C]
                let nesterov = Tensor.stack(current, dim: 0) + Tensor.stack(accumulated, dim: 0) * config.momentum
                let directions = NewtonSchulz.orthogonalize(
                    nesterov, steps: config.newtonSchulzSteps, dtype: productDType
                ).to(.float32)
                let rows = Double(nesterov.shape[1]), columns = Double(nesterov.shape[2])
                let scale = max(1, rows / columns).squareRoot()
                for (position, index) in indices.enumerated() {
                    let rate = learningRates[index]
                    if config.weightDecay != 0 { masters[index].mul_(1 - rate * config.weightDecay) }
                    masters[index].add_(directions.select(dim: 0, index: position), alpha: -rate * scale)
                }
            }
        }
    }

    public var state: [(name: String, tensor: Tensor)] {
        zip(parameterNames, momenta).map { ("muon.momentum.\($0)", $1) }
    }

    public func restore(_ saved: (String) -> Tensor?) throws { try restoreAll(saved) }

    /// Whether a parameter is a matrix inside a block: two dimensions larger than one, and a numbered component in its
    /// name (`layers.3`, `resblocks.0`), which heads, embeddings and position tables do not have.
    public static func isBlockMatrix(name: String, shape: [Int]) -> Bool {
        shape.count == 2 && shape.allSatisfy { $0 > 1 } && name.split(separator: ".").contains { Int($0) != nil }
    }
}
