public import Torch

/// An evaluation that cannot be carried out; the description is one sentence for the user.
public struct EvaluationError: InputError, CustomStringConvertible, Equatable {
    /// What is wrong, where, and what to change.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
