public import Torch

/// Puts examples into rows of equal length: several per row (packing) or one per row (padding on the right).
public struct Collator: Sendable, Equatable {
    public var contract: TokenContract
    /// The token at positions that belong to no example.
    public var padID: Int

    public init(contract: TokenContract, padID: Int) {
        self.contract = contract
        self.padID = padID
    }

    /// Rows of numbers with everything that was derived from the segments.
    public struct Collated: Sendable {
        public var input: ModelInput
        /// int64[B, T]: the token expected after each position, ``Labels/ignoreIndex`` where none is.
        public var labels: Tensor
        /// Positions that hold text of an example (no placeholders, no padding).
        public var textTokenCount: Int
        /// Positions whose label is not ignored.
        public var supervisedTokenCount: Int
        /// Positions that belong to an example.
        public var filledTokenCount: Int
    }

    /// One example per row, as long as the longest.
    /// - Parameter media: the examples' media, in order.
    /// - Throws: ``ProcessorError`` when the token contract is broken.
    public func padded(_ examples: [PromptLayout], media: [PreparedMedia] = []) throws(ProcessorError) -> Collated {
        var rows = try Rows(
            examples.map { [$0] }, length: examples.map(\.tokenCount).max() ?? 0, contract: contract, padID: padID)
        try rows.fill(with: media)
        return rows.collated
    }

    /// Several examples per row; attention is blocked between them by the layout, positions restart in each.
    /// - Parameters:
    ///   - rows: examples of each row, in order.
    ///   - length: positions per row, T.
    ///   - values: [N, ...] by modality: the values of all its items, in order.
    /// - Throws: ``ProcessorError`` when the token contract is broken or a row is too long.
    public func packed(
        _ rows: [[PromptLayout]], length: Int, values: [Modality: Tensor] = [:]
    ) throws(ProcessorError) -> Collated {
        var rows = try Rows(rows, length: length, contract: contract, padID: padID)
        try rows.fill(with: values)
        return rows.collated
    }
}
