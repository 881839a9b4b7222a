import NN
import Torch

/// Collects gradients over the micro-batches of a step, in float32.
final class GradientAccumulator {
    private let weights: MasterWeights
    private let indices: [Int]
    private var sums: [Tensor?]

    init(_ weights: MasterWeights, indices: [Int]) {
        self.weights = weights
        self.indices = indices
        sums = Array(repeating: nil, count: indices.count)
    }

    /// Adds what the last backward pass left on the working copies and removes it there.
    ///
    /// One after the other, so that gradients in the compute dtype are freed as their float32 copies are made.
    func collect() {
        withoutGrad {
            var added: (to: [Tensor], from: [Tensor]) = ([], [])
            for (position, index) in indices.enumerated() {
                let tensor = weights.parameters[index].tensor
                guard let gradient = tensor.grad else { continue }
                tensor.setGrad(nil)
                if let sum = sums[position] {
                    added.to.append(sum)
                    added.from.append(gradient)
                } else {
                    sums[position] = gradient.to(.float32)  // a float32 gradient was made for us alone
                }
            }
            if !added.to.isEmpty { Tensor.foreachAdd_(added.to, added.from) }
        }
    }

    /// The gradient of each trainable parameter; nil where no micro-batch reached it.
    var gradients: [Tensor?] { sums }

    func clear() {
        for position in sums.indices { sums[position] = nil }
        for index in indices { weights.parameters[index].tensor.setGrad(nil) }
    }
}
