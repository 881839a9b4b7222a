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
    /// - Parameter pixelValues: float32[N, 3, H, W], the examples' images in order; nil where there are none.
    /// - Throws: ``ProcessorError`` when the token contract is broken.
    public func padded(_ examples: [PromptLayout], pixelValues: Tensor?) throws(ProcessorError) -> Collated {
        try packed(
            examples.map { [$0] }, length: examples.map(\.tokenCount).max() ?? 0, pixelValues: pixelValues)
    }

    /// Several examples per row; attention is blocked between them by the layout, positions restart in each.
    /// - Parameters:
    ///   - rows: examples of each row, in order.
    ///   - length: positions per row, T.
    ///   - pixelValues: float32[N, 3, H, W], all images in order; nil where there are none.
    /// - Throws: ``ProcessorError`` when the token contract is broken or a row is too long.
    public func packed(
        _ rows: [[PromptLayout]], length: Int, pixelValues: Tensor?
    ) throws(ProcessorError) -> Collated {
        let total = rows.count * length
        var tokenIDs = [Int64](repeating: Int64(padID), count: total)
        var positionIDs = [Int64](repeating: 0, count: total)
        var labels = [Int64](repeating: Int64(Labels.ignoreIndex), count: total)
        var visualPositions: [Int64] = []
        var segments: [SegmentLayout.Segment] = []
        var imageCount = 0
        var textTokenCount = 0
        var supervisedTokenCount = 0
        var filledTokenCount = 0
        for (row, examples) in rows.enumerated() {
            var start = 0
            for example in examples {
                try contract.check(example)
                let count = example.tokenCount
                guard start + count <= length else {
                    throw ProcessorError(
                        "\(example.name): \(count) tokens do not fit into row \(row), which has \(length - start) of "
                            + "\(length) left; raise the context length or shorten the text (images are never cut)")
                }
                let base = row * length + start
                for (offset, token) in example.tokenIDs(imagePlaceholderID: contract.imagePlaceholderID).enumerated() {
                    tokenIDs[base + offset] = Int64(token)
                    positionIDs[base + offset] = Int64(offset)
                    if token == contract.imagePlaceholderID { visualPositions.append(Int64(base + offset)) }
                }
                for (offset, label) in example.labels().enumerated() where label != Labels.ignoreIndex {
                    labels[base + offset] = Int64(label)
                    supervisedTokenCount += 1
                }
                if count > 0 { segments.append(SegmentLayout.Segment(row: row, start: start, length: count)) }
                imageCount += example.imageSpans.count
                textTokenCount += example.textTokenCount
                filledTokenCount += count
                start += count
            }
        }
        let given = pixelValues?.shape.first ?? 0
        guard given == imageCount else {
            let names = rows.joined().map(\.name).prefix(3).joined(separator: ", ")
            throw ProcessorError(
                "batch of \(names), ...: \(imageCount) places for images (\(visualPositions.count) placeholder tokens), "
                    + "but pixel values of \(given) images; give one image per place, in the same order")
        }
        let shape = [rows.count, length]
        return Collated(
            input: ModelInput(
                tokenIDs: Tensor(tokenIDs, shape: shape), positionIDs: Tensor(positionIDs, shape: shape),
                layout: SegmentLayout(rows: rows.count, columns: length, segments: segments), pixelValues: pixelValues,
                visualPositions: imageCount > 0
                    ? Tensor(visualPositions, shape: [visualPositions.count]) : nil),
            labels: Tensor(labels, shape: shape), textTokenCount: textTokenCount,
            supervisedTokenCount: supervisedTokenCount, filledTokenCount: filledTokenCount)
    }
}
