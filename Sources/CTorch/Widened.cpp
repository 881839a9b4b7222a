// See Widened.h. The products themselves are WidenedKernel's, or libtorch's float32 ones between conversions.
#include "Widened.h"

#include <torch/csrc/autograd/custom_function.h>

#include "Tiles.h"
#include "WidenedKernel.h"

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

using Bias = std::optional<at::Tensor>;

// --- Conversions --------------------------------------------------------------------------------------------------

/// Elements for which waking another thread is worth it.
constexpr int64_t kGrain = 1 << 15;

FOR_EACH_CLASS(widen_row, (const Half *from, float *to, int64_t count), (from, to, count))
FOR_EACH_CLASS(narrow_row, (const float *from, const Half *bias, Half *to, int64_t count), (from, bias, to, count))

/// Whether the loops above read a matrix: bfloat16 whose rows lie in one piece.
bool is_plain(const at::Tensor &x) { return x.scalar_type() == at::kBFloat16 && x.dim() == 2 && x.stride(1) == 1; }

/// Calls `body` with each row and with the columns of it that are one thread's part: few long rows have parts, too.
template <class Body>
void for_rows(int64_t rows, int64_t columns, Body &&body) {
    if (rows >= 64 || columns < kGrain) {
        const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, columns));
        return parallel_for(0, rows, grain, [&](int64_t from, int64_t to) {
            for (int64_t row = from; row < to; ++row) body(row, 0, columns);
        });
    }
    for (int64_t row = 0; row < rows; ++row) {
        parallel_for(0, columns, kGrain, [&](int64_t from, int64_t to) { body(row, from, to); });
    }
}

/// A matrix as float32, written to `into`, which has its shape and is contiguous.
void widen(const at::Tensor &x, at::Tensor &into) {
    if (!is_plain(x)) {
        into.copy_(x);
        return;
    }
    const Half *from = pointer<Half>(x);
    float *to = pointer<float>(into);
    const int64_t columns = x.size(1), stride = x.stride(0);
    for_rows(x.size(0), columns, [&](int64_t row, int64_t begin, int64_t end) {
        widen_row_of(from + row * stride + begin, to + row * columns + begin, end - begin);
    });
}

at::Tensor widened(const at::Tensor &x) {
    at::Tensor result = at::empty(x.sizes(), x.options().dtype(at::kFloat));
    widen(x, result);
    return result;
}

/// Rounds the contiguous float32 matrix x + b into `into`, which may be columns of a larger one.
void narrow(const at::Tensor &x, const Bias &b, at::Tensor into) {
    if (!is_plain(into) || (b && !b->is_contiguous())) {
        into.copy_(b ? x + b->to(at::kFloat) : x);
        return;
    }
    const float *from = pointer<float>(x);
    const Half *bias = b ? pointer<Half>(*b) : nullptr;
    Half *to = pointer<Half>(into);
    const int64_t columns = x.size(1), stride = into.stride(0);
    for_rows(x.size(0), columns, [&](int64_t row, int64_t begin, int64_t end) {
        narrow_row_of(
            from + row * columns + begin, bias == nullptr ? nullptr : bias + begin, to + row * stride + begin, end - begin);
    });
}

// --- Products -----------------------------------------------------------------------------------------------------

/// Rows of w widened together: a few megabytes with what belongs to them, which the caches hold until they are multiplied.
int64_t rows_together(int64_t width, int64_t others) {
    constexpr int64_t elements = 1 << 20, multiple = 64;
    const int64_t rows = elements / std::max<int64_t>(1, std::max(width, others));
    return std::max(multiple, rows / multiple * multiple);
}

/// Calls `body` with the first row and the number of rows of each block of w.
template <class Body>
void for_blocks(const at::Tensor &w, int64_t others, Body &&body) {
    const int64_t step = rows_together(w.size(1), others);
    for (int64_t first = 0; first < w.size(0); first += step) body(first, std::min(step, w.size(0) - first));
}

at::Tensor matrix(const at::Tensor &x) { return x.dim() == 2 ? x : x.reshape({-1, x.size(-1)}); }

struct WidenedLinear : torch::autograd::Function<WidenedLinear> {
    static at::Tensor forward(AutogradContext *context, at::Tensor x, at::Tensor w, Bias b) {
        context->save_for_backward({x, w});
        context->saved_data["bias"] = b && b->requires_grad();
        const at::AutoDispatchBelowAutograd below;
        return widened_product(x, w, b);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor x = matrix(saved[0]), w = saved[1], g = matrix(gradients[0]);
        at::Tensor dx, dw, db;
        if (context->needs_input_grad(0)) dx = at::empty(x.sizes(), x.options());
        if (context->needs_input_grad(1)) dw = at::empty(w.sizes(), w.options());
        if (context->saved_data["bias"].toBool()) db = g.sum(0);
        const bool has_dx = !dx.defined() || multiply_widened(g, w, std::nullopt, dx);
        const bool has_dw = !dw.defined() || multiply_widened(g.t(), x, std::nullopt, dw);
        multiply_blocks(x, w, g, has_dx ? at::Tensor() : dx, has_dw ? at::Tensor() : dw);
        return {dx.defined() ? dx.view(saved[0].sizes()) : dx, dw, db};
    }

    /// The gradients that are defined, dx = g w and dw = g^T x, by libtorch's float32 products.
    static void multiply_blocks(const at::Tensor &x, const at::Tensor &w, const at::Tensor &g, at::Tensor dx, at::Tensor dw) {
        if (!dx.defined() && !dw.defined()) return;
        at::Tensor wide_x, sum;
        if (dx.defined()) sum = at::zeros(x.sizes(), x.options().dtype(at::kFloat));
        if (dw.defined()) wide_x = widened(x);
        for_blocks(w, x.size(0), [&](int64_t first, int64_t count) {
            const at::Tensor wide_g = widened(g.narrow(1, first, count));
            if (dx.defined()) sum.addmm_(wide_g, widened(w.narrow(0, first, count)));
            if (dw.defined()) narrow(at::mm(wide_g.t(), wide_x), std::nullopt, dw.narrow(0, first, count));
        });
        if (dx.defined()) narrow(sum, std::nullopt, dx);
    }
};

}  // namespace

bool syrinx::must_widen(const at::Tensor &x) {
    const auto type = x.scalar_type();
    return (type == at::kBFloat16 || type == at::kHalf) && x.device().is_cpu() && !multiplies_fast(type);
}

at::Tensor syrinx::widened_product(const at::Tensor &input, const at::Tensor &w, const Bias &b) {
    const at::Tensor rows = matrix(input);
    at::Tensor y = at::empty({rows.size(0), w.size(0)}, input.options());
    std::vector<int64_t> sizes = input.sizes().vec();
    sizes.back() = w.size(0);
    if (multiply_widened(rows, w.t(), b, y)) return y.view(sizes);
    const at::Tensor x = widened(rows);
    for_blocks(w, x.size(0), [&](int64_t first, int64_t count) {
        const at::Tensor block = at::mm(x, widened(w.narrow(0, first, count)).t());
        narrow(block, b ? Bias(b->narrow(0, first, count)) : std::nullopt, y.narrow(1, first, count));
    });
    return y.view(sizes);
}

at::Tensor syrinx::widened_linear(const at::Tensor &x, const at::Tensor &w, const Bias &b) {
    return WidenedLinear::apply(x, w, b);
}
