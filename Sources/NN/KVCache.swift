public import Torch

/// The keys and values of every layer for the tokens seen so far, so that each is computed once.
///
/// The memory of each layer is a table [slots, H, capacity, D]. The rows in use lie in its first ``batch`` slots, so a pass reads
/// them as they lie and a free slot takes part in no computation. Rows join after the last one, and when a row is removed the
/// last one moves into its slot. Each row keeps its own length: row r's tokens lie at positions `0 ..< lengths[r]` of
/// dimension 2. What comes after is finite garbage that no mask admits. Not `Sendable`: one generation owns it.
public final class KVCache {
    /// Tokens each row in use holds.
    public private(set) var lengths: [Int]
    /// Rows there is memory for.
    public private(set) var slotCount: Int
    /// Tokens a row can hold.
    public private(set) var capacity: Int
    /// Where the tables are.
    public let device: Device
    private let headCount, headSize: Int
    private let dtype: DType
    private var keys, values: [Tensor]

    /// A cache of `batch` empty rows, all in use.
    ///
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
        slotCount = batch
        self.capacity = capacity
        self.headSize = headSize
        self.dtype = dtype
        self.device = device
        headCount = keyValueHeadCount
        keys = withoutGrad { (0..<layerCount).map { _ in table() } }
        values = withoutGrad { (0..<layerCount).map { _ in table() } }
    }

    /// Rows in use.
    public var batch: Int { lengths.count }

    /// Bytes of all tables, free slots included.
    public var byteCount: Int {
        (keys.count + values.count) * slotCount * headCount * capacity * headSize * dtype.byteCount
    }

    private var uniformLength: Int? { lengths.allSatisfy { $0 == lengths.first } ? lengths.first : nil }

    /// Writes one layer's keys and values [B, H, T, D] after what each row holds, without counting them yet.
    ///
    /// - Returns: that layer's keys and values up to the longest row's new end.
    /// - Precondition: they fit the capacity.
    public func update(layer: Int, keys newKeys: Tensor, values newValues: Tensor) -> (keys: Tensor, values: Tensor) {
        let count = newKeys.size(2)
        let end = (lengths.max() ?? 0) + count
        precondition(end <= capacity, "the key-value cache holds \(capacity) tokens, but \(end) are needed")
        let (ownKeys, ownValues) = (rowsInUse(keys[layer]), rowsInUse(values[layer]))
        write(newKeys, to: ownKeys, count: count)
        write(newValues, to: ownValues, count: count)
        return (
            ownKeys.narrow(dim: 2, start: 0, length: end), ownValues.narrow(dim: 2, start: 0, length: end)
        )
    }

    /// The part of a table that rows in use fill.
    private func rowsInUse(_ table: Tensor) -> Tensor {
        batch == slotCount ? table : table.narrow(dim: 0, start: 0, length: batch)
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

    /// Forgets everything after the first `length` tokens of every row.
    public func truncate(to length: Int) {
        for row in lengths.indices { lengths[row] = min(lengths[row], length) }
    }
}

extension KVCache {
    /// Makes room for `slots` rows of `capacity` tokens; less than there is changes nothing.
    ///
    /// What the rows hold is copied one table at a time, so no more than one table exists twice.
    public func reserve(slots: Int = 0, capacity: Int = 0) {
        guard slots > slotCount || capacity > self.capacity else { return }
        slotCount = max(slots, slotCount)
        self.capacity = max(capacity, self.capacity)
        withoutGrad {
            for layer in keys.indices {
                keys[layer] = enlarged(keys[layer])
                values[layer] = enlarged(values[layer])
            }
        }
    }

    private func enlarged(_ table: Tensor) -> Tensor {
        let new = Tensor.zeros([slotCount, headCount, capacity, headSize], dtype: dtype, device: device)
        let used = lengths.max() ?? 0
        if used > 0 {
            block(of: new, rows: 0..<batch, length: used).copy_(block(of: table, rows: 0..<batch, length: used))
        }
        return new
    }

    /// Takes over the rows of another cache of the same model, after its own; makes room where there is too little.
    public func append(_ other: KVCache) {
        precondition(
            other.keys.count == keys.count && other.headCount == headCount && other.headSize == headSize,
            "a cache of \(keys.count) layers cannot take over rows of \(other.keys.count) layers, or of other heads")
        let rows = batch..<batch + other.batch
        let length = other.lengths.max() ?? 0
        reserve(slots: rows.upperBound, capacity: length)
        for (own, theirs) in zip(keys + values, other.keys + other.values) where length > 0 {
            block(of: own, rows: rows, length: length)
                .copy_(block(of: theirs, rows: 0..<other.batch, length: length))
        }
        lengths += other.lengths
    }

    /// Takes a row out of use; the last row moves into its slot and gets its number.
    ///
    /// - Parameter erasing: whether the slot is filled with zeros first, as it must be where the row may hold NaN: masked
    ///   positions have the weight 0, and 0 times NaN is NaN.
    /// - Complexity: one copy of the last row; none where the row is the last one.
    public func removeRow(_ row: Int, erasing: Bool = false) {
        let last = batch - 1
        precondition((0...last).contains(row), "row \(row) of a cache of \(batch) rows")
        for table in keys + values {
            if erasing {
                let slot = table.select(dim: 0, index: row)
                slot.copy_(Tensor.zeros(slot.shape, dtype: dtype, device: device))
            }
            if row != last && lengths[last] > 0 {
                block(of: table, rows: row..<row + 1, length: lengths[last])
                    .copy_(block(of: table, rows: last..<last + 1, length: lengths[last]))
            }
        }
        lengths.swapAt(row, last)
        lengths.removeLast()
    }

    /// A cache that holds a copy of one row and nothing else.
    public func copy(ofRow row: Int) -> KVCache {
        let length = lengths[row]
        let copy = KVCache(
            layerCount: keys.count, batch: 1, capacity: max(1, length), keyValueHeadCount: headCount,
            headSize: headSize, dtype: dtype, device: device)
        for (own, new) in zip(keys + values, copy.keys + copy.values) where length > 0 {
            block(of: new, rows: 0..<1, length: length).copy_(block(of: own, rows: row..<row + 1, length: length))
        }
        copy.lengths = [length]
        return copy
    }

    /// The first `length` tokens of some rows of a table.
    private func block(of table: Tensor, rows: Range<Int>, length: Int) -> Tensor {
        table.narrow(dim: 0, start: rows.lowerBound, length: rows.count).narrow(dim: 2, start: 0, length: length)
    }
}
