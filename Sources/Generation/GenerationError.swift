public import Torch

/// A request that cannot be carried out; the description is one sentence for the user.
public struct GenerationError: InputError, CustomStringConvertible, Equatable {
    /// What is wrong, where, with both numbers, and what to change.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }

    /// The model computed NaN or infinity where probabilities are to come from.
    package static let notFinite = GenerationError(
        "the model's scores are no finite numbers: its weights hold NaN or infinity, as a training that diverged leaves them, "
            + "or are too large for this dtype or this adapter; check the weights, or try --dtype float32")
}
