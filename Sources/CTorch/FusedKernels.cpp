// Three element-wise pieces of a decoder block that libtorch composes from many passes on the CPU, each in one pass
// forward and one backward: RMSNorm, SwiGLU, rotary position embedding. float32 on the CPU; everything else takes
// libtorch's own composition.
#include "Support.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// One version of each loop per vector width, chosen when the program starts.
#if defined(__x86_64__) && defined(__linux__)
#define VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORISED
#endif

namespace {

bool fits(const at::Tensor &tensor) { return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat; }

// --- RMSNorm: y = x r w with r = (mean(x^2) + epsilon)^-1/2 -------------------------------------------------------

VECTORISED void rms_norm_row(const float *x, const float *w, float *y, float *scale, int64_t width, float epsilon) {
    float total = 0;
    {
#pragma clang fp reassociate(on)
        for (int64_t i = 0; i < width; ++i) total += x[i] * x[i];
    }
    const float r = 1.0f / std::sqrt(total / static_cast<float>(width) + epsilon);
    *scale = r;
    for (int64_t i = 0; i < width; ++i) y[i] = x[i] * r * w[i];
}

// dx = r (g w) - x r^3 / width * sum(g w x); dw accumulates g x r.
VECTORISED void rms_norm_row_backward(
    const float *x, const float *w, const float *g, float *dx, float *dw, float r, int64_t width) {
    float dot = 0;
    {
#pragma clang fp reassociate(on)
        for (int64_t i = 0; i < width; ++i) dot += g[i] * w[i] * x[i];
    }
    const float factor = r * r * r * dot / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i) {
        dx[i] = r * g[i] * w[i] - factor * x[i];
        dw[i] += g[i] * x[i] * r;
    }
}

/// Rows are cut into a fixed number of blocks, so that sums over rows do not depend on the number of threads.
constexpr int64_t kRowBlocks = 16;

struct RMSNorm : torch::autograd::Function<RMSNorm> {
    static at::Tensor forward(AutogradContext *context, at::Tensor input, at::Tensor weight, double epsilon) {
        const at::Tensor x = input.contiguous(), w = weight.contiguous();
        const int64_t width = x.size(-1), rows = x.numel() / width;
        at::Tensor y = at::empty_like(x), scale = at::empty({rows}, x.options());
        const float *xs = x.const_data_ptr<float>(), *ws = w.const_data_ptr<float>();
        float *ys = y.mutable_data_ptr<float>(), *scales = scale.mutable_data_ptr<float>();
        at::parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                rms_norm_row(
                    xs + row * width, ws, ys + row * width, scales + row, width, static_cast<float>(epsilon));
            }
        });
        context->save_for_backward({x, w, scale});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor x = saved[0], w = saved[1], g = gradients[0].contiguous();
        const int64_t width = x.size(-1), rows = x.numel() / width;
        const int64_t block = (rows + kRowBlocks - 1) / kRowBlocks;
        at::Tensor dx = at::empty_like(x), partial = at::zeros({kRowBlocks, width}, x.options());
        const float *xs = x.const_data_ptr<float>(), *ws = w.const_data_ptr<float>(), *gs = g.const_data_ptr<float>();
        const float *scales = saved[2].const_data_ptr<float>();
        float *dxs = dx.mutable_data_ptr<float>(), *dws = partial.mutable_data_ptr<float>();
        at::parallel_for(0, kRowBlocks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b) {
                for (int64_t row = b * block; row < std::min(rows, (b + 1) * block); ++row) {
                    rms_norm_row_backward(
                        xs + row * width, ws, gs + row * width, dxs + row * width, dws + b * width, scales[row], width);
                }
            }
        });
        return {dx, partial.sum(0), at::Tensor()};
    }
};

// --- SwiGLU: y = silu(a) b ----------------------------------------------------------------------------------------

/// e^x to about 2 units in the last place: range reduction by ln 2 and a polynomial of degree 6, so that it vectorises.
inline float exponential(float x) {
    x = std::min(std::max(x, -87.0f), 88.0f);
    const float n = std::floor(x * 1.44269504f + 0.5f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return p * power;
}

VECTORISED void swiglu_span(const float *a, const float *b, float *y, int64_t count) {
    for (int64_t i = 0; i < count; ++i) y[i] = a[i] / (1.0f + exponential(-a[i])) * b[i];
}

VECTORISED void swiglu_span_backward(
    const float *a, const float *b, const float *g, float *da, float *db, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float sigmoid = 1.0f / (1.0f + exponential(-a[i]));
        const float silu = a[i] * sigmoid;
        db[i] = g[i] * silu;
        da[i] = g[i] * b[i] * (sigmoid + silu * (1.0f - sigmoid));
    }
}

struct SwiGLU : torch::autograd::Function<SwiGLU> {
    static at::Tensor forward(AutogradContext *context, at::Tensor gate, at::Tensor up) {
        const at::Tensor a = gate.contiguous(), b = up.contiguous();
        at::Tensor y = at::empty_like(a);
        const float *as = a.const_data_ptr<float>(), *bs = b.const_data_ptr<float>();
        float *ys = y.mutable_data_ptr<float>();
        at::parallel_for(0, a.numel(), 16384, [&](int64_t begin, int64_t end) {
            swiglu_span(as + begin, bs + begin, ys + begin, end - begin);
        });
        context->save_for_backward({a, b});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor a = saved[0], b = saved[1], g = gradients[0].contiguous();
        at::Tensor da = at::empty_like(a), db = at::empty_like(b);
        const float *as = a.const_data_ptr<float>(), *bs = b.const_data_ptr<float>(), *gs = g.const_data_ptr<float>();
        float *das = da.mutable_data_ptr<float>(), *dbs = db.mutable_data_ptr<float>();
        at::parallel_for(0, a.numel(), 16384, [&](int64_t begin, int64_t end) {
            swiglu_span_backward(as + begin, bs + begin, gs + begin, das + begin, dbs + begin, end - begin);
        });
        return {da, db};
    }
};

// --- Rotary position embedding ------------------------------------------------------------------------------------

at::Tensor rotary_composed(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s, bool interleaved) {
    if (interleaved) {
        const at::Tensor pairs = x.unflatten(-1, {-1, 2});
        const at::Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
        return at::stack({even * c - odd * s, odd * c + even * s}, -1).flatten(-2);
    }
    const auto halves = x.chunk(2, -1);
    return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

/// A pair of coordinates is a complex number, and rotating it a complex product: one vectorised pass each way.
at::Tensor rotary_complex(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s) {
    const at::Tensor pairs = at::view_as_complex(x.unflatten(-1, {-1, 2}));
    return at::view_as_real(pairs * at::complex(c, s)).flatten(-2);
}

}  // namespace

SyrinxTensor syrinx_torch_rms_norm(SyrinxTensor input, int64_t width, SyrinxTensor weight, double epsilon) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input);
        const auto w = borrow_optional(weight);
        if (w && fits(x) && fits(*w) && w->dim() == 1 && w->size(0) == x.size(-1) && x.numel() > 0) {
            return RMSNorm::apply(x, *w, epsilon);
        }
        return at::rms_norm(x, {width}, w, epsilon);
    });
}

SyrinxTensor syrinx_torch_swiglu(SyrinxTensor gate, SyrinxTensor up) {
    return tensor_guard([&] {
        const at::Tensor a = borrow(gate), b = borrow(up);
        if (fits(a) && fits(b) && a.sizes() == b.sizes()) return SwiGLU::apply(a, b);
        return at::silu(a) * b;
    });
}

SyrinxTensor syrinx_torch_rotary(SyrinxTensor input, SyrinxTensor cosine, SyrinxTensor sine, bool interleaved) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input), c = borrow(cosine), s = borrow(sine);
        // The view needs each pair to lie together.
        const bool pairs_adjacent = x.dim() > 0 && x.stride(-1) == 1 && x.storage_offset() % 2 == 0;
        if (interleaved && fits(x) && pairs_adjacent) return rotary_complex(x, c, s);
        return rotary_composed(x, c, s, interleaved);
    });
}
