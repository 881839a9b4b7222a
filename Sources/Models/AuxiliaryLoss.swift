public import Torch

/// A term of the loss that a model adds to that of its task, such as one that spreads tokens over experts.
public struct AuxiliaryLoss: Sendable {
    /// What it is called in logs; one value for each name and pass.
    public var name: String
    /// float32 scalar: the sum over what `weight` counts, its factor included.
    public var sum: Tensor
    /// What was summed over, in the unit of the model's choice (tokens, say). The loss of a step has the sums of all its
    /// micro-batches divided by their weights' sum.
    public var weight: Double

    public init(name: String, sum: Tensor, weight: Double) {
        self.name = name
        self.sum = sum
        self.weight = weight
    }
}
