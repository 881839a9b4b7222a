import CTorch

/// Where the examples packed into a batch of rows lie.
public struct SegmentLayout: Sendable, Hashable {
    /// A run of consecutive positions in one row that attends only to itself.
    public struct Segment: Sendable, Hashable {
        public var row: Int
        public var start: Int
        public var length: Int

        public init(row: Int, start: Int, length: Int) {
            self.row = row
            self.start = start
            self.length = length
        }
    }

    /// Rows and columns of the packed batch.
    public var rows: Int
    public var columns: Int
    /// Non-overlapping segments; positions outside every segment are padding.
    public var segments: [Segment]

    public init(rows: Int, columns: Int, segments: [Segment]) {
        self.rows = rows
        self.columns = columns
        self.segments = segments
    }
}

/// What a position may attend to, said by meaning; the fastest kernel that honours it is chosen.
public enum AttentionMask: Sendable {
    /// Every position sees every other.
    case full
    /// A position sees itself and what came before; queries are the last positions of the keys.
    case causal
    /// Causal, but every position also sees the first `prefix[b]` positions of its row.
    case prefix([Int])
    /// Block-diagonal causal: a position sees itself and what came before within its own segment.
    case segments(SegmentLayout)
    /// A bool mask, true where a query may see a key, broadcastable to [B, H, Tq, Tk].
    case allowed(Tensor)
}

/// softmax(q k^T scale) v under a mask, for q [B, H, Tq, D] and k, v [B, G, Tk, D]; the result is [B, H, Tq, D].
///
/// G divides H: each key-value head serves H / G query heads in a row.
///
/// Outputs at padding positions of `.segments` are zero.
/// - Parameter scale: factor of the scores; nil means D^-0.5.
public func attention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: AttentionMask = .full, scale: Double? = nil,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    switch mask {
    case .full:
        return scaledDotProduct(query, key, value, nil, causal: false, scale, file, line)
    case .causal:
        let queries = query.size(2), keys = key.size(2)
        // A single new query sees everything; libtorch's causal flag aligns masks at the first key, ours at the last.
        if queries == 1 { return scaledDotProduct(query, key, value, nil, causal: false, scale, file, line) }
        if queries == keys { return scaledDotProduct(query, key, value, nil, causal: true, scale, file, line) }
        let allowed = Tensor.ones([queries, keys], dtype: .bool, device: query.device)
            .tril(diagonal: keys - queries)
        return scaledDotProduct(query, key, value, allowed, causal: false, scale, file, line)
    case .prefix(let lengths):
        let queries = query.size(2), keys = key.size(2)
        let causal = Tensor.ones([queries, keys], dtype: .bool, device: query.device).tril(diagonal: keys - queries)
        let prefix = Tensor.arange(keys, device: query.device).unsqueeze(0)
            .less(than: Tensor(lengths.map(Int64.init)).to(query.device).unsqueeze(1))  // [B, Tk]
        let allowed = causal.unsqueeze(0).logicalOr(prefix.unsqueeze(1)).unsqueeze(1)  // [B, 1, Tq, Tk]
        return scaledDotProduct(query, key, value, allowed, causal: false, scale, file, line)
    case .segments(let layout):
        return segmentedAttention(query, key, value, layout, scale, file, line)
    case .allowed(let allowed):
        return scaledDotProduct(query, key, value, allowed, causal: false, scale, file, line)
    }
}

private func scaledDotProduct(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ allowed: Tensor?, causal: Bool, _ scale: Double?,
    _ file: StaticString, _ line: UInt
) -> Tensor {
    query.ternary(key, value, file, line) { q, k, v in
        Tensor.withOptional(allowed) { mask in
            withUnsafePointer(to: scale ?? 0) {
                syrinx_torch_scaled_dot_product_attention(q, k, v, mask, causal, scale == nil ? nil : $0)
            }
        }
    }
}

/// Block-diagonal causal attention without a mask.
///
/// Segments of similar length are gathered into one batch, padded at their ends: under a causal mask no real position
/// sees the padding behind it, so plain causal attention is exact, and nothing of size T by T is made.
private func segmentedAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ layout: SegmentLayout, _ scale: Double?,
    _ file: StaticString, _ line: UInt
) -> Tensor {
    let shape = query.shape
    guard
        check(
            shape.count == 4 && shape[0] == layout.rows && shape[2] == layout.columns,
            "attention over a layout of \(layout.rows) rows of \(layout.columns), but queries have shape \(shape)",
            file: file, line: line)
    else { return .poisoned }
    let (heads, headSize) = (shape[1], shape[3])
    let sharing = heads / key.size(1)
    let (key, value) =
        sharing == 1
        ? (key, value) : (key.repeatInterleave(sharing, dim: 1), value.repeatInterleave(sharing, dim: 1))
    let positions = layout.rows * layout.columns
    // [B, H, T, D] -> [B*T, H*D], so that gathering moves whole rows.
    func rows(_ x: Tensor) -> Tensor { x.transpose(1, 2).reshape([positions, heads * headSize]) }
    let flat = Tensor.cat([rows(query), rows(key), rows(value)], dim: 1)  // [B*T, 3*H*D]

    var outputs: [Tensor] = []
    var targets: [Int64] = []
    for bucket in SegmentBucket.buckets(of: layout) {
        let gathered = flat.indexSelect(dim: 0, bucket.gatherIndex.to(query.device))
            .reshape([bucket.segments.count, bucket.length, 3, heads, headSize]).permute([2, 0, 3, 1, 4])
        let result = scaledDotProduct(
            gathered.select(dim: 0, index: 0), gathered.select(dim: 0, index: 1), gathered.select(dim: 0, index: 2),
            nil, causal: true, scale, file, line)
        let resultRows = result.transpose(1, 2).reshape([bucket.segments.count * bucket.length, heads * headSize])
        outputs.append(bucket.isPadded ? resultRows.indexSelect(dim: 0, bucket.keptIndex.to(query.device)) : resultRows)
        targets += bucket.targets
    }
    guard !outputs.isEmpty else { return Tensor.zeros(shape, dtype: query.dtype, device: query.device) }
    let all = outputs.count == 1 ? outputs[0] : Tensor.cat(outputs, dim: 0)
    let placed: Tensor
    if targets.count == positions {
        // Every position belongs to a segment: undoing a permutation is a gather.
        var inverse = [Int64](repeating: 0, count: positions)
        for (index, target) in targets.enumerated() { inverse[Int(target)] = Int64(index) }
        placed = all.indexSelect(dim: 0, Tensor(inverse).to(query.device))
    } else {
        placed = Tensor.zeros([positions, heads * headSize], dtype: query.dtype, device: query.device)
            .indexCopy(dim: 0, index: Tensor(targets).to(query.device), source: all)
    }
    return placed.reshape([layout.rows, layout.columns, heads, headSize]).transpose(1, 2)
}

/// Segments whose lengths round up to the same size.
struct SegmentBucket {
    let columns: Int
    let length: Int
    var segments: [SegmentLayout.Segment]

    /// Groups a layout's segments by length rounded up to a multiple of 16 or, beyond 128, of 64.
    static func buckets(of layout: SegmentLayout) -> [SegmentBucket] {
        var byLength: [Int: [SegmentLayout.Segment]] = [:]
        for segment in layout.segments where segment.length > 0 {
            let step = segment.length <= 128 ? 16 : 64
            byLength[(segment.length + step - 1) / step * step, default: []].append(segment)
        }
        return byLength.sorted { $0.key < $1.key }.map {
            // Padding beyond the longest member is never needed.
            let longest = $0.value.map(\.length).max() ?? $0.key
            return SegmentBucket(columns: layout.columns, length: longest, segments: $0.value)
        }
    }

    var isPadded: Bool { segments.contains { $0.length != length } }

    /// Flat positions of every member, the last one repeated up to the bucket's length.
    var gatherIndex: Tensor {
        Tensor(
            segments.flatMap { segment in
                (0..<length).map { Int64(segment.row * columns + segment.start + min($0, segment.length - 1)) }
            })
    }

    /// Which of the gathered rows are real.
    var keptIndex: Tensor {
        Tensor(
            segments.enumerated().flatMap { index, segment in
                (0..<segment.length).map { Int64(index * length + $0) }
            })
    }

    /// Flat positions the real rows go back to, in gathered order.
    var targets: [Int64] {
        segments.flatMap { segment in
            (0..<segment.length).map { Int64(segment.row * columns + segment.start + $0) }
        }
    }
}
