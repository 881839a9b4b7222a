public import Torch

/// Why a corpus could not be fetched, written or read; its description is the sentence for the user.
public struct CorpusError: InputError, Hashable, CustomStringConvertible {
    /// One sentence: what, where, and what to do.
    public let description: String

    /// Wraps the sentence.
    public init(_ description: String) { self.description = description }
}
