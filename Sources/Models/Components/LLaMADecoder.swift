public import NN
public import Torch

// Shapes: B rows, T positions, D width, V vocabulary.

/// A decoder-only transformer of the LLaMA kind: pre-norm with RMSNorm, rotary attention, SwiGLU, no biases unless
/// its configuration has some.
///
/// AXLearn's public decoders have this shape with interleaved rotary pairs. Parameter names are those of Hugging Face's `LlamaForCausalLM`.
public struct LLaMADecoder: TextDecoder {
    public let config: Config
    private let embedding: Embedding
    private let layers: [Recomputable<Layer>]
    private let norm: RMSNorm
    private let head: Parameter
    private let rotary: RotaryEmbedding

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        let model = path / "model"
        embedding = Embedding(
            config.vocabularySize, config.hiddenSize, at: model / "embed_tokens",
            initializer: .normal(1 / Double(config.hiddenSize).squareRoot()))
        layers = (0..<config.layerCount).map { index in
            Recomputable(at: model / "layers" / index) { Layer(config, at: $0) }
        }
        norm = RMSNorm(config.hiddenSize, epsilon: config.normEpsilon, at: model / "norm")
        let headPath = path / "lm_head"
        if config.tiesEmbeddings {
            head = embedding.weight
            headPath.alias("weight", to: embedding.weight)
        } else {
            head = headPath.parameter(
                "weight", shape: [config.vocabularySize, config.hiddenSize], initializer: .fanInNormal)
        }
        rotary = config.rotaryEmbedding
    }

    public var vocabularySize: Int { config.vocabularySize }
    public var contextLength: Int { config.contextLength }

    /// int64[B, T] to [B, T, D].
    public func embed(_ tokenIDs: Tensor) -> Tensor { embedding(tokenIDs) }

    /// The normalised output of the last layer [B, T, D] for embeddings [B, T, D] at positions int64[B, T].
    public func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout?, cache: KVCache?
    ) -> Tensor {
        let tables = rotary.tables(for: positionIDs, dtype: embeddings.dtype)
        let mask: AttentionMask =
            cache.map { $0.mask(count: embeddings.size(1), device: embeddings.device) }
            ?? layout.map { .segments($0) } ?? .causal
        var x = embeddings
        for (index, layer) in layers.enumerated() {
            if let cache {
                x = layer.once { $0(x, mask: mask, rotary: tables, cache: cache, index: index) }
            } else {
                x = layer(x) { $0($1, mask: mask, rotary: tables, cache: nil, index: index) }
            }
        }
        return norm(x)
    }

    /// Scores of the next token [..., V].
    public func logits(hiddenStates: Tensor) -> Tensor { linear(hiddenStates, head.tensor) }

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

    /// One block: attention and feed-forward, each reading a normalised input and added to it.
    private struct Layer: Sendable {
        private let attentionNorm, feedForwardNorm: RMSNorm
        private let attention: SelfAttention
        private let feedForward: FeedForward

        init(_ config: Config, at path: ParameterPath) {
            attentionNorm = RMSNorm(config.hiddenSize, epsilon: config.normEpsilon, at: path / "input_layernorm")
            attention = SelfAttention(
                .init(
                    hiddenSize: config.hiddenSize, headCount: config.headCount,
                    keyValueHeadCount: config.keyValueHeadCount, headSize: config.headSize,
                    bias: config.hasAttentionBias),
                at: path / "self_attn")
            feedForwardNorm = RMSNorm(
                config.hiddenSize, epsilon: config.normEpsilon, at: path / "post_attention_layernorm")
            feedForward = FeedForward(
                config.hiddenSize, config.intermediateSize, bias: config.hasFeedForwardBias, at: path / "mlp")
        }

        func callAsFunction(
            _ input: Tensor, mask: AttentionMask, rotary: RotaryEmbedding.Tables, cache: KVCache?, index: Int
        ) -> Tensor {
            let x = input + attention(attentionNorm(input), mask: mask, rotary: rotary, cache: cache, layer: index)
            return x + feedForward(feedForwardNorm(x))
        }
    }
}

extension LLaMADecoder {
    /// The shape of a decoder. Families' sizes are in their folders.
    public struct Config: Sendable, Hashable, Codable {
        public var vocabularySize: Int
        public var hiddenSize: Int
        public var intermediateSize: Int
        public var layerCount: Int
        public var headCount: Int
        public var keyValueHeadCount: Int
        public var headSize: Int
        public var contextLength: Int
        public var normEpsilon: Double
        public var ropeTheta: Double
        /// What positions are divided by (`rope_scaling` of type `linear`); nil for positions as they are.
        public var ropeScalingFactor: Double?
        /// How frequencies are stretched by how fast they turn (types `llama3` and `yarn`); nil for none.
        public var ropeBands: RotaryBands?
        public var ropeLayout: RotaryEmbedding.Layout
        /// Whether the output head is the embedding table.
        public var tiesEmbeddings: Bool
        /// Which projections have biases; nil for none.
        public var biases: DecoderBiases?

        public init(
            vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
            keyValueHeadCount: Int? = nil, headSize: Int? = nil, contextLength: Int, normEpsilon: Double = 1e-5,
            ropeTheta: Double = 10_000, ropeScalingFactor: Double? = nil, ropeLayout: RotaryEmbedding.Layout,
            tiesEmbeddings: Bool
        ) {
            self.vocabularySize = vocabularySize
            self.hiddenSize = hiddenSize
            self.intermediateSize = intermediateSize
            self.layerCount = layerCount
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount ?? headCount
            self.headSize = headSize ?? hiddenSize / headCount
            self.contextLength = contextLength
            self.normEpsilon = normEpsilon
            self.ropeTheta = ropeTheta
            self.ropeScalingFactor = ropeScalingFactor
            self.ropeLayout = ropeLayout
            self.tiesEmbeddings = tiesEmbeddings
        }

        /// The rotation of queries and keys.
        var rotaryEmbedding: RotaryEmbedding {
            RotaryEmbedding(
                headSize: headSize, theta: ropeTheta, layout: ropeLayout, scalingFactor: ropeScalingFactor ?? 1,
                bands: ropeBands)
        }

        /// Whether queries, keys, values and the attention's output have biases (`attention_bias`).
        var hasAttentionBias: Bool { biases == .attention || biases == .everywhere }
        /// Whether the three projections of the feed-forward have biases (`mlp_bias`).
        var hasFeedForwardBias: Bool { biases == .feedForward || biases == .everywhere }

        /// Bytes of the keys and values of `batch` rows of `capacity` tokens in `dtype`.
        func cacheByteCount(batch: Int, capacity: Int, dtype: DType) -> Int {
            2 * layerCount * batch * keyValueHeadCount * capacity * headSize * dtype.byteCount
        }
    }
}
