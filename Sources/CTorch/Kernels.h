// Kernels of our own for the CPU, used where they were measured to beat libtorch's (Documentation/Decisions/0008).
// Each declines with false or an undefined tensor what it does not cover; the caller then asks libtorch.
#pragma once

#include <ATen/ATen.h>
#include <c10/util/FunctionRef.h>

#include "KernelClass.h"

namespace syrinx {

/// Runs `body` over parts of `begin ..< end`, each at least `grain` long, on libtorch's own threads.
void parallel_for(
    int64_t begin, int64_t end, int64_t grain, c10::function_ref<void(int64_t from, int64_t to)> body);

/// Whether bfloat16 dot products may be used (AVX512_BF16).
bool has_bfloat16_dot_products();

/// Whether bfloat16 matrix units may be used (AMX), for which libtorch has better kernels than vectors can be.
bool has_matrix_units();

/// Whether libtorch multiplies matrices of this type with the CPU's instructions for it. Elsewhere bfloat16 and float16
/// products end in a scalar loop on one thread, which nothing may depend on: they are computed in float32 (Widened.h).
bool multiplies_fast(at::ScalarType type);

/// Whether float32 products are faster through oneDNN than through libtorch's BLAS: MKL keeps AVX-512 from other makers.
bool prefers_onednn_for_floats();

/// Rows up to which `multiply_few_rows` beats libtorch's matrix product.
constexpr int64_t kFewRows = 8;

/// y [M, N] = x [M, K] w^T + b for few rows M, w [N, K], bfloat16 or float32, contiguous, on the CPU.
///
/// Reads each weight once, in order, with all threads: bound by memory. A row's result does not depend on the others.
bool multiply_few_rows(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, at::Tensor &y);

/// Most rows and fewest elements a row for which `multiply_many_rows` was measured to beat libtorch's matrix product.
constexpr int64_t kManyRows = 1024, kLeastWidth = 1024;

/// The same for more than `kFewRows` rows in bfloat16, on processors with bfloat16 dot products and without matrix units.
bool multiply_many_rows(const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, at::Tensor &y);

/// softmax(q k^T scale) v in bfloat16 without gradients, for q [B, H, Tq, D] and k, v [B, G, Tk, D] with H a multiple of G.
///
/// Causal masks align the last query with the last key. Undefined for what the kernel does not cover.
at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale);

/// The same for one query a row where bfloat16 has no products of its own. Undefined for what it does not cover.
at::Tensor attend_query(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale);

}  // namespace syrinx
