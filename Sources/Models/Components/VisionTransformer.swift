public import NN
public import Torch

// Shapes: N images, S image size in pixels, L patches (a square grid, row-major), W width.

/// A CLIP-style vision transformer (Radford et al., 2021; Dosovitskiy et al., 2020).
///
/// Patch embedding without bias, class token, learned positions, `pre_layrnorm` (the published misspelling), pre-norm
/// blocks, `post_layernorm`. Parameter names are those of Hugging Face's `CLIPVisionModel`.
public struct VisionTransformer: Sendable {
    public let config: Config
    private let stem: PatchStem
    private let classEmbedding: Parameter?
    private let positionEmbedding: Parameter
    private let preNorm: LayerNorm?
    private let blocks: [Recomputable<Block>]
    private let postNorm: LayerNorm
    private let projection: Linear?

    public init(_ config: Config, at path: ParameterPath) {
        self.config = config
        let embeddings = path / "embeddings"
        let deviation = Initializer.normal(1 / Double(config.hiddenSize).squareRoot())
        classEmbedding =
            config.hasClassToken
            ? embeddings.parameter("class_embedding", shape: [config.hiddenSize], initializer: deviation) : nil
        stem = PatchStem(config, at: embeddings)
        positionEmbedding = (embeddings / "position_embedding").parameter(
            "weight", shape: [config.positionCount, config.hiddenSize], initializer: deviation)
        preNorm =
            config.hasPreNorm
            ? LayerNorm(config.hiddenSize, epsilon: config.normEpsilon, at: path / "pre_layrnorm") : nil
        blocks = (0..<config.layerCount).map { index in
            Recomputable(at: path / "encoder" / "layers" / index) { Block(config, at: $0) }
        }
        postNorm = LayerNorm(config.hiddenSize, epsilon: config.normEpsilon, at: path / "post_layernorm")
        projection = config.projectionSize.map {
            Linear(config.hiddenSize, $0, bias: false, at: path / "visual_projection", initializer: deviation)
        }
    }

    /// Images float32[N, 3, S, S] to the last block's output [N, 1 + L, W], before `post_layernorm`.
    public func hiddenStates(_ pixelValues: Tensor) -> Tensor {
        let table = positionEmbedding.tensor
        var x = stem(pixelValues.to(table.dtype))  // [N, L, W]
        if let classEmbedding {
            let token = classEmbedding.tensor.reshape([1, 1, config.hiddenSize])
                .expand([x.size(0), 1, config.hiddenSize])
            x = Tensor.cat([token, x], dim: 1)
        }
        x = x + table
        if let preNorm { x = preNorm(x) }
        for block in blocks { x = block(x) { $0($1) } }
        return x
    }

    /// Patch features [N, L, W] for a connector: without the class token, from the configured feature layer.
    public func patchFeatures(_ pixelValues: Tensor) -> Tensor {
        var x = hiddenStates(pixelValues)
        if config.featureLayer == .postNorm { x = postNorm(x) }
        return config.hasClassToken ? x.narrow(dim: 1, start: 1, length: config.patchCount) : x
    }

    /// Image embeddings [N, E] as CLIP compares them with texts: the class token, normalised and projected.
    ///
    /// Without a class token the mean patch takes its place; without a projection E is the width.
    public func imageEmbeddings(_ pixelValues: Tensor) -> Tensor {
        let x = hiddenStates(pixelValues)
        let pooled = postNorm(config.hasClassToken ? x.select(dim: 1, index: 0) : x.mean(dims: [1]))
        return projection.map { $0(pooled) } ?? pooled
    }

    /// A pre-norm transformer block: attention and a two-layer perceptron, each added to its input.
    private struct Block: Sendable {
        private let attentionNorm, feedForwardNorm: LayerNorm
        private let attention: SelfAttention
        private let feedForward: MultilayerPerceptron

        init(_ config: Config, at path: ParameterPath) {
            attentionNorm = LayerNorm(config.hiddenSize, epsilon: config.normEpsilon, at: path / "layer_norm1")
            attention = SelfAttention(
                .init(
                    hiddenSize: config.hiddenSize, headCount: config.headCount, bias: true, outputName: "out_proj"),
                at: path / "self_attn")
            feedForwardNorm = LayerNorm(config.hiddenSize, epsilon: config.normEpsilon, at: path / "layer_norm2")
            feedForward = MultilayerPerceptron(
                config.hiddenSize, config.intermediateSize, activation: config.activation, at: path / "mlp")
        }

        func callAsFunction(_ input: Tensor) -> Tensor {
            let x = input + attention(attentionNorm(input), mask: .full)
            return x + feedForward(feedForwardNorm(x))
        }
    }
}

/// Turns pixels into patch embeddings: one convolution, or a few small ones (Xiao et al., 2021).
private struct PatchStem: Sendable {
    private let weights: [Parameter]
    private let norms: [LayerNorm]
    private let config: VisionTransformer.Config

    init(_ config: VisionTransformer.Config, at path: ParameterPath) {
        self.config = config
        switch config.stem {
        case .patch(let size):
            weights = [
                (path / "patch_embedding").parameter(
                    "weight", shape: [config.hiddenSize, 3, size, size], initializer: .fanInNormal)
            ]
            norms = []
        case .convolutional(let channels):
            let widths = [3] + channels + [config.hiddenSize]
            weights = (0..<widths.count - 1).map {
                (path / "stem" / $0 / "conv").parameter(
                    "weight", shape: [widths[$0 + 1], widths[$0], 3, 3], initializer: .fanInNormal)
            }
            norms = channels.indices.map {
                LayerNorm(channels[$0], epsilon: config.normEpsilon, at: path / "stem" / $0 / "norm")
            }
        }
    }

    /// [N, 3, S, S] to [N, L, W].
    func callAsFunction(_ pixelValues: Tensor) -> Tensor {
        var x = pixelValues
        switch config.stem {
        case .patch(let size):
            x = conv2d(x, weights[0].tensor, stride: size)
        case .convolutional:
            for (index, weight) in weights.enumerated() {
                x = conv2d(x, weight.tensor, stride: 2, padding: 1)
                // Channels last for the norm: [N, C, h, w] -> [N, h, w, C] and back.
                if index < norms.count { x = norms[index](x.permute([0, 2, 3, 1])).gelu().permute([0, 3, 1, 2]) }
            }
        }
        return x.flatten(2).transpose(1, 2)
    }
}
