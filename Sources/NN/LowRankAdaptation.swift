public import Torch

/// LoRA (Hu et al., 2021, section 4.1) as configuration: which linear layers get a trainable term of low rank, and how large.
///
///     y = W x + (alpha / r) B A dropout(x)
///
/// A ``ParameterStore`` made with one gives every matching ``Linear`` that is declared in it two parameters beside its weight,
/// under the names of Hugging Face's PEFT: `PATH.lora_A.weight` [r, in] and `PATH.lora_B.weight` [out, r]. A starts uniform
/// within in^-0.5, B at zero, so an adapter that has learnt nothing changes nothing.
public struct LowRankAdaptation: Sendable, Hashable {
    /// r, the size of the space between A and B.
    public var rank: Int
    /// The numerator of the scale.
    public var alpha: Double
    /// The share of the layer's inputs that A does not see, 0 ..< 1; acts only in passes whose ``ForwardContext`` has a seed.
    public var dropout: Double
    /// Ends of the paths of the layers, such as `q_proj` or `self_attn.q_proj`.
    ///
    /// Whole components are compared; `*` stands for one component and `**` for any number: `language_model.**.q_proj` is
    /// every query of the language model, `model.layers.**` every linear layer below `model.layers`.
    public var targets: [String]
    /// Whether the scale is alpha / sqrt(r) instead (rsLoRA, Kalajdzievski, 2023).
    public var scalesByRootOfRank: Bool

    public init(
        rank: Int, alpha: Double, dropout: Double = 0, targets: [String], scalesByRootOfRank: Bool = false
    ) {
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.targets = targets
        self.scalesByRootOfRank = scalesByRootOfRank
    }

    /// What B A x is multiplied with.
    public var scale: Double { alpha / (scalesByRootOfRank ? Double(rank).squareRoot() : Double(rank)) }

    /// What is wrong with the values, for the end of a sentence; nil when nothing is.
    public var mistake: String? {
        let ranks = 1...65_536
        if !ranks.contains(rank) {
            return "the rank is \(rank); it must be from \(ranks.lowerBound) to \(ranks.upperBound)"
        }
        if !alpha.isFinite || alpha == 0 { return "alpha is \(alpha); it must be a number other than 0" }
        if !(0..<1).contains(dropout) { return "the dropout is \(dropout); it must be at least 0 and below 1" }
        if targets.isEmpty || targets.contains("") { return "a target is missing: name at least one layer" }
        return nil
    }

    /// Whether the layer at this path gets an adapter.
    public func adapts(_ path: String) -> Bool { targets.contains { Self.matches($0, path) } }

    /// Whether a target names the layer at this path.
    public static func matches(_ target: String, _ path: String) -> Bool {
        func matches(_ target: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
            guard let first = target.last else { return true }
            if first == "**" {
                return (0...path.count).contains { matches(target.dropLast(), path.dropLast($0)) }
            }
            guard let last = path.last, first == "*" || first == last else { return false }
            return matches(target.dropLast(), path.dropLast())
        }
        return matches(target.split(separator: ".")[...], path.split(separator: ".")[...])
    }

    /// The weight [out, in] with its adapter added for good, computed in float32: W + scale B A, in W's dtype.
    ///
    /// - Parameters:
    ///   - weight: W, or a copy of it; it is not changed.
    ///   - down: A [r, in].
    ///   - up: B [out, r].
    public func merged(_ weight: Tensor, down: Tensor, up: Tensor) -> Tensor {
        withoutGrad {
            let change = up.to(.float32).matmul(down.to(.float32)) * scale
            return (weight.to(.float32) + change).to(weight.dtype)
        }
    }

    /// What follows a layer's path in the names of its two parameters.
    public enum Suffix {
        public static let down = ".lora_A.weight"
        public static let up = ".lora_B.weight"
    }
}

/// The low-rank term of one linear layer: B A x, scaled.
struct LowRankTerm: Sendable {
    private let down, up: Parameter
    private let scale, dropout: Double

    init(
        _ adaptation: LowRankAdaptation, from inputSize: Int, to outputSize: Int, at path: ParameterPath
    ) {
        let bound = 1 / Double(inputSize).squareRoot()
        down = (path / "lora_A").adapter("weight", shape: [adaptation.rank, inputSize], initializer: .uniform(bound))
        up = (path / "lora_B").adapter("weight", shape: [outputSize, adaptation.rank], initializer: .zeros)
        scale = adaptation.scale
        dropout = adaptation.dropout
    }

    /// [..., in] to what is added to the layer's output [..., out].
    func callAsFunction(_ x: Tensor) -> Tensor {
        let matrix = down.tensor
        var input = x.to(matrix.dtype)
        if dropout > 0, let generator = ForwardContext.current.generator(for: down.name, on: x.device) {
            input = Torch.dropout(input, probability: dropout, generator: generator)
        }
        // Scaled where it is narrowest.
        return linear(linear(input, matrix) * scale, up.tensor).to(x.dtype)
    }
}
