// Element-wise operations, shapes and reductions: one line each, straight to ATen, but for matrix products.
#include "Support.h"

#include "Widened.h"

using namespace syrinx;

#define DEFINE(name) \
    SyrinxTensor syrinx_torch_##name(SyrinxTensor self) { \
        return tensor_guard([&] { return borrow(self).name(); }); \
    }
#define UNARY_METHODS(X) \
    X(neg) X(abs) X(sign) X(sqrt) X(rsqrt) X(exp) X(log) X(log1p) X(sin) X(cos) X(tanh) X(sigmoid) X(relu) X(floor) \
    X(ceil) X(round) X(reciprocal) X(square) X(isnan) X(logical_not) X(detach) X(clone) X(contiguous) X(erf) X(isinf)
UNARY_METHODS(DEFINE)
#undef DEFINE

SyrinxTensor syrinx_torch_silu(SyrinxTensor self) {
    return tensor_guard([&] { return at::silu(borrow(self)); });
}
SyrinxTensor syrinx_torch_isfinite(SyrinxTensor self) {
    return tensor_guard([&] { return at::isfinite(borrow(self)); });
}

#define DEFINE(name) \
    SyrinxTensor syrinx_torch_##name(SyrinxTensor self, SyrinxTensor other) { \
        return tensor_guard([&] { return at::name(borrow(self), borrow(other)); }); \
    }
SYRINX_TORCH_BINARY(DEFINE)
#undef DEFINE

SyrinxTensor syrinx_torch_matmul(SyrinxTensor self, SyrinxTensor other) {
    return tensor_guard([&] {
        const at::Tensor a = borrow(self), b = borrow(other);
        const bool widens = must_widen(a) && a.scalar_type() == b.scalar_type();
        return widens ? in_float32([](auto x, auto y) { return at::matmul(x, y); }, a, b) : at::matmul(a, b);
    });
}

SyrinxTensor syrinx_torch_bmm(SyrinxTensor self, SyrinxTensor other) {
    return tensor_guard([&] {
        const at::Tensor a = borrow(self), b = borrow(other);
        const bool widens = must_widen(a) && a.scalar_type() == b.scalar_type();
        return widens ? in_float32([](auto x, auto y) { return at::bmm(x, y); }, a, b) : at::bmm(a, b);
    });
}

#define DEFINE(name) \
    SyrinxTensor syrinx_torch_##name##_scalar(SyrinxTensor self, double other) { \
        return tensor_guard([&] { return at::name(borrow(self), at::Scalar(other)); }); \
    }
SYRINX_TORCH_SCALAR(DEFINE)
#undef DEFINE

SyrinxTensor syrinx_torch_gelu(SyrinxTensor self, bool tanh_approximation) {
    return tensor_guard([&] { return at::gelu(borrow(self), tanh_approximation ? "tanh" : "none"); });
}

SyrinxTensor syrinx_torch_clamp(SyrinxTensor self, const double *low, const double *high) {
    return tensor_guard([&] {
        std::optional<at::Scalar> minimum, maximum;
        if (low != nullptr) minimum = at::Scalar(*low);
        if (high != nullptr) maximum = at::Scalar(*high);
        return at::clamp(borrow(self), minimum, maximum);
    });
}

SyrinxTensor syrinx_torch_to(SyrinxTensor self, int32_t dtype, int32_t device_type, int32_t device_index) {
    return tensor_guard([&] {
        return borrow(self).to(device_of(device_type, device_index), static_cast<at::ScalarType>(dtype));
    });
}

SyrinxTensor syrinx_torch_where(SyrinxTensor condition, SyrinxTensor self, SyrinxTensor other) {
    return tensor_guard([&] { return at::where(borrow(condition), borrow(self), borrow(other)); });
}

SyrinxTensor syrinx_torch_masked_fill(SyrinxTensor self, SyrinxTensor mask, double value) {
    return tensor_guard([&] { return borrow(self).masked_fill(borrow(mask), at::Scalar(value)); });
}

SyrinxTensor syrinx_torch_addcmul(SyrinxTensor self, SyrinxTensor a, SyrinxTensor b, double value) {
    return tensor_guard([&] { return at::addcmul(borrow(self), borrow(a), borrow(b), at::Scalar(value)); });
}

SyrinxTensor syrinx_torch_reshape(SyrinxTensor self, const int64_t *sizes, int64_t count) {
    return tensor_guard([&] { return borrow(self).reshape(sizes_ref(sizes, count)); });
}

SyrinxTensor syrinx_torch_permute(SyrinxTensor self, const int64_t *dims, int64_t count) {
    return tensor_guard([&] { return borrow(self).permute(sizes_ref(dims, count)); });
}

SyrinxTensor syrinx_torch_transpose(SyrinxTensor self, int64_t a, int64_t b) {
    return tensor_guard([&] { return borrow(self).transpose(a, b); });
}

SyrinxTensor syrinx_torch_unsqueeze(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).unsqueeze(dim); });
}

SyrinxTensor syrinx_torch_squeeze(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).squeeze(dim); });
}

SyrinxTensor syrinx_torch_flatten(SyrinxTensor self, int64_t start, int64_t end) {
    return tensor_guard([&] { return borrow(self).flatten(start, end); });
}

SyrinxTensor syrinx_torch_expand(SyrinxTensor self, const int64_t *sizes, int64_t count) {
    return tensor_guard([&] { return borrow(self).expand(sizes_ref(sizes, count)); });
}

SyrinxTensor syrinx_torch_narrow(SyrinxTensor self, int64_t dim, int64_t start, int64_t length) {
    return tensor_guard([&] { return borrow(self).narrow(dim, start, length); });
}

SyrinxTensor syrinx_torch_select(SyrinxTensor self, int64_t dim, int64_t index) {
    return tensor_guard([&] { return borrow(self).select(dim, index); });
}

SyrinxTensor syrinx_torch_repeat_interleave(SyrinxTensor self, int64_t repeats, int64_t dim) {
    return tensor_guard([&] { return borrow(self).repeat_interleave(repeats, dim); });
}

SyrinxTensor syrinx_torch_flip(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).flip({dim}); });
}

SyrinxTensor syrinx_torch_roll(SyrinxTensor self, int64_t shift, int64_t dim) {
    return tensor_guard([&] { return borrow(self).roll(shift, dim); });
}

SyrinxTensor syrinx_torch_tril(SyrinxTensor self, int64_t diagonal) {
    return tensor_guard([&] { return borrow(self).tril(diagonal); });
}

SyrinxTensor syrinx_torch_cat(SyrinxTensorList tensors, int64_t count, int64_t dim) {
    return tensor_guard([&] { return at::cat(borrow_list(tensors, count), dim); });
}

SyrinxTensor syrinx_torch_stack(SyrinxTensorList tensors, int64_t count, int64_t dim) {
    return tensor_guard([&] { return at::stack(borrow_list(tensors, count), dim); });
}

SyrinxTensor syrinx_torch_index_select(SyrinxTensor self, int64_t dim, SyrinxTensor index) {
    return tensor_guard([&] { return borrow(self).index_select(dim, borrow(index)); });
}

SyrinxTensor syrinx_torch_gather(SyrinxTensor self, int64_t dim, SyrinxTensor index) {
    return tensor_guard([&] { return borrow(self).gather(dim, borrow(index)); });
}

SyrinxTensor syrinx_torch_scatter(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source) {
    return tensor_guard([&] { return borrow(self).scatter(dim, borrow(index), borrow(source)); });
}

SyrinxTensor syrinx_torch_index_add(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source) {
    return tensor_guard([&] { return borrow(self).index_add(dim, borrow(index), borrow(source)); });
}

SyrinxTensor syrinx_torch_index_copy(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source) {
    return tensor_guard([&] { return borrow(self).index_copy(dim, borrow(index), borrow(source)); });
}

SyrinxTensor syrinx_torch_nonzero(SyrinxTensor self) {
    return tensor_guard([&] { return borrow(self).nonzero(); });
}

SyrinxTensor syrinx_torch_one_hot(SyrinxTensor self, int64_t classes) {
    return tensor_guard([&] { return at::one_hot(borrow(self), classes); });
}

SyrinxTensor syrinx_torch_bincount(SyrinxTensor self, int64_t minimum_length) {
    return tensor_guard([&] { return at::bincount(borrow(self), {}, minimum_length); });
}

SyrinxTensor syrinx_torch_sum(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep) {
    return tensor_guard([&] { return borrow(self).sum(dims_ref(dims, count), keep); });
}

SyrinxTensor syrinx_torch_mean(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep) {
    return tensor_guard([&] { return borrow(self).mean(dims_ref(dims, count), keep); });
}

SyrinxTensor syrinx_torch_var(SyrinxTensor self, const int64_t *dims, int64_t count, bool unbiased, bool keep) {
    return tensor_guard([&] { return borrow(self).var(dims_ref(dims, count), unbiased, keep); });
}

SyrinxTensor syrinx_torch_amax(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep) {
    return tensor_guard([&] { return borrow(self).amax(sizes_ref(dims, count), keep); });
}

SyrinxTensor syrinx_torch_amin(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep) {
    return tensor_guard([&] { return borrow(self).amin(sizes_ref(dims, count), keep); });
}

SyrinxTensor syrinx_torch_argmax(SyrinxTensor self, int64_t dim, bool keep) {
    return tensor_guard([&] { return borrow(self).argmax(dim, keep); });
}

SyrinxTensor syrinx_torch_argmin(SyrinxTensor self, int64_t dim, bool keep) {
    return tensor_guard([&] { return borrow(self).argmin(dim, keep); });
}

SyrinxTensor syrinx_torch_all(SyrinxTensor self) {
    return tensor_guard([&] { return borrow(self).all(); });
}

SyrinxTensor syrinx_torch_any(SyrinxTensor self) {
    return tensor_guard([&] { return borrow(self).any(); });
}

SyrinxTensor syrinx_torch_softmax(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).softmax(dim); });
}

SyrinxTensor syrinx_torch_log_softmax(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).log_softmax(dim); });
}

SyrinxTensor syrinx_torch_logsumexp(SyrinxTensor self, int64_t dim, bool keep) {
    return tensor_guard([&] { return borrow(self).logsumexp(at::IntArrayRef{dim}, keep); });
}

SyrinxTensor syrinx_torch_cumsum(SyrinxTensor self, int64_t dim) {
    return tensor_guard([&] { return borrow(self).cumsum(dim); });
}

SyrinxTensor syrinx_torch_norm(SyrinxTensor self, double order, const int64_t *dims, int64_t count, bool keep) {
    return tensor_guard([&] { return at::linalg_vector_norm(borrow(self), order, dims_ref(dims, count), keep); });
}

bool syrinx_torch_topk(
    SyrinxTensor self, int64_t k, int64_t dim, bool largest, SyrinxTensor *values, SyrinxTensor *indices) {
    return status_guard([&] {
        auto [top, index] = borrow(self).topk(k, dim, largest, /*sorted=*/true);
        *values = release(top);
        *indices = release(index);
    });
}

bool syrinx_torch_sort(SyrinxTensor self, int64_t dim, bool descending, SyrinxTensor *values, SyrinxTensor *indices) {
    return status_guard([&] {
        auto [sorted, index] = borrow(self).sort(/*stable=*/true, dim, descending);
        *values = release(sorted);
        *indices = release(index);
    });
}
