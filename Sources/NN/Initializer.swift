import Torch

/// How a parameter starts when a model is trained from scratch.
public enum Initializer: Sendable, Hashable, CustomStringConvertible {
    case zeros
    case ones
    case constant(Double)
    /// Normal with mean 0 and this standard deviation.
    case normal(Double)
    /// Normal cut off at two standard deviations.
    case truncatedNormal(Double)
    /// Uniform in plus or minus this bound.
    case uniform(Double)
    /// Normal with standard deviation fanIn^-0.5, where fanIn is the product of all sizes but the first.
    case fanInNormal
    /// Uniform in plus or minus (6 / (fanIn + fanOut))^0.5 (Glorot and Bengio, 2010).
    case xavierUniform

    /// The starting values, float32, drawn from `generator` where they are random.
    func tensor(shape: [Int], generator: Generator) -> Tensor {
        let fanIn = shape.dropFirst().reduce(1, *)
        let fanOut = shape.first ?? 1
        switch self {
        case .zeros: return .zeros(shape)
        case .ones: return .ones(shape)
        case .constant(let value): return .full(shape, value: value)
        case .normal(let deviation): return .randn(shape, generator: generator, standardDeviation: deviation)
        case .truncatedNormal(let deviation): return Self.truncated(shape, deviation, generator)
        case .uniform(let bound): return .rand(shape, generator: generator, low: -bound, high: bound)
        case .fanInNormal:
            return .randn(shape, generator: generator, standardDeviation: 1 / Double(fanIn).squareRoot())
        case .xavierUniform:
            let bound = (6 / Double(fanIn + fanOut)).squareRoot()
            return .rand(shape, generator: generator, low: -bound, high: bound)
        }
    }

    /// Draws outside two deviations are drawn again.
    private static func truncated(_ shape: [Int], _ deviation: Double, _ generator: Generator) -> Tensor {
        var result = Tensor.randn(shape, generator: generator)
        // 4.6 % of draws fall outside; sixteen rounds leave one in 10^21.
        for _ in 0..<16 {
            let outside = result.abs().greater(than: 2)
            if outside.any().item() == 0 { break }
            result = Tensor.where(outside, Tensor.randn(shape, generator: generator), result)
        }
        return result.clamp(low: -2, high: 2) * deviation
    }

    public var description: String {
        switch self {
        case .zeros: "zeros"
        case .ones: "ones"
        case .constant(let value): "constant(\(value))"
        case .normal(let deviation): "normal(\(deviation))"
        case .truncatedNormal(let deviation): "truncatedNormal(\(deviation))"
        case .uniform(let bound): "uniform(\(bound))"
        case .fanInNormal: "fanInNormal"
        case .xavierUniform: "xavierUniform"
        }
    }
}
