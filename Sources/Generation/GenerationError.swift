public import Torch

/// A request that cannot be carried out; the description is one sentence for the user.
public struct GenerationError: InputError, CustomStringConvertible, Equatable {
    /// What is wrong, where, with both numbers, and what to change.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
