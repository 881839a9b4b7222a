// The linear layer: which product serves which shape, dtype and processor best. Everything not named here is libtorch's.
#include "Support.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "Kernels.h"
#include "Widened.h"

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

using Bias = std::optional<at::Tensor>;

// --- float32 through oneDNN ---------------------------------------------------------------------------------------

using Pointwise = at::Tensor(
    const at::Tensor &, const at::Tensor &, const Bias &, std::string_view, c10::List<std::optional<at::Scalar>>,
    std::optional<std::string_view>);

/// libtorch's own door to oneDNN's product, which its compiler uses; absent in builds without oneDNN.
const std::optional<c10::TypedOperatorHandle<Pointwise>> &onednn_linear() {
    static const auto found = []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
        const auto handle = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
        if (!handle) return std::nullopt;
        return handle->typed<Pointwise>();
    }();
    return found;
}

/// x w^T + b through oneDNN, in float32 arithmetic; any of them may be a transposed view.
at::Tensor onednn(const at::Tensor &x, const at::Tensor &w, const Bias &b) {
    return onednn_linear()->call(x, w, b, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// y = x w^T + b with all three products through oneDNN.
struct FloatLinear : torch::autograd::Function<FloatLinear> {
    static at::Tensor forward(AutogradContext *context, at::Tensor x, at::Tensor w, Bias b) {
        context->save_for_backward({x, w});
        context->saved_data["bias"] = b && b->requires_grad();
        const at::AutoDispatchBelowAutograd below;
        return onednn(x, w, b);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor x = saved[0].flatten(0, -2), w = saved[1], g = gradients[0].flatten(0, -2).contiguous();
        at::Tensor dx, dw, db;
        if (context->needs_input_grad(0)) dx = onednn(g, w.t(), std::nullopt).view(saved[0].sizes());
        if (context->needs_input_grad(1)) dw = onednn(g.t(), x.t(), std::nullopt);
        if (context->saved_data["bias"].toBool()) db = g.sum(0);
        return {dx, dw, db};
    }
};

// --- The choice ---------------------------------------------------------------------------------------------------

/// Whether the widened product covers the arguments; what it does not is refused by libtorch, or slow and rare.
bool is_widened(const at::Tensor &x, const at::Tensor &w, const Bias &b) {
    return must_widen(x) && w.dim() == 2 && w.size(1) == x.size(-1) && w.scalar_type() == x.scalar_type()
        && (!b || (b->dim() == 1 && b->size(0) == w.size(0) && b->scalar_type() == x.scalar_type()));
}

bool is_recorded(const at::Tensor &x, const at::Tensor &w, const Bias &b) {
    return at::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() || (b && b->requires_grad()));
}

/// Fewest multiplications for which the other door is worth its threshold.
constexpr int64_t kLargeProduct = 1 << 18;

/// The rows that oneDNN's blocks leave over are computed apart: without matrix units one of them costs it a whole block.
int64_t leftover_rows(const at::Tensor &x, int64_t rows) {
    constexpr int64_t block = 16;
    const bool is_blocked = x.scalar_type() == at::kBFloat16 ? has_bfloat16_dot_products() && !has_matrix_units()
                                                             : prefers_onednn_for_floats() && onednn_linear();
    const int64_t leftover = rows % block;
    return is_blocked && rows > 4 * block && leftover <= kFewRows ? leftover : 0;
}

/// Whether `multiply_many_rows` is worth asking, before anything is made for it.
bool may_be_many(const at::Tensor &x, int64_t rows) {
    return x.scalar_type() == at::kBFloat16 && rows > kFewRows && rows <= kManyRows && x.size(-1) >= kLeastWidth
        && has_bfloat16_dot_products() && !has_matrix_units();
}

/// Undefined where no kernel of ours fits.
at::Tensor unrecorded(const at::Tensor &input, const at::Tensor &w, const Bias &b) {
    const int64_t width = input.size(-1), rows = input.numel() / std::max<int64_t>(1, width);
    if (rows == 0 || w.dim() != 2 || w.size(1) != width || w.scalar_type() != input.scalar_type()) return {};
    const int64_t leftover = leftover_rows(input, rows);
    const bool is_many = may_be_many(input, rows);
    if (rows > kFewRows && leftover == 0 && !is_many) return {};
    const at::Tensor x = input.reshape({rows, width}).contiguous();
    at::Tensor y = at::empty({rows, w.size(0)}, x.options());
    std::vector<int64_t> sizes = input.sizes().vec();
    sizes.back() = w.size(0);
    if (is_many && multiply_many_rows(x, w, b, y)) return y.view(sizes);
    if (rows > kFewRows && leftover == 0) return {};
    const int64_t few = rows > kFewRows ? leftover : rows;
    at::Tensor last = y.narrow(0, rows - few, few);
    if (!multiply_few_rows(x.narrow(0, rows - few, few), w, b, last)) return {};
    if (few == rows) return y.view(sizes);
    const at::Tensor first = x.narrow(0, 0, rows - few);
    at::Tensor blocks = y.narrow(0, 0, rows - few);
    if (x.scalar_type() == at::kFloat) {  // leftover_rows has asked for oneDNN
        blocks.copy_(onednn(first, w, b));
    } else if (b) {
        at::addmm_out(blocks, *b, first, w.t());
    } else {
        at::mm_out(blocks, first, w.t());
    }
    return y.view(sizes);
}

}  // namespace

SyrinxTensor syrinx_torch_linear(SyrinxTensor input, SyrinxTensor weight, SyrinxTensor bias) {
    return tensor_guard([&] {
        const at::Tensor x = borrow(input), w = borrow(weight);
        const Bias b = borrow_optional(bias);
        if (!x.device().is_cpu() || x.dim() == 0) return at::linear(x, w, b);
        const bool fits_onednn = x.scalar_type() == at::kFloat && w.scalar_type() == at::kFloat && w.dim() == 2
            && w.size(1) == x.size(-1) && x.numel() * w.size(0) >= kLargeProduct && prefers_onednn_for_floats()
            && onednn_linear();
        const bool widens = is_widened(x, w, b);
        if (is_recorded(x, w, b)) {
            if (widens) return widened_linear(x, w, b);
            return fits_onednn && x.dim() > 1 ? FloatLinear::apply(x, w, b) : at::linear(x, w, b);
        }
        const at::Tensor result = unrecorded(x, w, b);
        if (result.defined()) return result;
        if (widens) return widened_product(x, w, b);
        return fits_onednn ? onednn(x, w, b) : at::linear(x, w, b);
    });
}
