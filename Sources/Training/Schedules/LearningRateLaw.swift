#if canImport(FoundationEssentials)
    import FoundationEssentials
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Predicts a good peak learning rate from a model's size: ln(rate) = slope * ln(N) + intercept.
///
/// The default coefficients are those that arXiv 2403.09611 (section 3.3) fitted to grid searches at 9M, 85M, 302M and
/// 1.2B non-embedding parameters. The same paper sets the decoupled weight decay to a tenth of the peak rate, which in
/// the form `w -= rate * (update + weightDecay * w)` used here is `weightDecay` = 0.1 for every size.
public struct LearningRateLaw: Codable, Hashable, Sendable {
    /// The exponent of N.
    public var slope: Double
    /// The logarithm of the rate at N = 1.
    public var intercept: Double

    public init(slope: Double = -0.4214, intercept: Double = -0.5535) {
        self.slope = slope
        self.intercept = intercept
    }

    /// The peak learning rate for `parameterCount` non-embedding parameters.
    ///
    /// - Precondition: `parameterCount` is positive.
    public func peakLearningRate(nonEmbeddingParameterCount parameterCount: Int) -> Double {
        precondition(parameterCount > 0, "the law needs at least one non-embedding parameter, got \(parameterCount)")
        return exp(slope * log(Double(parameterCount)) + intercept)
    }
}
