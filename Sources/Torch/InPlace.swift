import CTorch

// In-place operations: package-internal, because a `Tensor` is immutable to everyone else. Optimizers, parameter
// loading and key-value caches use them on the one thread that owns those tensors.

extension Tensor {
    package func copy_(_ source: Tensor, file: StaticString = #fileID, line: UInt = #line) {
        inPlace(file, line) { x in Tensor.withOptional(source) { syrinx_torch_copy_(x, $0) } }
    }
    package func add_(_ other: Tensor, alpha: Double = 1) {
        inPlace(#fileID, #line) { x in Tensor.withOptional(other) { syrinx_torch_add_(x, $0, alpha) } }
    }
    package func mul_(_ factor: Double) { inPlace(#fileID, #line) { syrinx_torch_mul_scalar_($0, factor) } }

    /// Copies each source over the destination at the same place, converting dtypes.
    package static func foreachCopy_(_ destinations: [Tensor], _ sources: [Tensor]) {
        report(
            withHandles(destinations) { d, n in withHandles(sources) { s, _ in syrinx_torch_foreach_copy_(d, s, n) } })
    }
    package static func foreachMul_(_ tensors: [Tensor], _ factor: Double) {
        report(withHandles(tensors) { syrinx_torch_foreach_mul_($0, $1, factor) })
    }
    package static func foreachAdd_(_ tensors: [Tensor], _ others: [Tensor], alpha: Double = 1) {
        report(
            withHandles(tensors) { t, n in withHandles(others) { o, _ in syrinx_torch_foreach_add_(t, o, n, alpha) } })
    }

    /// The 2-norm of all elements of all tensors together, as a float32 scalar.
    package static func globalNorm(_ tensors: [Tensor]) -> Tensor {
        guard let result = withHandles(tensors, syrinx_torch_global_norm) else { return .poisoned }
        return wrap(result, #fileID, #line)
    }

    /// One AdamW update of every parameter in one fused kernel (Loshchilov and Hutter, 2019; torch.optim.AdamW).
    ///
    /// Parameters, gradients and moments share one dtype; `steps` are float32 scalars that already count this step.
    package static func fusedAdamW_(
        parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor], steps: [Tensor],
        learningRate: Double, beta1: Double, beta2: Double, weightDecay: Double, epsilon: Double
    ) {
        let done = withHandles(parameters) { p, n in
            withHandles(gradients) { g, _ in
                withHandles(firstMoments) { m, _ in
                    withHandles(secondMoments) { v, _ in
                        withHandles(steps) { s, _ in
                            syrinx_torch_fused_adamw_(
                                p, g, m, v, s, n, learningRate, beta1, beta2, weightDecay, epsilon)
                        }
                    }
                }
            }
        }
        if case .some(.some(.some(.some(.some(false))))) = done { recordOrTrap(.current, #fileID, #line) }
    }

    private static func report(_ succeeded: Bool?) {
        if succeeded == false { recordOrTrap(.current, #fileID, #line) }
    }
    private static func report(_ succeeded: Bool??) { report(succeeded ?? nil) }
}
