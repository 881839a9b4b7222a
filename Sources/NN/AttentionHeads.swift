public import Torch

/// Attention between its projections: heads, rotation, cache, grouped keys and values, scores.
///
/// What self-attention of every kind shares, wherever its queries, keys and values were projected.
public struct AttentionHeads: Sendable {
    public let headCount: Int
    public let keyValueHeadCount: Int
    public let headSize: Int

    /// - Precondition: the heads can share the key-value heads evenly.
    public init(headCount: Int, keyValueHeadCount: Int? = nil, headSize: Int) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount ?? headCount
        self.headSize = headSize
        precondition(
            headCount % self.keyValueHeadCount == 0,
            "\(headCount) heads cannot share \(self.keyValueHeadCount) key-value heads")
    }

    /// Projected queries [B, T, H * D] and keys and values [B, S, Hkv * D] to the attended values [B, T, H * D].
    ///
    /// - Parameters:
    ///   - mask: what a position may see; with a cache, what ``KVCache/mask(count:device:)`` gave for this pass.
    ///   - rotary: rotates queries and keys; nil for learned absolute positions.
    ///   - cache: holds earlier keys and values of layer `layer`, and takes the new ones.
    public func callAsFunction(
        queries: Tensor, keys: Tensor, values: Tensor, mask: AttentionMask, rotary: RotaryEmbedding.Tables? = nil,
        cache: KVCache? = nil, layer: Int = 0
    ) -> Tensor {
        func heads(_ projected: Tensor, _ count: Int) -> Tensor {
            projected.reshape([projected.size(0), projected.size(1), count, headSize]).transpose(1, 2)  // [B, H, T, D]
        }
        var q = heads(queries, headCount)
        var k = heads(keys, keyValueHeadCount)
        var v = heads(values, keyValueHeadCount)
        if let rotary { (q, k) = (rotary(q), rotary(k)) }
        if let cache { (k, v) = cache.update(layer: layer, keys: k, values: v) }
        let groups = headCount / keyValueHeadCount
        if groups > 1 { (k, v) = (k.repeatInterleave(groups, dim: 1), v.repeatInterleave(groups, dim: 1)) }
        return attention(q, k, v, mask: mask).transpose(1, 2)
            .reshape([queries.size(0), queries.size(1), headCount * headSize])
    }
}
