public import Torch

/// A request that cannot be carried out; the description is one sentence for the user.
public struct GenerationError: InputError, CustomStringConvertible, Equatable {
    /// What is wrong, where, with both numbers, and what to change.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }

    /// The model computed NaN or infinity where probabilities are to come from.
    package static let notFinite = GenerationError(
        "the model's logits are NaN or infinite: its weights contain NaN or infinity (as after diverged training) "
            + "or exceed the range of this dtype or adapter; check the weights, or try --dtype float32")
}
