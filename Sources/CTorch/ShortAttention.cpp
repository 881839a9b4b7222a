// Attention of short bfloat16 sequences in training, where bfloat16 has no products of its own: each head's products fit the
// caches and are made of tiles, operands are widened on the way. Scores are computed again for the gradients, so nothing but
// the arguments is kept.
#include <torch/csrc/autograd/custom_function.h>

#include <limits>

#include "Kernels.h"
#include "Tiles.h"
#include "Widened.h"

using namespace syrinx;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// Most queries, keys and elements of a head.
constexpr int64_t kLongest = 128;

/// One head of a sequence: its first row, and how far apart its rows are.
struct Rows {
    const Half *data;
    int64_t stride;
};

struct Shape {
    int64_t queries, keys, size;
    bool causal;
    float scale;

    int64_t padded_keys() const { return panels_in(keys) * kTileColumns; }
    int64_t padded_size() const { return panels_in(size) * kTileColumns; }
    int64_t padded_length() const { return std::max(panels_in(queries) * kTileColumns, padded_keys()); }
    /// Elements of a matrix of rows, of one of panels, and of one of scores.
    int64_t elements() const { return padded_length() * padded_size(); }
    int64_t scores() const { return padded_length() * padded_keys(); }
};

/// c [rows, columns], c_stride apart, = a b where b^T's rows lie in one piece: scores of rows with rows.
INLINE void multiply_transposed(
    const float *a, int64_t a_stride, Rows b, float *panel, float *c, int64_t c_stride, int64_t rows, int64_t columns,
    int64_t depth) {
    for (int64_t column = 0; column < columns; column += kTileColumns) {
        pack_columns(b.data + column * b.stride, b.stride, panel, depth, std::min(kTileColumns, columns - column));
        tiles(a, kTileRows * a_stride, a_stride, 1, panel, c + column, c_stride, rows, depth, false);
    }
}

/// c [rows, size], padded_size apart, = a b, or a^T b where `transposed`.
INLINE void multiply(
    const float *a, int64_t a_stride, bool transposed, Rows b, float *panel, float *c, int64_t c_stride, int64_t rows, int64_t size,
    int64_t depth) {
    for (int64_t column = 0; column < size; column += kTileColumns) {
        pack_rows(b.data + column, b.stride, panel, depth, std::min(kTileColumns, size - column));
        if (transposed) {
            tiles(a, kTileRows, 1, a_stride, panel, c + column, c_stride, rows, depth, false);
        } else {
            tiles(a, kTileRows * a_stride, a_stride, 1, panel, c + column, c_stride, rows, depth, false);
        }
    }
}

/// The largest of some eights of elements.
INLINE float largest(const float *row, int64_t count) {
    Floats lanes, others;
    __builtin_memcpy(&lanes, row, sizeof lanes);
    for (int64_t i = kLanes; i < count; i += kLanes) {
        __builtin_memcpy(&others, row + i, sizeof others);
        lanes = others > lanes ? others : lanes;
    }
    float result = lanes[0];
    for (int64_t i = 1; i < kLanes; ++i) result = lanes[i] > result ? lanes[i] : result;
    return result;
}

/// softmax(s scale) in place, zeros where a query may not look. A NaN among a query's scores makes all of them NaN.
INLINE void softmax(float *s, const Shape &shape) {
    const int64_t width = shape.padded_keys();
    for (int64_t query = 0; query < shape.queries; ++query) {
        float *row = s + query * width;
        const int64_t seen = shape.causal ? query + 1 : shape.keys;
        for (int64_t i = seen; i < width; ++i) row[i] = -std::numeric_limits<float>::infinity();
        const float highest = largest(row, width);
        for (int64_t i = 0; i < width; ++i) row[i] = exponential((row[i] - highest) * shape.scale);
        for (int64_t i = seen; i < width; ++i) row[i] = 0;
        float total = 0;
        {
#pragma clang fp reassociate(on)
            for (int64_t i = 0; i < width; ++i) total += row[i];
        }
        const float share = 1 / total;
        for (int64_t i = 0; i < width; ++i) row[i] *= share;
    }
}

INLINE void narrow_block(const float *from, int64_t stride, Half *to, int64_t to_stride, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) narrow_row(from + row * stride, nullptr, to + row * to_stride, columns);
}

/// The shares of a head's keys in its queries, with what is needed for them.
INLINE void shares(const Shape &shape, Rows q, Rows k, float *wide, float *panel, float *s) {
    widen_block(q.data, q.stride, wide, shape.padded_size(), shape.queries, shape.size);
    multiply_transposed(wide, shape.padded_size(), k, panel, s, shape.padded_keys(), shape.queries, shape.keys, shape.size);
    softmax(s, shape);
}

INLINE void attend_head(const Shape &shape, Rows q, Rows k, Rows v, Half *y, int64_t y_stride, float *scratch) {
    float *const wide = scratch, *const panel = wide + shape.elements(), *const s = panel + shape.elements();
    shares(shape, q, k, wide, panel, s);
    multiply(s, shape.padded_keys(), false, v, panel, wide, shape.padded_size(), shape.queries, shape.size, shape.keys);
    narrow_block(wide, shape.padded_size(), y, y_stride, shape.queries, shape.size);
}

// With shares p and g = dy: dv = p^T g, ds = p (g v^T - sum(p g v^T)) scale, dq = ds k, dk = ds^T q.
INLINE void attend_head_backward(
    const Shape &shape, Rows q, Rows k, Rows v, Rows g, Half *dq, Half *dk, Half *dv, int64_t stride, float *scratch) {
    const int64_t size = shape.padded_size(), width = shape.padded_keys();
    float *const wide = scratch, *const panel = wide + shape.elements(), *const p = panel + shape.elements();
    float *const ds = p + shape.scores();
    shares(shape, q, k, wide, panel, p);
    multiply(p, width, true, g, panel, wide, size, shape.keys, shape.size, shape.queries);
    narrow_block(wide, size, dv, stride, shape.keys, shape.size);
    widen_block(g.data, g.stride, wide, size, shape.queries, shape.size);
    multiply_transposed(wide, size, v, panel, ds, width, shape.queries, shape.keys, shape.size);
    for (int64_t query = 0; query < shape.queries; ++query) {
        const float *own = p + query * width;
        float *row = ds + query * width;
        float mean = 0;
        {
#pragma clang fp reassociate(on)
            for (int64_t i = 0; i < width; ++i) mean += own[i] * row[i];
        }
        for (int64_t i = 0; i < width; ++i) row[i] = own[i] * (row[i] - mean) * shape.scale;
    }
    multiply(ds, width, false, k, panel, wide, size, shape.queries, shape.size, shape.keys);
    narrow_block(wide, size, dq, stride, shape.queries, shape.size);
    multiply(ds, width, true, q, panel, wide, size, shape.keys, shape.size, shape.queries);
    narrow_block(wide, size, dk, stride, shape.keys, shape.size);
}

FOR_EACH_CLASS(
    attend_head, (const Shape &shape, Rows q, Rows k, Rows v, Half *y, int64_t y_stride, float *scratch),
    (shape, q, k, v, y, y_stride, scratch))
FOR_EACH_CLASS(
    attend_head_backward,
    (const Shape &shape, Rows q, Rows k, Rows v, Rows g, Half *dq, Half *dk, Half *dv, int64_t stride, float *scratch),
    (shape, q, k, v, g, dq, dk, dv, stride, scratch))

/// Calls `body` with each sequence and head, and with memory for `elements` floats.
template <class Body>
void for_heads(const at::Tensor &q, int64_t elements, Body &&body) {
    const int64_t heads = q.size(1);
    parallel_for(0, q.size(0) * heads, 1, [&](int64_t from, int64_t to) {
        const at::Tensor scratch = at::empty({elements}, at::kFloat);
        float *place = static_cast<float *>(scratch.mutable_data_ptr());
        for (int64_t i = from; i < to; ++i) body(i / heads, i % heads, place);
    });
}

Rows rows_of(const at::Tensor &x, int64_t sequence, int64_t head) {
    return {pointer<Half>(x) + sequence * x.stride(0) + head * x.stride(1), x.stride(2)};
}

/// [B, H, T, D] that lies as [B, T, H, D], as the next projection takes it.
at::Tensor empty_heads(const at::Tensor &like) {
    return at::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options()).transpose(1, 2);
}

Half *place_of(at::Tensor &x, int64_t sequence, int64_t head) {
    return pointer<Half>(x) + sequence * x.stride(0) + head * x.stride(1);
}

struct ShortAttention : torch::autograd::Function<ShortAttention> {
    static Shape shape(const at::Tensor &q, const at::Tensor &k, bool causal, double scale) {
        return {q.size(2), k.size(2), q.size(3), causal, static_cast<float>(scale)};
    }

    static at::Tensor forward(
        AutogradContext *context, at::Tensor query, at::Tensor key, at::Tensor value, bool causal, double scale) {
        const at::Tensor q = with_adjacent_coordinates(query), k = with_adjacent_coordinates(key);
        const at::Tensor v = with_adjacent_coordinates(value);
        context->save_for_backward({q, k, v});
        context->saved_data["causal"] = causal;
        context->saved_data["scale"] = scale;
        const Shape all = shape(q, k, causal, scale);
        at::Tensor y = empty_heads(q);
        for_heads(q, 2 * all.elements() + all.scores(), [&](int64_t b, int64_t h, float *scratch) {
            attend_head_of(all, rows_of(q, b, h), rows_of(k, b, h), rows_of(v, b, h), place_of(y, b, h), y.stride(2), scratch);
        });
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor q = saved[0], k = saved[1], v = saved[2], g = with_adjacent_coordinates(gradients[0]);
        const Shape all = shape(q, k, context->saved_data["causal"].toBool(), context->saved_data["scale"].toDouble());
        at::Tensor dq = empty_heads(q), dk = empty_heads(k), dv = empty_heads(v);
        for_heads(q, 2 * (all.elements() + all.scores()), [&](int64_t b, int64_t h, float *scratch) {
            attend_head_backward_of(
                all, rows_of(q, b, h), rows_of(k, b, h), rows_of(v, b, h), rows_of(g, b, h), place_of(dq, b, h),
                place_of(dk, b, h), place_of(dv, b, h), dq.stride(2), scratch);
        });
        return {dq, dk, dv, at::Tensor(), at::Tensor()};
    }
};

bool covers(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal) {
    if (kernel_class() != KernelClass::avx2 || q.numel() == 0 || k.numel() == 0) return false;
    for (const at::Tensor *each : {&q, &k, &v}) {
        if (each->scalar_type() != at::kBFloat16 || !each->device().is_cpu() || each->dim() != 4) return false;
    }
    const bool has_heads = k.sizes() == v.sizes() && q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3);
    return has_heads && std::max({q.size(2), k.size(2), q.size(3)}) <= kLongest && (!causal || q.size(2) == k.size(2));
}

}  // namespace

at::Tensor syrinx::attend_short_widened(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale) {
    if (!covers(q, k, v, causal) || !(scale > 0)) return {};
    return ShortAttention::apply(q, k, v, causal, scale);
}
