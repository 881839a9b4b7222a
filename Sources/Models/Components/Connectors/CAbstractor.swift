public import NN
public import Torch

// Shapes: N images, h x h patches, M tokens, C vision width, H connector width, D language width.

/// The C-Abstractor of Honeybee (Cha et al., 2023): convolutions around adaptive pooling.
///
/// Learned positions, `depth` RegNet bottlenecks, pooling to sqrt(M) x sqrt(M), `depth` more, and a read-out perceptron.
/// Parameter names are Honeybee's; what it calls `bn` is a layer normalisation over channels.
public struct CAbstractor: Connector {
    public let tokenCount: Int
    private let inputGrid: Int
    private let positions: Parameter
    private let before, after: [Bottleneck]
    private let readout: [Linear]

    /// - Parameters:
    ///   - inputGrid: patches along a side.
    ///   - depth: bottlenecks before and after pooling, each.
    ///   - readoutDepth: linear layers of the read-out.
    public init(
        tokenCount: Int, inputGrid: Int, visionWidth: Int, innerWidth: Int, hiddenSize: Int, depth: Int,
        readoutDepth: Int, at path: ParameterPath
    ) {
        self.tokenCount = tokenCount
        self.inputGrid = inputGrid
        positions = path.parameter(
            "pos_emb", shape: [1, inputGrid * inputGrid, visionWidth], initializer: .truncatedNormal(0.02))
        func stage(_ index: Int, from width: Int) -> [Bottleneck] {
            (0..<depth).map {
                Bottleneck($0 == 0 ? width : innerWidth, innerWidth, at: path / "net" / index / "b\($0 + 1)")
            }
        }
        before = stage(0, from: visionWidth)
        after = stage(2, from: innerWidth)
        let pooledWidth = depth == 0 ? visionWidth : innerWidth
        readout = (0..<readoutDepth).map {
            Linear($0 == 0 ? pooledWidth : hiddenSize, hiddenSize, bias: true, at: path / "readout" / (2 * $0))
        }
    }

    public func callAsFunction(_ features: Tensor) -> Tensor {
        readOut(secondStage(pool(firstStage(features))))
    }

    /// Patch features [N, h * h, C] with positions, through the first bottlenecks: [N, h, h, H].
    package func firstStage(_ features: Tensor) -> Tensor {
        let grid = (features + positions.tensor).reshape([-1, inputGrid, inputGrid, features.size(2)])
        return before.reduce(grid) { $1($0) }
    }

    /// [N, h, h, H] averaged to [N, sqrt(M), sqrt(M), H].
    package func pool(_ x: Tensor) -> Tensor {
        let side = squareSide(of: tokenCount)
        return adaptiveAvgPool2d(x.permute([0, 3, 1, 2]), height: side, width: side).permute([0, 2, 3, 1])
    }

    /// The bottlenecks after pooling.
    package func secondStage(_ x: Tensor) -> Tensor { after.reduce(x) { $1($0) } }

    /// [N, sqrt(M), sqrt(M), H] through the perceptron: [N, M, D].
    private func readOut(_ x: Tensor) -> Tensor {
        readout.enumerated().reduce(x.flatten(1, 2)) { x, layer in layer.element(layer.offset == 0 ? x : x.silu()) }
    }
}

/// A RegNet bottleneck as timm builds it for Honeybee, on channels-last maps [N, h, w, channels].
///
/// 1x1, 3x3 depthwise, squeeze-and-excitation, 1x1, each convolution without bias and followed by a norm; the activation
/// comes after the shortcut is added.
private struct Bottleneck: Sendable {
    private let conv1, conv2, conv3: ConvolutionNorm
    private let excitation: SqueezeExcitation
    private let shortcut: ConvolutionNorm?

    init(_ inputWidth: Int, _ width: Int, at path: ParameterPath) {
        conv1 = ConvolutionNorm(inputWidth, width, kernel: 1, at: path / "conv1")
        conv2 = ConvolutionNorm(width, width, kernel: 3, isDepthwise: true, at: path / "conv2")
        // The reduction counts the block's input channels, not its own.
        excitation = SqueezeExcitation(
            width, reduced: Int((0.25 * Double(inputWidth)).rounded(.toNearestOrEven)), at: path / "se")
        conv3 = ConvolutionNorm(width, width, kernel: 1, at: path / "conv3")
        shortcut =
            inputWidth == width ? nil : ConvolutionNorm(inputWidth, width, kernel: 1, at: path / "downsample")
    }

    func callAsFunction(_ input: Tensor) -> Tensor {
        let inner = conv3(excitation(conv2(conv1(input).silu()).silu()))
        return (inner + (shortcut?(input) ?? input)).silu()
    }
}

/// A convolution without bias and a layer normalisation over channels, on [N, h, w, channels].
private struct ConvolutionNorm: Sendable {
    private let weight: Parameter
    private let norm: LayerNorm
    private let isDepthwise: Bool
    private let width: Int

    init(_ inputWidth: Int, _ width: Int, kernel: Int, isDepthwise: Bool = false, at path: ParameterPath) {
        self.isDepthwise = isDepthwise
        self.width = width
        weight = (path / "conv").parameter(
            "weight", shape: [width, isDepthwise ? 1 : inputWidth, kernel, kernel],
            initializer: isDepthwise ? .fanInNormal : .normal(0.02))
        norm = LayerNorm(width, at: path / "bn")
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        if isDepthwise {
            return norm(
                conv2d(x.permute([0, 3, 1, 2]), weight.tensor, padding: 1, groups: width).permute([0, 2, 3, 1]))
        }
        // A 1x1 convolution is a linear layer over channels.
        return norm(linear(x, weight.tensor.flatten(1)))
    }
}

/// Channel gates from the mean over all places (Hu et al., 2018).
private struct SqueezeExcitation: Sendable {
    private let reduce, expand: Parameter
    private let reduceBias, expandBias: Parameter

    init(_ width: Int, reduced: Int, at path: ParameterPath) {
        reduce = (path / "fc1").parameter("weight", shape: [reduced, width, 1, 1], initializer: .normal(0.02))
        reduceBias = (path / "fc1").parameter("bias", shape: [reduced], initializer: .zeros)
        expand = (path / "fc2").parameter("weight", shape: [width, reduced, 1, 1], initializer: .normal(0.02))
        expandBias = (path / "fc2").parameter("bias", shape: [width], initializer: .zeros)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let squeezed = x.mean(dims: [1, 2], keepDim: true)
        let inner = linear(squeezed, reduce.tensor.flatten(1), reduceBias.tensor).silu()
        return x * linear(inner, expand.tensor.flatten(1), expandBias.tensor).sigmoid()
    }
}
