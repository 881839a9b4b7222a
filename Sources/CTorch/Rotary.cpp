// Rotary position embedding in one pass each way: pairs of coordinates are turned where libtorch would compose slices,
// products and a concatenation. float32 and bfloat16 on the CPU; everything else is composed.
#include "Support.h"

#include <torch/csrc/autograd/custom_function.h>

#include "Elements.h"

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

at::Tensor rotary_composed(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s, bool interleaved) {
    if (interleaved) {
        const at::Tensor pairs = x.unflatten(-1, {-1, 2});
        const at::Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
        return at::stack({even * c - odd * s, odd * c + even * s}, -1).flatten(-2);
    }
    const auto halves = x.chunk(2, -1);
    return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

/// Turns one head's coordinates by the angles, or back where `sign` is -1.
template <class E>
INLINE void rotate_row(const E *x, const E *c, const E *s, E *y, int64_t pairs, bool interleaved, float sign) {
    if (interleaved) {
        for (int64_t i = 0; i < pairs; ++i) {
            const float a = get(x[2 * i]), b = get(x[2 * i + 1]), cosine = get(c[i]), sine = sign * get(s[i]);
            put(y + 2 * i, a * cosine - b * sine);
            put(y + 2 * i + 1, b * cosine + a * sine);
        }
        return;
    }
    for (int64_t i = 0; i < pairs; ++i) {
        const float a = get(x[i]), b = get(x[pairs + i]), cosine = get(c[i]), sine = sign * get(s[i]);
        put(y + i, a * cosine - b * sine);
        put(y + pairs + i, b * cosine + a * sine);
    }
}

#define PARAMETERS(E) (const E *x, const E *c, const E *s, E *y, int64_t pairs, bool interleaved, float sign)
FOR_BOTH_TYPES(rotate_row, PARAMETERS, (x, c, s, y, pairs, interleaved, sign))
#undef PARAMETERS

/// x [B, H, T, D] turned; the result lies as [B, T, H, D], as projections make it and the next one takes it.
at::Tensor rotate(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s, bool interleaved, float sign) {
    const int64_t batch = x.size(0), heads = x.size(1), length = x.size(2), size = x.size(3), pairs = size / 2;
    const int64_t table_batch = c.dim() == 4 && c.size(0) > 1 ? length * pairs : 0;
    at::Tensor y = at::empty({batch, length, heads, size}, x.options());
    const auto strides = x.strides();
    with_element(x, [&](auto element) {
        using E = decltype(element);
        const E *xs = pointer<E>(x), *cs = pointer<E>(c), *ss = pointer<E>(s);
        E *ys = pointer<E>(y);
        parallel_for(0, batch * length, 16, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                const int64_t b = row / length, t = row % length, table = b * table_batch + t * pairs;
                for (int64_t h = 0; h < heads; ++h) {
                    rotate_row_of(
                        xs + b * strides[0] + h * strides[1] + t * strides[2], cs + table, ss + table,
                        ys + (row * heads + h) * size, pairs, interleaved, sign);
                }
            }
        });
    });
    return y.transpose(1, 2);
}

struct Rotary : torch::autograd::Function<Rotary> {
    static at::Tensor forward(AutogradContext *context, at::Tensor x, at::Tensor c, at::Tensor s, bool interleaved) {
        const at::Tensor cosine = c.contiguous(), sine = s.contiguous();
        context->save_for_backward({cosine, sine});
        context->saved_data["interleaved"] = interleaved;
        return rotate(with_adjacent_coordinates(x), cosine, sine, interleaved, 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor g = with_adjacent_coordinates(gradients[0]);
        return {rotate(g, saved[0], saved[1], context->saved_data["interleaved"].toBool(), -1), {}, {}, {}};
    }
};

/// Tables [T, D/2] or [B, 1, T, D/2] of the input's type, which need no gradient.
bool is_covered(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s) {
    if (x.dim() != 4 || !fits(x) || x.numel() == 0 || x.size(3) % 2 != 0 || c.sizes() != s.sizes()) return false;
    const std::array<int64_t, 4> whole{x.size(0), 1, x.size(2), x.size(3) / 2}, one{1, 1, x.size(2), x.size(3) / 2};
    const std::array<int64_t, 2> plain{x.size(2), x.size(3) / 2};
    const auto table = [&](const at::Tensor &t) {
        return t.scalar_type() == x.scalar_type() && t.device() == x.device() && !t.requires_grad();
    };
    const bool has_shape = c.sizes() == at::IntArrayRef(whole) || c.sizes() == at::IntArrayRef(one)
        || c.sizes() == at::IntArrayRef(plain);
    return has_shape && table(c) && table(s);
}

}  // namespace

SyrinxTensor syrinx_torch_rotary(SyrinxTensor input, SyrinxTensor cosine, SyrinxTensor sine, bool interleaved) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input), c = borrow(cosine), s = borrow(sine);
        if (is_covered(x, c, s)) return Rotary::apply(x, c, s, interleaved);
        return rotary_composed(x, c, s, interleaved);
    });
}
