// Products of 16-bit tensors in float32, for processors without instructions for them (`multiplies_fast`): weights are widened
// block by block, so that no copy of their size is made, and results are rounded once.
#pragma once

#include <ATen/ATen.h>

namespace syrinx {

/// Whether a product with this tensor must be computed in float32: it lies on the CPU and would be multiplied in a scalar loop.
bool must_widen(const at::Tensor &x);

/// x w^T + b for x [..., K], w [N, K] and b [N] of one 16-bit type, with gradients.
at::Tensor widened_linear(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b);

/// The same without gradients.
at::Tensor widened_product(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b);

/// softmax(q k^T scale) v with gradients, for q, k and v [B, H, T, D] of short sequences. Undefined for what it does not cover, and
/// where it was not measured to beat libtorch's float32 kernel.
at::Tensor attend_short_widened(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale);

/// Calls `body` with the tensors in float32 and rounds what it returns to the first one's type; libtorch records all of it.
template <class Body, class... Tensors>
at::Tensor in_float32(Body &&body, const at::Tensor &first, const Tensors &...others) {
    return body(first.to(at::kFloat), others.to(at::kFloat)...).to(first.scalar_type());
}

}  // namespace syrinx
