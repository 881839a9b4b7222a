public import Torch

/// Multi-head attention of a sequence to itself, with optional grouped keys and values, rotary positions and cache.
public struct SelfAttention: Sendable {
    /// The shape of an attention layer and the published names of its projections.
    public struct Config: Sendable, Hashable {
        public var hiddenSize: Int
        public var headCount: Int
        public var keyValueHeadCount: Int
        public var headSize: Int
        public var bias: Bool
        /// `o_proj` in Llama, `out_proj` in CLIP.
        public var outputName: String
        public var initializer: Initializer
        public var outputInitializer: Initializer

        public init(
            hiddenSize: Int, headCount: Int, keyValueHeadCount: Int? = nil, headSize: Int? = nil, bias: Bool = false,
            outputName: String = "o_proj", initializer: Initializer = .fanInNormal,
            outputInitializer: Initializer = .fanInNormal
        ) {
            self.hiddenSize = hiddenSize
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount ?? headCount
            self.headSize = headSize ?? hiddenSize / headCount
            self.bias = bias
            self.outputName = outputName
            self.initializer = initializer
            self.outputInitializer = outputInitializer
        }
    }

    private let query, key, value, output: Linear
    private let heads: AttentionHeads

    public init(_ config: Config, at path: ParameterPath) {
        heads = AttentionHeads(
            headCount: config.headCount, keyValueHeadCount: config.keyValueHeadCount, headSize: config.headSize)
        let queryWidth = config.headCount * config.headSize
        let keyWidth = config.keyValueHeadCount * config.headSize
        func input(_ name: String, _ width: Int) -> Linear {
            Linear(config.hiddenSize, width, bias: config.bias, at: path / name, initializer: config.initializer)
        }
        query = input("q_proj", queryWidth)
        key = input("k_proj", keyWidth)
        value = input("v_proj", keyWidth)
        output = Linear(
            queryWidth, config.hiddenSize, bias: config.bias, at: path / config.outputName,
            initializer: config.outputInitializer)
    }

    /// Attends over x [B, T, D].
    ///
    /// - Parameters:
    ///   - mask: what a position may see; with a cache, what ``KVCache/mask(count:device:)`` gave for this pass.
    ///   - rotary: rotates queries and keys; nil for learned absolute positions.
    ///   - cache: holds earlier keys and values of layer `layer`, and takes the new ones.
    public func callAsFunction(
        _ x: Tensor, mask: AttentionMask, rotary: RotaryEmbedding.Tables? = nil, cache: KVCache? = nil, layer: Int = 0
    ) -> Tensor {
        output(
            heads(
                queries: query(x), keys: key(x), values: value(x), mask: mask, rotary: rotary, cache: cache,
                layer: layer))
    }
}
