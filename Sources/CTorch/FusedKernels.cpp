// Element-wise pieces of transformer blocks that libtorch composes from many passes on the CPU, each in one pass forward
// and one backward: RMSNorm, SwiGLU, QuickGELU. float32 and bfloat16 on the CPU, computed in float32; everything else takes
// libtorch's own composition.
#include "Support.h"

#include <torch/csrc/autograd/custom_function.h>

#include "Elements.h"

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// --- RMSNorm: y = x r w with r = (mean(x^2) + epsilon)^-1/2 -------------------------------------------------------

template <class E>
INLINE void rms_norm_row(const E *x, const E *w, E *y, float *scale, int64_t width, float epsilon) {
    float total = 0;
    {
#pragma clang fp reassociate(on)
        for (int64_t i = 0; i < width; ++i) total += get(x[i]) * get(x[i]);
    }
    const float r = 1.0f / std::sqrt(total / static_cast<float>(width) + epsilon);
    *scale = r;
    for (int64_t i = 0; i < width; ++i) put(y + i, get(x[i]) * r * get(w[i]));
}

// dx = r (g w) - x r^3 / width * sum(g w x); dw accumulates g x r.
template <class E>
INLINE void rms_norm_row_backward(const E *x, const E *w, const E *g, E *dx, float *dw, float r, int64_t width) {
    float dot = 0;
    {
#pragma clang fp reassociate(on)
        for (int64_t i = 0; i < width; ++i) dot += get(g[i]) * get(w[i]) * get(x[i]);
    }
    const float factor = r * r * r * dot / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i) {
        put(dx + i, r * get(g[i]) * get(w[i]) - factor * get(x[i]));
        dw[i] += get(g[i]) * get(x[i]) * r;
    }
}

#define PARAMETERS(E) (const E *x, const E *w, E *y, float *scale, int64_t width, float epsilon)
FOR_BOTH_TYPES(rms_norm_row, PARAMETERS, (x, w, y, scale, width, epsilon))
#undef PARAMETERS
#define PARAMETERS(E) (const E *x, const E *w, const E *g, E *dx, float *dw, float r, int64_t width)
FOR_BOTH_TYPES(rms_norm_row_backward, PARAMETERS, (x, w, g, dx, dw, r, width))
#undef PARAMETERS

/// Rows are cut into a fixed number of blocks, so that sums over rows do not depend on the number of threads.
constexpr int64_t kRowBlocks = 16;

struct RMSNorm : torch::autograd::Function<RMSNorm> {
    static at::Tensor forward(AutogradContext *context, at::Tensor input, at::Tensor weight, double epsilon) {
        const at::Tensor x = input.contiguous(), w = weight.contiguous();
        const int64_t width = x.size(-1), rows = x.numel() / width;
        at::Tensor y = at::empty_like(x), scale = at::empty({rows}, x.options().dtype(at::kFloat));
        with_element(x, [&](auto element) {
            using E = decltype(element);
            const E *xs = pointer<E>(x), *ws = pointer<E>(w);
            E *ys = pointer<E>(y);
            float *scales = pointer<float>(scale);
            parallel_for(0, rows, 64, [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) {
                    rms_norm_row_of(
                        xs + row * width, ws, ys + row * width, scales + row, width, static_cast<float>(epsilon));
                }
            });
        });
        context->save_for_backward({x, w, scale});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor x = saved[0], w = saved[1], g = gradients[0].contiguous();
        const int64_t width = x.size(-1), rows = x.numel() / width;
        const int64_t block = (rows + kRowBlocks - 1) / kRowBlocks;
        at::Tensor dx = at::empty_like(x), partial = at::zeros({kRowBlocks, width}, x.options().dtype(at::kFloat));
        with_element(x, [&](auto element) {
            using E = decltype(element);
            const E *xs = pointer<E>(x), *ws = pointer<E>(w), *gs = pointer<E>(g);
            const float *scales = pointer<float>(saved[2]);
            E *dxs = pointer<E>(dx);
            float *dws = pointer<float>(partial);
            parallel_for(0, kRowBlocks, 1, [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) {
                    for (int64_t row = b * block; row < std::min(rows, (b + 1) * block); ++row) {
                        rms_norm_row_backward_of(
                            xs + row * width, ws, gs + row * width, dxs + row * width, dws + b * width, scales[row],
                            width);
                    }
                }
            });
        });
        return {dx, partial.sum(0).to(w.scalar_type()), at::Tensor()};
    }
};

// --- SwiGLU: y = silu(a) b ----------------------------------------------------------------------------------------

template <class E>
INLINE void swiglu_span(const E *a, const E *b, E *y, int64_t count) {
    for (int64_t i = 0; i < count; ++i) put(y + i, get(a[i]) / (1.0f + exponential(-get(a[i]))) * get(b[i]));
}

template <class E>
INLINE void swiglu_span_backward(const E *a, const E *b, const E *g, E *da, E *db, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float sigmoid = 1.0f / (1.0f + exponential(-get(a[i])));
        const float silu = get(a[i]) * sigmoid;
        put(db + i, get(g[i]) * silu);
        put(da + i, get(g[i]) * get(b[i]) * (sigmoid + silu * (1.0f - sigmoid)));
    }
}

#define PARAMETERS(E) (const E *a, const E *b, E *y, int64_t count)
FOR_BOTH_TYPES(swiglu_span, PARAMETERS, (a, b, y, count))
#undef PARAMETERS
#define PARAMETERS(E) (const E *a, const E *b, const E *g, E *da, E *db, int64_t count)
FOR_BOTH_TYPES(swiglu_span_backward, PARAMETERS, (a, b, g, da, db, count))
#undef PARAMETERS

/// Elements a thread takes at a time.
constexpr int64_t kGrain = 16384;

struct SwiGLU : torch::autograd::Function<SwiGLU> {
    static at::Tensor forward(AutogradContext *context, at::Tensor gate, at::Tensor up) {
        const at::Tensor a = gate.contiguous(), b = up.contiguous();
        at::Tensor y = at::empty_like(a);
        with_element(a, [&](auto element) {
            using E = decltype(element);
            const E *as = pointer<E>(a), *bs = pointer<E>(b);
            E *ys = pointer<E>(y);
            parallel_for(0, a.numel(), kGrain, [&](int64_t begin, int64_t end) {
                swiglu_span_of(as + begin, bs + begin, ys + begin, end - begin);
            });
        });
        context->save_for_backward({a, b});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor a = saved[0], b = saved[1], g = gradients[0].contiguous();
        at::Tensor da = at::empty_like(a), db = at::empty_like(b);
        with_element(a, [&](auto element) {
            using E = decltype(element);
            const E *as = pointer<E>(a), *bs = pointer<E>(b), *gs = pointer<E>(g);
            E *das = pointer<E>(da), *dbs = pointer<E>(db);
            parallel_for(0, a.numel(), kGrain, [&](int64_t begin, int64_t end) {
                swiglu_span_backward_of(as + begin, bs + begin, gs + begin, das + begin, dbs + begin, end - begin);
            });
        });
        return {da, db};
    }
};

// --- QuickGELU: y = x sigmoid(1.702 x) ----------------------------------------------------------------------------

template <class E>
INLINE void quick_gelu_span(const E *x, E *y, int64_t count) {
    for (int64_t i = 0; i < count; ++i) put(y + i, get(x[i]) / (1.0f + exponential(-1.702f * get(x[i]))));
}

template <class E>
INLINE void quick_gelu_span_backward(const E *x, const E *g, E *dx, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float sigmoid = 1.0f / (1.0f + exponential(-1.702f * get(x[i])));
        put(dx + i, get(g[i]) * (sigmoid + 1.702f * get(x[i]) * sigmoid * (1.0f - sigmoid)));
    }
}

#define PARAMETERS(E) (const E *x, E *y, int64_t count)
FOR_BOTH_TYPES(quick_gelu_span, PARAMETERS, (x, y, count))
#undef PARAMETERS
#define PARAMETERS(E) (const E *x, const E *g, E *dx, int64_t count)
FOR_BOTH_TYPES(quick_gelu_span_backward, PARAMETERS, (x, g, dx, count))
#undef PARAMETERS

struct QuickGELU : torch::autograd::Function<QuickGELU> {
    static at::Tensor forward(AutogradContext *context, at::Tensor input) {
        const at::Tensor x = input.contiguous();
        at::Tensor y = at::empty_like(x);
        with_element(x, [&](auto element) {
            using E = decltype(element);
            const E *xs = pointer<E>(x);
            E *ys = pointer<E>(y);
            parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
                quick_gelu_span_of(xs + begin, ys + begin, end - begin);
            });
        });
        context->save_for_backward({x});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const at::Tensor x = context->get_saved_variables()[0], g = gradients[0].contiguous();
        at::Tensor dx = at::empty_like(x);
        with_element(x, [&](auto element) {
            using E = decltype(element);
            const E *xs = pointer<E>(x), *gs = pointer<E>(g);
            E *dxs = pointer<E>(dx);
            parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
                quick_gelu_span_backward_of(xs + begin, gs + begin, dxs + begin, end - begin);
            });
        });
        return {dx};
    }
};

}  // namespace

SyrinxTensor syrinx_torch_rms_norm(SyrinxTensor input, int64_t width, SyrinxTensor weight, double epsilon) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input);
        const auto w = borrow_optional(weight);
        const bool agrees = w && fits(x) && w->scalar_type() == x.scalar_type() && w->device() == x.device();
        if (agrees && w->dim() == 1 && x.dim() > 0 && w->size(0) == x.size(-1) && x.numel() > 0) {
            return RMSNorm::apply(x, *w, epsilon);
        }
        return at::rms_norm(x, {width}, w, epsilon);
    });
}

SyrinxTensor syrinx_torch_swiglu(SyrinxTensor gate, SyrinxTensor up) {
    return tensor_guard([&] {
        const at::Tensor a = borrow(gate), b = borrow(up);
        if (fits(a) && b.device() == a.device() && a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes()) {
            return SwiGLU::apply(a, b);
        }
        return at::silu(a) * b;
    });
}

SyrinxTensor syrinx_torch_quick_gelu(SyrinxTensor input) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input);
        return fits(x) ? QuickGELU::apply(x) : x * at::sigmoid(x * 1.702);
    });
}
