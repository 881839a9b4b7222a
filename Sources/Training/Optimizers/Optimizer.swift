public import Torch

/// One update rule with its state, over a fixed list of parameters.
///
/// Masters, gradients and state are float32 on the run's device. Everything happens in place, on the thread that trains.
public protocol Optimizer: AnyObject {
    /// The names of the parameters it updates, in the order of the lists it is given.
    var parameterNames: [String] { get }

    /// Makes one update.
    ///
    /// - Parameters:
    ///   - masters: float32 weights, one for each name.
    ///   - gradients: float32, the same shapes; nil leaves that parameter, its moments and its step count alone.
    ///   - learningRate: the rate of this update, for each parameter.
    func update(masters: [Tensor], gradients: [Tensor?], learningRates: [Double])

    /// Everything that the next update depends on besides weights and gradients, under names that say whose it is.
    var state: [(name: String, tensor: Tensor)] { get }

    /// Copies saved state back.
    ///
    /// - Throws: `TrainingError` if a tensor is missing or has another shape.
    func restore(_ saved: (String) -> Tensor?) throws
}

extension Optimizer {
    /// Copies saved tensors over `state`, checking names and shapes.
    func restoreAll(_ saved: (String) -> Tensor?) throws {
        for (name, tensor) in state {
            guard let source = saved(name) else {
                throw TrainingError(
                    "the optimizer state has no '\(name)'; another recipe or another version saved it")
            }
            guard source.shape == tensor.shape else {
                throw TrainingError(
                    "the optimizer state '\(name)' has shape \(source.shape), this recipe needs \(tensor.shape)")
            }
            withoutGrad { tensor.copy_(source) }
        }
    }
}
