public import Torch

/// The keys and values of every layer for the tokens seen so far, so that each is computed once.
///
/// Each row keeps its own length: row r's tokens lie at positions `0 ..< lengths[r]` of dimension 2 of
/// [B, H, capacity, D]. What lies behind is garbage that no mask admits. Not `Sendable`: one generation owns it.
public final class KVCache {
    /// Tokens each row holds.
    public private(set) var lengths: [Int]
    /// Tokens a row can hold.
    public let capacity: Int
    private let keys, values: [Tensor]
    private let headCount: Int

    /// - Parameters:
    ///   - batch: rows, B.
    ///   - keyValueHeadCount: heads of keys and values, H.
    public init(
        layerCount: Int, batch: Int, capacity: Int, keyValueHeadCount: Int, headSize: Int, dtype: DType,
        device: Device
    ) {
        func table() -> Tensor {
            .zeros([batch, keyValueHeadCount, capacity, headSize], dtype: dtype, device: device)
        }
        lengths = Array(repeating: 0, count: batch)
        self.capacity = capacity
        headCount = keyValueHeadCount
        keys = withoutGrad { (0..<layerCount).map { _ in table() } }
        values = withoutGrad { (0..<layerCount).map { _ in table() } }
    }

    /// Rows.
    public var batch: Int { lengths.count }

    private var uniformLength: Int? { lengths.allSatisfy { $0 == lengths.first } ? lengths.first : nil }

    /// Writes one layer's keys and values [B, H, T, D] behind what each row holds, without counting them yet.
    ///
    /// - Returns: that layer's keys and values up to the longest row's new end.
    /// - Precondition: they fit the capacity.
    public func update(layer: Int, keys newKeys: Tensor, values newValues: Tensor) -> (keys: Tensor, values: Tensor) {
        let count = newKeys.size(2)
        let end = (lengths.max() ?? 0) + count
        precondition(end <= capacity, "the key-value cache holds \(capacity) tokens, but \(end) are needed")
        write(newKeys, to: keys[layer], count: count)
        write(newValues, to: values[layer], count: count)
        return (
            keys[layer].narrow(dim: 2, start: 0, length: end), values[layer].narrow(dim: 2, start: 0, length: end)
        )
    }

    private func write(_ new: Tensor, to table: Tensor, count: Int) {
        if let start = uniformLength {
            table.narrow(dim: 2, start: start, length: count).copy_(new)
            return
        }
        for (row, start) in lengths.enumerated() {
            table.select(dim: 0, index: row).narrow(dim: 1, start: start, length: count)
                .copy_(new.select(dim: 0, index: row))
        }
    }

    /// What `count` new tokens a row may attend to: everything before them in their row, and themselves, causally.
    public func mask(count: Int, device: Device) -> AttentionMask {
        if uniformLength != nil { return .causal }
        let end = (lengths.max() ?? 0) + count
        let columns = Tensor.arange(end, device: device).reshape([1, 1, end])
        let last = Tensor(
            lengths.flatMap { length in (0..<count).map { Int64(length + $0) } }, shape: [batch, count, 1]
        ).to(device)
        return .allowed(columns.lessOrEqual(to: last).unsqueeze(1))  // [B, 1, T, end]
    }

    /// Counts the tokens that the last pass wrote; rows padded on the right count fewer.
    public func advance(by counts: [Int]) {
        precondition(counts.count == batch, "\(counts.count) counts for a cache of \(batch) rows")
        for row in lengths.indices { lengths[row] += counts[row] }
    }

    /// Takes over the first `length` tokens of another cache of the same rows, layers and heads.
    ///
    /// - Precondition: both hold as many rows, the other holds `length` tokens in each, and they fit the capacity.
    public func copy(first length: Int, of other: KVCache) {
        precondition(
            other.batch == batch && other.keys.count == keys.count && length <= capacity
                && other.lengths.allSatisfy { $0 >= length },
            "\(length) tokens of \(other.batch) rows do not fit a cache of \(capacity) tokens and \(batch) rows")
        for (own, theirs) in zip(keys + values, other.keys + other.values) {
            own.narrow(dim: 2, start: 0, length: length).copy_(theirs.narrow(dim: 2, start: 0, length: length))
        }
        lengths = lengths.map { _ in length }
    }

    /// Forgets everything behind the first `length` tokens of every row.
    public func truncate(to length: Int) {
        for row in lengths.indices { lengths[row] = min(lengths[row], length) }
    }
}
