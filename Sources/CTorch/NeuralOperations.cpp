// The functions neural networks are made of, but for the linear layer (Linear.cpp): norms, convolutions, attention, losses.
#include "Support.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>

#include "Kernels.h"
#include "Widened.h"

using namespace syrinx;

SyrinxTensor syrinx_torch_embedding(SyrinxTensor weight, SyrinxTensor indices) {
    return tensor_guard([&] { return at::embedding(borrow(weight), borrow(indices)); });
}

SyrinxTensor syrinx_torch_layer_norm(
    SyrinxTensor input, int64_t width, SyrinxTensor weight, SyrinxTensor bias, double epsilon) {
    return tensor_guard([&] {
        return at::layer_norm(borrow(input), {width}, borrow_optional(weight), borrow_optional(bias), epsilon);
    });
}

SyrinxTensor syrinx_torch_conv2d(
    SyrinxTensor input, SyrinxTensor weight, SyrinxTensor bias, int64_t stride, int64_t padding, int64_t groups) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input), w = borrow(weight);
        const auto b = borrow_optional(bias);
        const auto convolve = [&](const at::Tensor &pixels, const at::Tensor &kernels, const std::optional<at::Tensor> &shift) {
            return at::conv2d(
                pixels, kernels, shift, {stride, stride}, at::IntArrayRef{padding, padding}, at::IntArrayRef{1, 1}, groups);
        };
        if (!must_widen(x) || w.scalar_type() != x.scalar_type()) return convolve(x, w, b);
        if (b) return in_float32(convolve, x, w, *b);
        return in_float32([&](auto pixels, auto kernels) { return convolve(pixels, kernels, std::nullopt); }, x, w);
    });
}

SyrinxTensor syrinx_torch_adaptive_avg_pool2d(SyrinxTensor input, int64_t height, int64_t width) {
    return tensor_guard([&] { return at::adaptive_avg_pool2d(borrow(input), {height, width}); });
}

SyrinxTensor syrinx_torch_interpolate_bicubic(
    SyrinxTensor input, int64_t height, int64_t width, bool align_corners, bool antialias) {
    return tensor_guard([&] {
        return antialias ? at::_upsample_bicubic2d_aa(borrow(input), {height, width}, align_corners)
                         : at::upsample_bicubic2d(borrow(input), {height, width}, align_corners);
    });
}

SyrinxTensor syrinx_torch_interpolate_bilinear(
    SyrinxTensor input, int64_t height, int64_t width, bool align_corners, bool antialias) {
    return tensor_guard([&] {
        return antialias ? at::_upsample_bilinear2d_aa(borrow(input), {height, width}, align_corners)
                         : at::upsample_bilinear2d(borrow(input), {height, width}, align_corners);
    });
}

SyrinxTensor syrinx_torch_affine_grid(SyrinxTensor theta, const int64_t *sizes, int64_t count) {
    return tensor_guard(
        [&] { return at::affine_grid_generator(borrow(theta), sizes_ref(sizes, count), /*align_corners=*/false); });
}

SyrinxTensor syrinx_torch_grid_sample(SyrinxTensor input, SyrinxTensor grid, bool border_padding) {
    return tensor_guard([&] {
        const int64_t bilinear = 0;
        const int64_t padding = border_padding ? 1 : 0;
        return at::grid_sampler(borrow(input), borrow(grid), bilinear, padding, /*align_corners=*/false);
    });
}

SyrinxTensor syrinx_torch_cross_entropy(
    SyrinxTensor logits, SyrinxTensor labels, int32_t reduction, int64_t ignore_index, double label_smoothing) {
    return tensor_guard([&] {
        return at::cross_entropy_loss(
            borrow(logits), borrow(labels), /*weight=*/{}, reduction, ignore_index, label_smoothing);
    });
}

namespace {

/// Lengths up to which attention in training is a few batched products rather than libtorch's blockwise kernel.
constexpr int64_t kShort = 128;

/// Whether the products of a training step are short bfloat16 ones on the CPU. libtorch's kernel makes a oneDNN product of
/// its own for each head and sequence there, and preparing them takes longer than computing them.
bool is_short(const at::Tensor &q, const at::Tensor &k) {
    return q.device().is_cpu() && q.scalar_type() == at::kBFloat16 && !must_widen(q) && q.size(1) == k.size(1) && q.size(2) <= kShort
        && k.size(2) <= kShort;
}

/// softmax(q k^T scale) v by batched products, the softmax in float32.
at::Tensor attend_short(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale) {
    const auto heads = [](const at::Tensor &x) { return x.reshape({-1, x.size(2), x.size(3)}); };
    at::Tensor bias = at::zeros({q.size(2), k.size(2)}, q.options());
    if (causal) bias.fill_(-std::numeric_limits<double>::infinity()).triu_(1);
    const at::Tensor scores = at::baddbmm(bias, heads(q), heads(k).transpose(1, 2), /*beta=*/1, /*alpha=*/scale);
    return at::bmm(at::softmax(scores, -1), heads(v)).view({q.size(0), q.size(1), q.size(2), v.size(3)});
}

}  // namespace

SyrinxTensor syrinx_torch_scaled_dot_product_attention(
    SyrinxTensor query, SyrinxTensor key, SyrinxTensor value, SyrinxTensor mask, bool causal, const double *scale) {
    return tensor_guard([&] {
        const at::Tensor q = borrow(query), k = borrow(key), v = borrow(value);
        const auto allowed = borrow_optional(mask);
        std::optional<double> factor;
        if (scale != nullptr) factor = *scale;
        const bool is_recorded =
            at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
        if (!allowed && q.dim() == 4 && k.dim() == 4) {
            const double chosen = factor.value_or(1.0 / std::sqrt(static_cast<double>(q.size(3))));
            if (is_recorded && is_short(q, k)) return attend_short(q, k, v, causal, chosen);
            at::Tensor result = is_recorded ? attend_short_widened(q, k, v, causal, chosen) : attend(q, k, v, causal, chosen);
            if (!is_recorded && !result.defined()) result = attend_query(q, k, v, chosen);
            if (result.defined()) return result;
        }
        const bool shares_heads = q.dim() == 4 && k.dim() == 4 && q.size(1) != k.size(1);
        const auto attend_in = [&](const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values) {
            const bool is_added = allowed && allowed->scalar_type() != at::kBool;
            const std::optional<at::Tensor> same = is_added ? allowed->to(queries.scalar_type()) : allowed;
            return at::scaled_dot_product_attention(
                queries, keys, values, same, /*dropout_p=*/0.0, causal, factor, /*enable_gqa=*/shares_heads);
        };
        return must_widen(q) ? in_float32(attend_in, q, k, v) : attend_in(q, k, v);
    });
}
