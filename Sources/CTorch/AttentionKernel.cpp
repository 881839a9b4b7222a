// Attention without gradients in bfloat16 for processors with bfloat16 dot products but no matrix units, where
// libtorch's kernel leaves most of the arithmetic unused.
//
// Prefill and encoders follow FlashAttention (Dao et al., 2022): blocks of keys pass by a block of queries whose maximum,
// sum and output are corrected as they go, so no matrix of scores is kept. A single query per row, as in decoding, reads
// the cache once as it lies.
#include "Kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>

namespace {

constexpr int64_t kLanes = 16;
/// Keys that pass by together, and queries that wait for them: both fit the first-level cache with their partners.
constexpr int64_t kKeyBlock = 64, kQueryBlock = 48;
/// Queries computed in registers together, by vectors of keys or coordinates.
constexpr int kRows = 6, kVectors = 4;
constexpr int64_t kMaximumHeadSize = 256;
/// Elements of keys for which waking another thread is worth it.
constexpr int64_t kLeastWork = 1 << 16;

struct Shape {
    int64_t batch, heads, groups, queries, keys, size;
    bool causal;
    float scale;
    int64_t sharing() const { return heads / groups; }
    int64_t key_blocks() const { return (keys + kKeyBlock - 1) / kKeyBlock; }
    /// The last key that a query sees.
    int64_t last_key(int64_t query) const { return causal ? query + keys - queries : keys - 1; }
};

/// A tensor [B, H, T, D] whose coordinates lie together.
struct Rows {
    const uint16_t *data;
    int64_t batch, head, time;
    explicit Rows(const at::Tensor &x)
        : data(reinterpret_cast<const uint16_t *>(x.const_data_ptr<at::BFloat16>())), batch(x.stride(0)),
          head(x.stride(1)), time(x.stride(2)) {}
    const uint16_t *at(int64_t b, int64_t h, int64_t t) const { return data + b * batch + h * head + t * time; }
};

/// e^x to about 2 units in the last place; exactly 0 far below zero.
SYRINX_AVX512_BF16 inline __m512 exponential(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-110.0f));
    const __m512 n = _mm512_roundscale_ps(
        _mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.3981999507e-3f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

SYRINX_AVX512_BF16 inline __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

SYRINX_AVX512_BF16 inline __m512bh pair(const uint16_t *p) {
    int32_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return (__m512bh)_mm512_set1_epi32(bits);
}

/// Keys of one block as pairs of coordinates: [D / 2][64 keys][2], zeros behind the last key.
SYRINX_AVX512_BF16 void pack_keys(const uint16_t *k, int64_t stride, int64_t count, int64_t size, uint16_t *packed) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i offsets = _mm512_mullo_epi32(lane, _mm512_set1_epi32(static_cast<int32_t>(stride)));
    for (int64_t first = 0; first < kKeyBlock; first += kLanes) {
        const int64_t left = std::clamp<int64_t>(count - first, 0, kLanes);
        const __mmask16 present = static_cast<__mmask16>((1u << left) - 1);
        for (int64_t d = 0; d < size; d += 2) {
            const __m512i pairs = _mm512_mask_i32gather_epi32(
                _mm512_setzero_si512(), present, offsets, k + first * stride + d, 2);
            _mm512_storeu_si512(packed + d * kKeyBlock + 2 * first, pairs);
        }
    }
}

/// Values of one block as pairs of keys: [32 pairs][D][2], zeros behind the last key.
SYRINX_AVX512_BF16 void pack_values(const uint16_t *v, int64_t stride, int64_t count, int64_t size, uint16_t *packed) {
    for (int64_t t = 0; t < kKeyBlock; t += 2) {
        for (int64_t d = 0; d < size; d += kLanes) {
            const auto row = [&](int64_t index) SYRINX_AVX512_BF16 {
                return index < count ? _mm512_cvtepu16_epi32(
                           _mm256_loadu_si256(reinterpret_cast<const __m256i *>(v + index * stride + d)))
                                     : _mm512_setzero_si512();
            };
            const __m512i both = _mm512_or_si512(row(t), _mm512_slli_epi32(row(t + 1), 16));
            _mm512_storeu_si512(packed + t * size + 2 * d, both);
        }
    }
}

/// What a block of queries remembers between blocks of keys.
struct alignas(64) Running {
    float output[kQueryBlock * kMaximumHeadSize];
    float sums[kQueryBlock][kLanes];
    float maxima[kQueryBlock];
    uint16_t weights[kRows][kKeyBlock];
    float corrections[kRows];
};

/// Scores of R queries with a block of keys, and their softmax weights relative to the running maximum.
template <int R>
SYRINX_AVX512_BF16 void weigh(
    const Shape &shape, const uint16_t *q, int64_t q_stride, const uint16_t *keys, int64_t first_query,
    int64_t first_key, Running &running, int64_t row) {
    __m512 scores[R][kVectors];
    for (int r = 0; r < R; ++r) {
        for (int c = 0; c < kVectors; ++c) scores[r][c] = _mm512_setzero_ps();
    }
    for (int64_t d = 0; d < shape.size; d += 2) {
        __m512bh columns[kVectors];
        for (int c = 0; c < kVectors; ++c) {
            columns[c] = (__m512bh)_mm512_loadu_si512(keys + d * kKeyBlock + c * 2 * kLanes);
        }
        for (int r = 0; r < R; ++r) {
            const __m512bh query = pair(q + r * q_stride + d);
            for (int c = 0; c < kVectors; ++c) scores[r][c] = _mm512_dpbf16_ps(scores[r][c], query, columns[c]);
        }
    }
    const __m512 scale = _mm512_set1_ps(shape.scale);
    for (int r = 0; r < R; ++r) {
        // Keys behind the last visible one count for nothing.
        const int64_t visible = std::min(shape.last_key(first_query + row + r), shape.keys - 1) - first_key + 1;
        __m512 greatest = _mm512_set1_ps(running.maxima[row + r]);
        for (int c = 0; c < kVectors; ++c) {
            const int64_t left = std::clamp<int64_t>(visible - c * kLanes, 0, kLanes);
            scores[r][c] = _mm512_mask_mul_ps(
                _mm512_set1_ps(-std::numeric_limits<float>::infinity()), static_cast<__mmask16>((1u << left) - 1),
                scores[r][c], scale);
            greatest = _mm512_max_ps(greatest, scores[r][c]);
        }
        const float maximum = _mm512_reduce_max_ps(greatest);
        const float correction = std::exp(running.maxima[row + r] - maximum);
        __m512 sum = _mm512_mul_ps(_mm512_load_ps(running.sums[row + r]), _mm512_set1_ps(correction));
        for (int c = 0; c < kVectors; ++c) {
            scores[r][c] = exponential(_mm512_sub_ps(scores[r][c], _mm512_set1_ps(maximum)));
            sum = _mm512_add_ps(sum, scores[r][c]);
        }
        _mm512_store_ps(running.sums[row + r], sum);
        running.maxima[row + r] = maximum;
        running.corrections[r] = correction;
        for (int c = 0; c < kVectors; c += 2) {
            _mm512_store_si512(
                running.weights[r] + c * kLanes, (__m512i)_mm512_cvtne2ps_pbh(scores[r][c + 1], scores[r][c]));
        }
    }
}

/// Adds R queries' weighted values to their outputs, for `C` vectors of coordinates.
template <int R, int C>
SYRINX_AVX512_BF16 void gather_values(const uint16_t *values, int64_t size, Running &running, float *output) {
    __m512 totals[R][C];
    for (int r = 0; r < R; ++r) {
        for (int c = 0; c < C; ++c) {
            totals[r][c] = _mm512_mul_ps(
                _mm512_loadu_ps(output + r * size + c * kLanes), _mm512_set1_ps(running.corrections[r]));
        }
    }
    for (int64_t t = 0; t < kKeyBlock; t += 2) {
        __m512bh columns[C];
        for (int c = 0; c < C; ++c) columns[c] = (__m512bh)_mm512_loadu_si512(values + t * size + c * 2 * kLanes);
        for (int r = 0; r < R; ++r) {
            const __m512bh weight = pair(running.weights[r] + t);
            for (int c = 0; c < C; ++c) totals[r][c] = _mm512_dpbf16_ps(totals[r][c], weight, columns[c]);
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int c = 0; c < C; ++c) _mm512_storeu_ps(output + r * size + c * kLanes, totals[r][c]);
    }
}

template <int R>
void meet(
    const Shape &shape, const uint16_t *q, int64_t q_stride, const uint16_t *keys, const uint16_t *values,
    int64_t first_query, int64_t first_key, Running &running, int64_t row) {
    weigh<R>(shape, q, q_stride, keys, first_query, first_key, running, row);
    float *output = running.output + row * shape.size;
    for (int64_t d = 0; d < shape.size;) {
        const uint16_t *columns = values + 2 * d;
        switch (std::min<int64_t>((shape.size - d) / kLanes, kVectors)) {
            case 1: gather_values<R, 1>(columns, shape.size, running, output + d); break;
            case 2: gather_values<R, 2>(columns, shape.size, running, output + d); break;
            case 3: gather_values<R, 3>(columns, shape.size, running, output + d); break;
            default: gather_values<R, 4>(columns, shape.size, running, output + d); break;
        }
        d += std::min<int64_t>(shape.size - d, kVectors * kLanes);
    }
}

/// Divides the outputs by their sums and rounds them.
SYRINX_AVX512_BF16 void finish(const Running &running, int64_t rows, int64_t size, uint16_t *output, int64_t stride) {
    for (int64_t row = 0; row < rows; ++row) {
        const __m512 factor = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(_mm512_load_ps(running.sums[row])));
        for (int64_t d = 0; d < size; d += kLanes) {
            const __m512 value = _mm512_mul_ps(_mm512_loadu_ps(running.output + row * size + d), factor);
            _mm256_storeu_si256(
                reinterpret_cast<__m256i *>(output + row * stride + d), (__m256i)_mm512_cvtneps_pbh(value));
        }
    }
}

/// One block of queries of one head, over all blocks of keys it sees.
void attend_block(
    const Shape &shape, const uint16_t *q, int64_t q_stride, const uint16_t *keys, const uint16_t *values,
    int64_t first_query, uint16_t *output, int64_t output_stride, Running &running) {
    const int64_t rows = std::min(kQueryBlock, shape.queries - first_query);
    std::fill_n(running.output, rows * shape.size, 0.0f);
    std::fill_n(running.sums[0], rows * kLanes, 0.0f);
    std::fill_n(running.maxima, rows, -std::numeric_limits<float>::infinity());
    const int64_t last = std::min(shape.last_key(first_query + rows - 1), shape.keys - 1);
    for (int64_t first_key = 0; first_key <= last; first_key += kKeyBlock) {
        for (int64_t row = 0; row < rows; row += kRows) {
            const uint16_t *rows_of_q = q + row * q_stride;
            const uint16_t *block_keys = keys + first_key * shape.size, *block_values = values + first_key * shape.size;
            const auto run = [&](auto meeting) {
                meeting(shape, rows_of_q, q_stride, block_keys, block_values, first_query, first_key, running, row);
            };
            switch (std::min<int64_t>(rows - row, kRows)) {
                case 1: run(meet<1>); break;
                case 2: run(meet<2>); break;
                case 3: run(meet<3>); break;
                case 4: run(meet<4>); break;
                case 5: run(meet<5>); break;
                default: run(meet<6>); break;
            }
        }
    }
    finish(running, rows, shape.size, output, output_stride);
}

/// One query over keys and values as they lie; `scores` has room for every key.
SYRINX_AVX512_BF16 void attend_query(
    const Shape &shape, const uint16_t *q, const uint16_t *k, int64_t k_stride, const uint16_t *v, int64_t v_stride,
    uint16_t *output, float *scores) {
    const int64_t size = shape.size, keys = shape.keys;
    float maximum = -std::numeric_limits<float>::infinity();
    for (int64_t t = 0; t < keys; ++t) {
        __m512 total = _mm512_setzero_ps();
        for (int64_t d = 0; d < size; d += 2 * kLanes) {
            const __mmask32 mask = size - d >= 2 * kLanes ? 0xffffffffu : 0xffffu;
            total = _mm512_dpbf16_ps(
                total, (__m512bh)_mm512_maskz_loadu_epi16(mask, q + d),
                (__m512bh)_mm512_maskz_loadu_epi16(mask, k + t * k_stride + d));
        }
        scores[t] = _mm512_reduce_add_ps(total) * shape.scale;
        maximum = std::max(maximum, scores[t]);
    }
    __m512 sum = _mm512_setzero_ps();
    for (int64_t t = 0; t < keys; t += kLanes) {
        const __mmask16 mask = keys - t >= kLanes ? 0xffffu : static_cast<__mmask16>((1u << (keys - t)) - 1);
        const __m512 weight = _mm512_maskz_mov_ps(
            mask,
            exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, scores + t), _mm512_set1_ps(maximum))));
        _mm512_mask_storeu_ps(scores + t, mask, weight);
        sum = _mm512_add_ps(sum, weight);
    }
    const __m512 factor = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sum));
    for (int64_t d = 0; d < size; d += kLanes) {
        // Two sums, so that one addition does not wait for the one before.
        __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
        const auto value = [&](int64_t t) SYRINX_AVX512_BF16 {
            return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(v + t * v_stride + d)));
        };
        int64_t t = 0;
        for (; t + 1 < keys; t += 2) {
            even = _mm512_fmadd_ps(_mm512_set1_ps(scores[t]), value(t), even);
            odd = _mm512_fmadd_ps(_mm512_set1_ps(scores[t + 1]), value(t + 1), odd);
        }
        if (t < keys) even = _mm512_fmadd_ps(_mm512_set1_ps(scores[t]), value(t), even);
        _mm256_storeu_si256(
            reinterpret_cast<__m256i *>(output + d),
            (__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(_mm512_add_ps(even, odd), factor)));
    }
}

void decode(const Shape &shape, const Rows &q, const Rows &k, const Rows &v, uint16_t *output) {
    const int64_t grain = std::max<int64_t>(1, kLeastWork / (shape.keys * shape.size));
    syrinx::parallel_for(0, shape.batch * shape.heads, grain, [&](int64_t from, int64_t to) {
        std::vector<float> scores(static_cast<size_t>(shape.keys));
        for (int64_t task = from; task < to; ++task) {
            const int64_t b = task / shape.heads, h = task % shape.heads, g = h / shape.sharing();
            attend_query(
                shape, q.at(b, h, 0), k.at(b, g, 0), k.time, v.at(b, g, 0), v.time, output + task * shape.size,
                scores.data());
        }
    });
}

void prefill(const Shape &shape, const Rows &q, const Rows &k, const Rows &v, uint16_t *output) {
    const int64_t blocks = shape.key_blocks(), block_size = kKeyBlock * shape.size;
    const size_t packed_size = static_cast<size_t>(shape.batch * shape.groups * blocks * block_size);
    const at::Tensor packed = at::empty({2, static_cast<int64_t>(packed_size)}, at::kBFloat16);
    uint16_t *keys = reinterpret_cast<uint16_t *>(packed.mutable_data_ptr<at::BFloat16>());
    uint16_t *values = keys + packed_size;
    syrinx::parallel_for(0, shape.batch * shape.groups * blocks, 1, [&](int64_t from, int64_t to) {
        for (int64_t task = from; task < to; ++task) {
            const int64_t first = task % blocks * kKeyBlock, row = task / blocks;
            const int64_t b = row / shape.groups, g = row % shape.groups;
            const int64_t count = std::min(kKeyBlock, shape.keys - first);
            pack_keys(k.at(b, g, first), k.time, count, shape.size, keys + task * block_size);
            pack_values(v.at(b, g, first), v.time, count, shape.size, values + task * block_size);
        }
    });
    const int64_t query_blocks = (shape.queries + kQueryBlock - 1) / kQueryBlock;
    syrinx::parallel_for(0, shape.batch * shape.heads * query_blocks, 1, [&](int64_t from, int64_t to) {
        const auto running = std::make_unique<Running>();
        for (int64_t task = from; task < to; ++task) {
            const int64_t first = task % query_blocks * kQueryBlock, row = task / query_blocks;
            const int64_t b = row / shape.heads, h = row % shape.heads;
            const int64_t source = (b * shape.groups + h / shape.sharing()) * blocks * block_size;
            attend_block(
                shape, q.at(b, h, first), q.time, keys + source, values + source, first,
                output + ((b * shape.queries + first) * shape.heads + h) * shape.size, shape.heads * shape.size,
                *running);
        }
    });
}

}  // namespace

at::Tensor syrinx::attend(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale) {
    const auto fits = [](const at::Tensor &x) {
        return x.dim() == 4 && x.device().is_cpu() && x.scalar_type() == at::kBFloat16 && x.stride(3) == 1
            && x.numel() > 0 && x.stride(2) < (1 << 24);
    };
    if (!has_bfloat16_dot_products() || has_matrix_units() || !fits(q) || !fits(k) || !fits(v)) return {};
    const Shape shape{q.size(0), q.size(1), k.size(1), q.size(2), k.size(2), q.size(3), causal,
                      static_cast<float>(scale)};
    const bool agrees = k.size(0) == shape.batch && k.size(3) == shape.size && k.sizes() == v.sizes()
        && shape.heads % shape.groups == 0 && (!causal || shape.queries <= shape.keys);
    if (!agrees || shape.size % kLanes != 0 || shape.size > kMaximumHeadSize) return {};
    // Heads lie together for each position: the projection that follows reads them without a copy.
    const at::Tensor result = at::empty({shape.batch, shape.queries, shape.heads, shape.size}, q.options());
    uint16_t *output = reinterpret_cast<uint16_t *>(result.mutable_data_ptr<at::BFloat16>());
    (shape.queries == 1 ? decode : prefill)(shape, Rows(q), Rows(k), Rows(v), output);
    return result.transpose(1, 2);
}

#else

at::Tensor syrinx::attend(const at::Tensor &, const at::Tensor &, const at::Tensor &, bool, double) { return {}; }

#endif
