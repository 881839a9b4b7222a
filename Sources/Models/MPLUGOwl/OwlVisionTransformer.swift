public import NN
public import Torch

// Shapes: N images, F frames, S image size in pixels, L patches (a square grid, row-major), W width, H heads.

/// The vision transformer of mPLUG-Owl and mPLUG-Owl2: CLIP's ViT-L/14 in another dress.
///
/// It differs from CLIP's in four ways: epsilon 1e-6, one fused projection whose rows are interleaved head by head
/// (q, k, v of head 0, then of head 1, ...), `post_layernorm` over every token, and the last layer's output is used, class
/// token included. Names and order follow `MplugOwlVisionModel` of the published code.
public struct OwlVisionTransformer: Sendable {
    /// The shape of the encoder; the defaults are ViT-L/14.
    public struct Config: Sendable, Hashable, Codable {
        public var imageSize: Int
        public var patchSize = 14
        public var hiddenSize = 1024
        public var intermediateSize = 4096
        public var layerCount = 24
        public var headCount = 16
        public var activation = Activation.quickGELU
        public var normEpsilon = 1e-6
        /// Without a class token the position table is stored for a 16 x 16 grid and resized (mPLUG-Owl2.1).
        public var hasClassToken = true
        public var hasPostNorm = true
        /// Whether every layer begins with a ``TemporalModule`` (mPLUG-Owl video).
        public var isTemporal = false

        public init(imageSize: Int) { self.imageSize = imageSize }

        /// Patches along a side.
        public var gridSize: Int { imageSize / patchSize }
        /// Tokens of an image, L or 1 + L.
        public var tokenCount: Int { gridSize * gridSize + (hasClassToken ? 1 : 0) }
    }

    /// Rows of the position table of an encoder without class token: a grid of 16 x 16.
    static let storedPositionCount = 256

    public let config: Config
    private let classToken: Parameter?
    private let positions: Parameter
    private let patchWeight: Parameter
    private let preNorm: LayerNorm
    private let layers: [Recomputable<Layer>]
    private let postNorm: LayerNorm?

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        let embeddings = path / "embeddings", width = config.hiddenSize
        let start = Initializer.truncatedNormal(0.02)
        classToken =
            config.hasClassToken ? embeddings.parameter("cls_token", shape: [1, 1, width], initializer: start) : nil
        positions = embeddings.parameter(
            "position_embedding",
            shape: config.hasClassToken ? [1, config.tokenCount, width] : [Self.storedPositionCount, width],
            initializer: start)
        patchWeight = (embeddings / "patch_embed").parameter(
            "weight", shape: [width, 3, config.patchSize, config.patchSize], initializer: .normal(0.02))
        preNorm = LayerNorm(width, epsilon: config.normEpsilon, at: embeddings / "pre_layernorm")
        layers = (0..<config.layerCount).map { index in
            Recomputable(at: path / "encoder" / "layers" / index) { Layer(config, at: $0) }
        }
        postNorm =
            config.hasPostNorm ? LayerNorm(width, epsilon: config.normEpsilon, at: path / "post_layernorm") : nil
    }

    /// Images float32[N, 3, S, S] to features [N, 1 + L, W].
    public func features(_ pixelValues: Tensor) -> Tensor { features(frames: pixelValues, perClip: 1) }

    /// Clips float32[N, 3, F, S, S] to features [N, F, 1 + L, W].
    ///
    /// Each frame runs through the encoder; with several frames the temporal modules join them.
    public func clipFeatures(_ pixelValues: Tensor) -> Tensor {
        let shape = pixelValues.shape
        let frames = pixelValues.transpose(1, 2).reshape([shape[0] * shape[2], 3, shape[3], shape[4]])
        return features(frames: frames, perClip: shape[2])
            .reshape([shape[0], shape[2], config.tokenCount, config.hiddenSize])
    }

    /// Frames [N * F, 3, S, S], those of a clip together, to [N * F, 1 + L, W].
    private func features(frames: Tensor, perClip frameCount: Int) -> Tensor {
        var x = conv2d(frames.to(patchWeight.tensor.dtype), patchWeight.tensor, stride: config.patchSize)
            .flatten(2).transpose(1, 2)  // [N * F, L, W]
        if let classToken {
            x = Tensor.cat([classToken.tensor.expand([x.size(0), 1, config.hiddenSize]), x], dim: 1)
        }
        x = preNorm(x + positionTable())
        for layer in layers { x = layer(x) { $0($1, frameCount: frameCount) } }
        return postNorm?(x) ?? x
    }

    /// [1, tokens, W]; resized bicubically where it is stored for another grid.
    private func positionTable() -> Tensor {
        let table = positions.tensor
        guard !config.hasClassToken else { return table }
        let side = 16
        let image = table.to(.float32).reshape([1, side, side, config.hiddenSize]).permute([0, 3, 1, 2])
        return interpolate(image, height: config.gridSize, width: config.gridSize, mode: .bicubic, antialias: false)
            .flatten(2).transpose(1, 2).to(table.dtype)
    }

    private struct Layer: Sendable {
        private let attentionNorm, feedForwardNorm: LayerNorm
        private let queryKeyValue, output: Linear
        private let feedForward: MultilayerPerceptron
        private let temporal: TemporalModule?
        private let config: Config

        init(_ config: Config, at path: ParameterPath) {
            self.config = config
            let width = config.hiddenSize
            let start = Initializer.normal(0.02)
            temporal =
                config.isTemporal
                ? TemporalModule(width, gridSize: config.gridSize, at: path / "temporal") : nil
            queryKeyValue = Linear(
                width, 3 * width, bias: true, at: path / "self_attn" / "query_key_value", initializer: start)
            output = Linear(width, width, bias: true, at: path / "self_attn" / "dense", initializer: start)
            attentionNorm = LayerNorm(width, epsilon: config.normEpsilon, at: path / "input_layernorm")
            feedForward = MultilayerPerceptron(
                width, config.intermediateSize, activation: config.activation, at: path / "mlp")
            feedForwardNorm = LayerNorm(width, epsilon: config.normEpsilon, at: path / "post_attention_layernorm")
        }

        /// [N * F, tokens, W].
        func callAsFunction(_ input: Tensor, frameCount: Int) -> Tensor {
            var x = input
            if let temporal, frameCount > 1 { x = x + temporal(x, frameCount: frameCount) }
            x = x + output(attended(attentionNorm(x)))
            return x + feedForward(feedForwardNorm(x))
        }

        private func attended(_ x: Tensor) -> Tensor {
            let shape = x.shape
            let parts = queryKeyValue(x)
                .reshape([shape[0], shape[1], config.headCount, 3, shape[2] / config.headCount])
                .permute([3, 0, 2, 1, 4])  // [3, N, H, tokens, W/H]
            let (q, k, v) = (
                parts.select(dim: 0, index: 0), parts.select(dim: 0, index: 1), parts.select(dim: 0, index: 2)
            )
            return attention(q, k, v).transpose(1, 2).reshape(shape)
        }
    }
}
