// The product of bfloat16 matrices in float32 arithmetic for processors with AVX2 and nothing wider.
#pragma once

#include <ATen/ATen.h>

namespace syrinx {

/// c [M, N] = a [M, K] b [K, N] + bias [N], summed in float32 and rounded once, for bfloat16 matrices that are transposed or not.
///
/// Declines with false what it does not cover, and where it was not measured to beat libtorch's float32 product.
bool multiply_widened(const at::Tensor &a, const at::Tensor &b, const std::optional<at::Tensor> &bias, at::Tensor &c);

}  // namespace syrinx
