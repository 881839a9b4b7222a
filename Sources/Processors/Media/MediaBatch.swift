public import Torch

/// One medium made ready for a model: its values, and the positions that it takes.
public struct PreparedMedia: Sendable {
    public var modality: Modality
    /// The values of this one item, without a batch dimension: an image is float32[3, H, W], a clip float32[3, F, H, W].
    public var values: Tensor
    /// Positions it takes in a sequence, as the model says (`tokenCount(of:)`).
    public var tokenCount: Int
    /// Equal for equal values, such as a digest of them; nil where nobody computed one.
    public var id: String?
    /// What the model's encoder made of it, float[tokenCount, D]; nil until it was encoded.
    public var encoded: Tensor?

    public init(
        modality: Modality, values: Tensor, tokenCount: Int, id: String? = nil, encoded: Tensor? = nil
    ) {
        self.modality = modality
        self.values = values
        self.tokenCount = tokenCount
        self.id = id
        self.encoded = encoded
    }
}

/// Items of one modality and one shape, with the positions that they fill in the rows of a ``ModelInput``.
///
/// N items; P is the sum of their token counts.
public struct MediaBatch: Sendable {
    public var modality: Modality
    /// [N, ...]: the items' values, stacked; nil where only ``encoded`` is there.
    public var values: Tensor?
    /// Positions that each item takes.
    public var tokenCounts: [Int]
    /// int64[P]: flat indices into the B * T positions, item after item, each item's from its first to its last.
    public var positions: Tensor
    /// float[P, D]: what the model's encoder made of the items, where that was computed before.
    public var encoded: Tensor?
    /// What tells the items apart (see ``PreparedMedia/id``), one for each.
    public var ids: [String?]

    /// - Precondition: values or encoded ones are there, and counts, positions and values fit together.
    public init(
        modality: Modality, values: Tensor?, tokenCounts: [Int], positions: Tensor, encoded: Tensor? = nil,
        ids: [String?]? = nil
    ) {
        let total = tokenCounts.reduce(0, +)
        precondition(values != nil || encoded != nil, "a media batch needs values or what the encoder made of them")
        precondition(
            values.map { $0.size(0) == tokenCounts.count } ?? true && positions.elementCount == total
                && encoded.map { $0.size(0) == total } ?? true && ids.map { $0.count == tokenCounts.count } ?? true,
            "\(tokenCounts.count) items of \(total) tokens do not fit \(positions.elementCount) positions")
        self.modality = modality
        self.values = values
        self.tokenCounts = tokenCounts
        self.positions = positions
        self.encoded = encoded
        self.ids = ids ?? tokenCounts.map { _ in nil }
    }

    /// Items that all take equally many positions.
    ///
    /// - Precondition: the number of values divides that of positions.
    public init(modality: Modality, values: Tensor, positions: Tensor) {
        let count = values.size(0)
        self.init(
            modality: modality, values: values,
            tokenCounts: Array(repeating: count > 0 ? positions.elementCount / count : 0, count: count),
            positions: positions)
    }

    /// Prepared items of one modality and one shape; encoded, and then without values, where all of them are.
    ///
    /// - Precondition: there is an item, and they fit together.
    public init(_ items: [PreparedMedia], positions: [Int64]) {
        precondition(!items.isEmpty, "a media batch needs an item")
        let encoded = items.compactMap(\.encoded)
        let isEncoded = encoded.count == items.count
        self.init(
            modality: items[0].modality, values: isEncoded ? nil : Tensor.stack(items.map(\.values), dim: 0),
            tokenCounts: items.map(\.tokenCount), positions: Tensor(positions, shape: [positions.count]),
            encoded: isEncoded ? Tensor.cat(encoded, dim: 0) : nil, ids: items.map(\.id))
    }

    /// Number of items, N.
    public var itemCount: Int { tokenCounts.count }
    /// Positions of all items, P.
    public var tokenCount: Int { tokenCounts.reduce(0, +) }

    /// The same batch on another device.
    public func to(_ device: Device) -> MediaBatch {
        var batch = self
        batch.values = values?.to(device)
        batch.positions = positions.to(device)
        batch.encoded = encoded?.to(device)
        return batch
    }

    /// The values, a part of the items at a time.
    package func valuesInPasses(of count: Int) -> [(values: Tensor, tokenCounts: [Int])] {
        guard let values else { return [] }
        return stride(from: 0, to: itemCount, by: count).map { start in
            let length = min(count, itemCount - start)
            return (
                length == itemCount ? values : values.narrow(dim: 0, start: start, length: length),
                Array(tokenCounts[start..<start + length])
            )
        }
    }

    /// Some of the items, which lie side by side, at other positions; nil for none.
    func items(_ range: Range<Int>, positions: [Int64], device: Device) -> MediaBatch? {
        guard !range.isEmpty else { return nil }
        let before = tokenCounts[..<range.lowerBound].reduce(0, +)
        let counts = Array(tokenCounts[range])
        return MediaBatch(
            modality: modality,
            values: values?.narrow(dim: 0, start: range.lowerBound, length: range.count), tokenCounts: counts,
            positions: Tensor(positions, shape: [positions.count]).to(device),
            encoded: encoded?.narrow(dim: 0, start: before, length: counts.reduce(0, +)), ids: Array(ids[range]))
    }
}
