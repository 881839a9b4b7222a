// Attention of one query in bfloat16 for processors without bfloat16 products: what decoding does in every layer. Keys and
// values are read once as they lie in the cache and widened in registers, so that no float32 copy of the cache is made.
#include <vector>

#include "Elements.h"
#include "Widened.h"

using namespace syrinx;

namespace {

/// Elements of keys for which waking another thread is worth it.
constexpr int64_t kLeastWork = 1 << 16;

/// One head's keys or values, `stride` elements apart.
struct Rows {
    const Half *data;
    int64_t stride;
    INLINE const Half *at(int64_t index) const { return data + index * stride; }
};

/// The softmax of q k^T in `scores`, and its weighted values in `output`; the query comes scaled.
INLINE void attend_row(const float *q, const Rows &k, const Rows &v, int64_t keys, int64_t size, float *scores, float *output) {
    float greatest = -INFINITY;
    for (int64_t t = 0; t < keys; ++t) {
        const Half *key = k.at(t);
        float total = 0;
        {
#pragma clang fp reassociate(on)
            for (int64_t d = 0; d < size; ++d) total += q[d] * get(key[d]);
        }
        scores[t] = total;
        greatest = std::max(greatest, total);
    }
    float sum = 0;
    {
#pragma clang fp reassociate(on)
        for (int64_t t = 0; t < keys; ++t) {
            scores[t] = exponential(scores[t] - greatest);
            sum += scores[t];
        }
    }
    std::fill_n(output, size, 0.0f);
    int64_t t = 0;
    for (; t + 4 <= keys; t += 4) {
        const Half *a = v.at(t), *b = v.at(t + 1), *c = v.at(t + 2), *e = v.at(t + 3);
        for (int64_t d = 0; d < size; ++d) {
            output[d] += (scores[t] * get(a[d]) + scores[t + 1] * get(b[d]))
                + (scores[t + 2] * get(c[d]) + scores[t + 3] * get(e[d]));
        }
    }
    for (; t < keys; ++t) {
        for (int64_t d = 0; d < size; ++d) output[d] += scores[t] * get(v.at(t)[d]);
    }
    for (int64_t d = 0; d < size; ++d) output[d] /= sum;
}

FOR_EACH_CLASS(
    attend_row, (const float *q, const Rows &k, const Rows &v, int64_t keys, int64_t size, float *scores, float *output),
    (q, k, v, keys, size, scores, output))

}  // namespace

at::Tensor syrinx::attend_query(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale) {
    const auto fits = [](const at::Tensor &x) {
        return x.dim() == 4 && x.scalar_type() == at::kBFloat16 && must_widen(x) && x.stride(3) == 1 && x.numel() > 0;
    };
    if (!fits(q) || !fits(k) || !fits(v) || q.size(2) != 1) return {};
    const int64_t batch = q.size(0), heads = q.size(1), groups = k.size(1), keys = k.size(2), size = q.size(3);
    const bool agrees = k.size(0) == batch && k.size(3) == size && k.sizes() == v.sizes() && heads % groups == 0;
    if (!agrees) return {};
    const at::Tensor result = at::empty({batch, heads, 1, size}, q.options());
    const Half *queries = pointer<Half>(q), *all_keys = pointer<Half>(k), *all_values = pointer<Half>(v);
    Half *outputs = static_cast<Half *>(result.mutable_data_ptr());
    const auto place = [](const at::Tensor &x, int64_t b, int64_t h) { return b * x.stride(0) + h * x.stride(1); };
    const int64_t grain = std::max<int64_t>(1, kLeastWork / (keys * size));
    parallel_for(0, batch * heads, grain, [&](int64_t from, int64_t to) {
        std::vector<float> room(static_cast<size_t>(keys + 2 * size));
        float *query = room.data(), *output = query + size, *scores = output + size;
        for (int64_t task = from; task < to; ++task) {
            const int64_t b = task / heads, h = task % heads, g = h / (heads / groups);
            const Half *row = queries + place(q, b, h);
            for (int64_t d = 0; d < size; ++d) query[d] = get(row[d]) * static_cast<float>(scale);
            attend_row_of(
                query, {all_keys + place(k, b, g), k.stride(2)}, {all_values + place(v, b, g), v.stride(2)}, keys, size,
                scores, output);
            for (int64_t d = 0; d < size; ++d) put(outputs + task * size + d, output[d]);
        }
    });
    return result;
}
