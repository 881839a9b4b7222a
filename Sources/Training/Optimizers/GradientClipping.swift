public import Torch

/// Scales all gradients together so that their joint 2-norm is at most `maximumNorm`, in place.
///
/// The norm is taken over every part of the model jointly, as torch.nn.utils.clip_grad_norm_ does, and gradients within
/// the limit are left untouched to the bit.
/// - Returns: the norm before scaling; not finite if any gradient is not, and then nothing is scaled.
public func clipGradNorm(_ gradients: [Tensor], to maximumNorm: Double?) -> Double {
    if gradients.isEmpty { return 0 }
    return withoutGrad {
        let norm = Tensor.globalNorm(gradients).item()
        if let maximumNorm, norm.isFinite {
            let factor = maximumNorm / (norm + 1e-6)
            if factor < 1 { Tensor.foreachMul_(gradients, factor) }
        }
        return norm
    }
}
