public import NN
public import Torch

// Shapes: B rows, T positions, D width.

/// mPLUG-Owl2's language model: LLaMA whose norms, keys and values exist twice, for text and for images.
///
/// Queries, the output projection, the feed-forward, the final norm and the tables are shared; attention runs over the
/// one joint sequence. Generated tokens are text, so decoding takes branch 0 alone. Names follow
/// `MPLUGOwl2LlamaForCausalLM` of the published code.
public struct ModalityAdaptiveDecoder: Sendable {
    public let config: LLaMADecoder.Config
    private let embedding: Embedding
    private let layers: [Recomputable<Layer>]
    private let norm: RMSNorm
    /// nil where the table of embeddings is the head.
    private let head: Linear?
    private let rotary: RotaryEmbedding

    /// - Parameters:
    ///   - branchCount: 2; or 1 for a decoder that treats images as text.
    ///   - model: where the table, the layers and the final norm are.
    ///   - head: where the output head is.
    public init(
        _ config: LLaMADecoder.Config, branchCount: Int = 2, model: ParameterPath, head: ParameterPath
    ) {
        self.config = config
        embedding = Embedding(config.vocabularySize, config.hiddenSize, at: model / "embed_tokens")
        layers = (0..<config.layerCount).map { index in
            Recomputable(at: model / "layers" / index) { Layer(config, branchCount: branchCount, at: $0) }
        }
        norm = RMSNorm(config.hiddenSize, epsilon: config.normEpsilon, at: model / "norm")
        if config.tiesEmbeddings {
            self.head = nil
            head.alias("weight", to: embedding.weight)
        } else {
            self.head = Linear(config.hiddenSize, config.vocabularySize, bias: false, at: head)
        }
        rotary = config.rotaryEmbedding
    }

    /// int64[B, T] to [B, T, D].
    public func embed(_ tokenIDs: Tensor) -> Tensor { embedding(tokenIDs) }

    /// The normalised output of the last layer [B, T, D] for embeddings [B, T, D] at positions int64[B, T].
    ///
    /// - Parameter visualPositions: int64[K], flat positions in B * T that images fill; nil for text alone.
    public func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, visualPositions: Tensor?, cache: KVCache?
    ) -> Tensor {
        let routing = MultiwayRouting(second: visualPositions, positionCount: embeddings.size(0) * embeddings.size(1))
        let tables = rotary.tables(for: positionIDs, dtype: embeddings.dtype)
        let mask: AttentionMask =
            cache.map { $0.mask(count: embeddings.size(1), device: embeddings.device) }
            ?? layout.map { .segments($0) } ?? .causal
        var x = embeddings
        for (index, layer) in layers.enumerated() {
            if let cache {
                x = layer.once { $0(x, routing: routing, mask: mask, rotary: tables, cache: cache, index: index) }
            } else {
                x = layer(x) { $0($1, routing: routing, mask: mask, rotary: tables, cache: nil, index: index) }
            }
        }
        return norm(x)
    }

    /// Scores of the next token [..., V].
    public func logits(hiddenStates: Tensor) -> Tensor {
        head.map { $0(hiddenStates) } ?? linear(hiddenStates, embedding.weight.tensor)
    }

    /// A cache for `batch` rows of at most `capacity` tokens, in the weights' dtype and on their device.
    public func makeCache(batch: Int, capacity: Int) -> KVCache {
        let table = embedding.weight.tensor
        return KVCache(
            layerCount: config.layerCount, batch: batch, capacity: capacity,
            keyValueHeadCount: config.keyValueHeadCount, headSize: config.headSize, dtype: table.dtype,
            device: table.device)
    }

    /// Bytes of a cache, without making it.
    public func cacheByteCount(batch: Int, capacity: Int) -> Int {
        config.cacheByteCount(batch: batch, capacity: capacity, dtype: embedding.weight.tensor.dtype)
    }

    private struct Layer: Sendable {
        private let attentionNorm, feedForwardNorm: Multiway<RMSNorm>
        private let query, output: Linear
        private let key, value: Multiway<Linear>
        private let heads: AttentionHeads
        private let feedForward: FeedForward

        init(_ config: LLaMADecoder.Config, branchCount: Int, at path: ParameterPath) {
            let (width, attention, bias) = (config.hiddenSize, path / "self_attn", config.hasAttentionBias)
            func norm(_ name: String) -> Multiway<RMSNorm> {
                Multiway(count: branchCount, at: path / name) { RMSNorm(width, epsilon: config.normEpsilon, at: $0) }
            }
            func projection(_ name: String) -> Multiway<Linear> {
                Multiway(count: branchCount, at: attention / name) {
                    Linear(width, config.keyValueHeadCount * config.headSize, bias: bias, at: $0)
                }
            }
            heads = AttentionHeads(
                headCount: config.headCount, keyValueHeadCount: config.keyValueHeadCount, headSize: config.headSize)
            let queryWidth = config.headCount * config.headSize
            query = Linear(width, queryWidth, bias: bias, at: attention / "q_proj")
            key = projection("k_proj")
            value = projection("v_proj")
            output = Linear(queryWidth, width, bias: bias, at: attention / "o_proj")
            feedForward = FeedForward(width, config.intermediateSize, at: path / "mlp")
            attentionNorm = norm("input_layernorm")
            feedForwardNorm = norm("post_attention_layernorm")
        }

        func callAsFunction(
            _ input: Tensor, routing: MultiwayRouting, mask: AttentionMask, rotary: RotaryEmbedding.Tables,
            cache: KVCache?, index: Int
        ) -> Tensor {
            let normed = attentionNorm(input, routing: routing) { $0($1) }
            let attended = heads(
                queries: query(normed), keys: key(normed, routing: routing) { $0($1) },
                values: value(normed, routing: routing) { $0($1) }, mask: mask, rotary: rotary, cache: cache,
                layer: index)
            let x = input + output(attended)
            return x + feedForward(feedForwardNorm(x, routing: routing) { $0($1) })
        }
    }
}
