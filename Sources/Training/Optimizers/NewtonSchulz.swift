public import Torch

/// Replaces matrices by nearly orthogonal ones with the same singular vectors.
public enum NewtonSchulz {
    /// The coefficients (a, b, c) of x -> a x + b x^3 + c x^5, chosen for the steepest slope at zero that keeps singular
    /// values near one; Keller Jordan, "Muon: an optimizer for hidden layers in neural networks" (2024).
    public static let coefficients = (a: 3.4445, b: -4.7750, c: 2.0315)

    /// Pushes the singular values of each matrix towards one (they end within about 0.7...1.2).
    ///
    /// - Parameters:
    ///   - matrices: any floating dtype [N, R, C].
    ///   - steps: iterations; five are usual.
    ///   - dtype: what the products are computed in; bfloat16 suffices and is what the source uses.
    /// - Returns: `dtype`[N, R, C].
    public static func orthogonalize(_ matrices: Tensor, steps: Int, dtype: DType) -> Tensor {
        let shape = matrices.shape
        precondition(shape.count == 3, "Newton-Schulz needs a stack of matrices [N, R, C], got shape \(shape)")
        let isTall = shape[1] > shape[2]
        var x = matrices.to(dtype)
        if isTall { x = x.transpose(1, 2) }  // [N, r, c] with r <= c
        // The Frobenius norm bounds every singular value, so all start within 0...1, where the iteration is stable.
        x = x / x.norm(dims: [1, 2], keepDim: true).maximum(Tensor(scalar: 1e-7, dtype: dtype, device: x.device))
        for _ in 0..<steps {
            let gram = productWithTransposed(x, x)  // [N, r, r]
            let polynomial = gram * coefficients.b + productWithTransposed(gram, gram) * coefficients.c
            x = x * coefficients.a + productWithTransposed(polynomial, x.transpose(1, 2))
        }
        return isTall ? x.transpose(1, 2) : x
    }

    /// a b^T of each pair of matrices [N, R, K] and [N, C, K]: [N, R, C].
    ///
    /// In float32 a row of a times a row of b is what the linear layer computes, whose kernels are faster one matrix at a time;
    /// the batched product has better ones in the short dtypes. (The gram matrix and its square are symmetric, so that they
    /// need no transposition for it.)
    private static func productWithTransposed(_ a: Tensor, _ b: Tensor) -> Tensor {
        guard a.dtype == .float32 else { return a.bmm(b.transpose(1, 2)) }
        return .stack((0..<a.size(0)).map { linear(a.select(dim: 0, index: $0), b.select(dim: 0, index: $0)) }, dim: 0)
    }
}
