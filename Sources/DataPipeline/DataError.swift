public import Torch

/// Data that cannot be used as asked: one sentence that says what, where, and what to do.
public struct DataError: InputError, CustomStringConvertible, Sendable, Equatable {
    public let description: String

    package init(_ description: String) { self.description = description }
}
