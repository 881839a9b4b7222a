public import Torch

/// Input that cannot be laid out for a model: one sentence that says what, where, both numbers, and what to do.
public struct ProcessorError: InputError, CustomStringConvertible, Sendable, Equatable {
    public let description: String

    package init(_ description: String) { self.description = description }
}
