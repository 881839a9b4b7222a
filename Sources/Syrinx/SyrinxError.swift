public import Torch

/// A folder, image or prompt that cannot be used; the description is one sentence for the user.
public struct SyrinxError: InputError, CustomStringConvertible, Equatable {
    /// What is wrong, where, with both numbers, and what to do.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
