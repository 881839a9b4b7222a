public import Settings
public import Torch

// Shapes: B batch, T time, D width, C channels.

/// y = x W^T + b, with W [out, in] under `weight` and b [out] under `bias`; with a low-rank term where its store has one for it.
public struct Linear: Sendable {
    public let weight: Parameter
    public let bias: Parameter?
    private let term: LowRankTerm?

    public init(
        _ inputSize: Int, _ outputSize: Int, bias: Bool, at path: ParameterPath,
        initializer: Initializer = .fanInNormal, biasInitializer: Initializer = .zeros
    ) {
        weight = path.parameter("weight", shape: [outputSize, inputSize], initializer: initializer)
        self.bias = bias ? path.parameter("bias", shape: [outputSize], initializer: biasInitializer) : nil
        term = path.lowRankTerm(from: inputSize, to: outputSize, over: [weight] + [self.bias].compactMap { $0 })
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = base(x)
        return term.map { y + $0(x) } ?? y
    }

    /// The layer without its adapter. A quantised base (QLoRA) comes in here and nowhere else: the low-rank term reads the
    /// layer's input, never its weight.
    private func base(_ x: Tensor) -> Tensor { linear(x, weight.tensor, bias?.tensor) }
}

/// Rows of a table [V, D] under `weight`, looked up by token ID.
public struct Embedding: Sendable {
    public let weight: Parameter

    public init(_ count: Int, _ hiddenSize: Int, at path: ParameterPath, initializer: Initializer = .normal(0.02)) {
        weight = path.parameter("weight", shape: [count, hiddenSize], initializer: initializer)
    }

    /// int64[...] to [..., D].
    public func callAsFunction(_ tokenIDs: Tensor) -> Tensor { embedding(weight.tensor, tokenIDs) }
}

/// Layer normalisation with scale `weight` and shift `bias`, computed in float32 whatever the input's dtype.
public struct LayerNorm: Sendable {
    public let weight: Parameter
    public let bias: Parameter
    public let epsilon: Double

    public init(_ hiddenSize: Int, epsilon: Double = 1e-5, at path: ParameterPath) {
        weight = path.parameter("weight", shape: [hiddenSize], initializer: .ones)
        bias = path.parameter("bias", shape: [hiddenSize], initializer: .zeros)
        self.epsilon = epsilon
    }

    // libtorch's kernel accumulates half-precision inputs in float32 itself.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layerNorm(x, weight: weight.tensor, bias: bias.tensor, epsilon: epsilon)
    }
}

/// Root-mean-square normalisation with scale `weight`.
public struct RMSNorm: Sendable {
    public let weight: Parameter
    public let epsilon: Double

    public init(_ hiddenSize: Int, epsilon: Double = 1e-5, at path: ParameterPath) {
        weight = path.parameter("weight", shape: [hiddenSize], initializer: .ones)
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { rmsNorm(x, weight: weight.tensor, epsilon: epsilon) }
}

/// The activation between two linear layers.
public enum Activation: String, Sendable, Hashable, NamedChoice {
    /// x Phi(x), with the exact error function.
    case gelu
    /// GELU's approximation with a hyperbolic tangent, as in GPT-2.
    case tanhGELU = "gelu_new"
    /// x sigmoid(1.702 x), as in OpenAI's CLIP.
    case quickGELU = "quick_gelu"
    case silu
    case relu

    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .gelu: x.gelu()
        case .tanhGELU: x.gelu(tanhApproximation: true)
        case .quickGELU: x.quickGELU()
        case .silu: x.silu()
        case .relu: x.relu()
        }
    }
}

/// The two-layer perceptron of a vision transformer: fc2(act(fc1(x))), with biases.
public struct MultilayerPerceptron: Sendable {
    private let first, second: Linear
    private let activation: Activation

    public init(_ hiddenSize: Int, _ intermediateSize: Int, activation: Activation, at path: ParameterPath) {
        first = Linear(hiddenSize, intermediateSize, bias: true, at: path / "fc1")
        second = Linear(intermediateSize, hiddenSize, bias: true, at: path / "fc2")
        self.activation = activation
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { second(activation(first(x))) }
}

/// SwiGLU (Shazeer, 2020): down(silu(gate(x)) * up(x)).
public struct FeedForward: Sendable {
    private let gate, up, down: Linear

    /// - Parameter outputInitializer: of `down_proj`, which depth-scaled initialisation makes smaller.
    public init(
        _ hiddenSize: Int, _ intermediateSize: Int, bias: Bool = false, at path: ParameterPath,
        initializer: Initializer = .fanInNormal, outputInitializer: Initializer = .fanInNormal
    ) {
        gate = Linear(hiddenSize, intermediateSize, bias: bias, at: path / "gate_proj", initializer: initializer)
        up = Linear(hiddenSize, intermediateSize, bias: bias, at: path / "up_proj", initializer: initializer)
        down = Linear(
            intermediateSize, hiddenSize, bias: bias, at: path / "down_proj", initializer: outputInitializer)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { down(swiGLU(gate: gate(x), up: up(x))) }
}
