// The functions neural networks are made of: products, norms, convolutions, attention, losses.
#include "Support.h"

using namespace syrinx;

SyrinxTensor syrinx_torch_linear(SyrinxTensor input, SyrinxTensor weight, SyrinxTensor bias) {
    return tensor_guard([&] { return at::linear(borrow(input), borrow(weight), borrow_optional(bias)); });
}

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
        return at::conv2d(
            borrow(input), borrow(weight), borrow_optional(bias), {stride, stride}, at::IntArrayRef{padding, padding},
            at::IntArrayRef{1, 1}, groups);
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

SyrinxTensor syrinx_torch_scaled_dot_product_attention(
    SyrinxTensor query, SyrinxTensor key, SyrinxTensor value, SyrinxTensor mask, bool causal, const double *scale) {
    return tensor_guard([&] {
        std::optional<double> factor;
        if (scale != nullptr) factor = *scale;
        return at::scaled_dot_product_attention(
            borrow(query), borrow(key), borrow(value), borrow_optional(mask), /*dropout_p=*/0.0, causal, factor);
    });
}
