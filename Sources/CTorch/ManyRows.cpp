// Products of some to many rows with a large matrix in bfloat16: what prompts spend their time on. Weights are read as they
// lie, a few rows of them at a time and one pair of elements for all rows of x, so that nothing of their size is packed;
// x, which is small beside them, is packed once. libtorch's product packs the weights in each call, which with some dozen
// rows of x costs as much as multiplying.
#include "Kernels.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>

namespace {

constexpr int64_t kLanes = 16;
/// Rows of x computed together, and the vectors they fill.
constexpr int64_t kRowBlock = 64;
constexpr int kVectors = kRowBlock / kLanes;
/// Columns of y (rows of w) whose sums wait in the first-level cache, and the least that a thread gets.
constexpr int64_t kColumnBlock = 48, kColumnGrain = 24;
/// Elements of a weight row that pass by before the next ones: short enough for x's share to stay in the second-level cache.
constexpr int64_t kDepth = 1024;

/// Weight rows computed together with V vectors of x: as many as registers hold, and fewer than a set of the first-level
/// cache, because rows often lie a multiple of its size apart.
template <int V>
constexpr int kWeightRows = V == kVectors ? 6 : 8;

/// A matrix whose rows lie one behind the other.
struct Matrix {
    const uint16_t *data;
    int64_t rows, width;
    const uint16_t *at(int64_t row, int64_t column) const { return data + row * width + column; }
};

/// x as pairs of elements: [blocks of 64 rows][width / 2][64 rows][2], zeros behind the last row.
SYRINX_AVX512_BF16 void pack_rows(const Matrix &x, int64_t first, uint16_t *packed) {
    alignas(64) int32_t tile[kLanes][kLanes];
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i offsets = _mm512_slli_epi32(lane, 4);
    const int64_t pairs = x.width / 2, block = first / kRowBlock, place = first % kRowBlock;
    for (int64_t pair = 0; pair < pairs; pair += kLanes) {
        const int64_t count = std::min(kLanes, pairs - pair);
        const __mmask16 present = static_cast<__mmask16>((1u << count) - 1);
        for (int64_t row = 0; row < kLanes; ++row) {
            _mm512_store_si512(
                tile[row], first + row < x.rows ? _mm512_maskz_loadu_epi32(present, x.at(first + row, 2 * pair))
                                                : _mm512_setzero_si512());
        }
        for (int64_t i = 0; i < count; ++i) {
            _mm512_storeu_si512(
                packed + ((block * pairs + pair + i) * kRowBlock + place) * 2,
                _mm512_i32gather_epi32(offsets, tile[0] + i, 4));
        }
    }
}

/// Adds `pairs` pairs of products of R weight rows with V vectors of rows of x to their sums [R][64].
template <int V, int R>
SYRINX_AVX512_BF16 void add_products(
    const uint16_t *w, int64_t stride, const uint16_t *x, int64_t pairs, bool is_first, float *sums) {
    __m512 totals[R][V];
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) {
            totals[r][v] = is_first ? _mm512_setzero_ps() : _mm512_load_ps(sums + r * kRowBlock + v * kLanes);
        }
    }
    for (int64_t p = 0; p < pairs; ++p) {
        __m512bh rows[V];
        for (int v = 0; v < V; ++v) rows[v] = (__m512bh)_mm512_loadu_si512(x + (p * kRowBlock + v * kLanes) * 2);
        // What the next weight rows begin with: rows end where pages do, and prefetchers of processors with them.
        if (p % kLanes == 0) {
            for (int r = 0; r < R; ++r) __builtin_prefetch(w + (R + r) * stride + 2 * p);
        }
        for (int r = 0; r < R; ++r) {
            int32_t bits;
            __builtin_memcpy(&bits, w + r * stride + 2 * p, sizeof bits);
            const __m512bh weight = (__m512bh)_mm512_set1_epi32(bits);
            for (int v = 0; v < V; ++v) totals[r][v] = _mm512_dpbf16_ps(totals[r][v], weight, rows[v]);
        }
    }
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < V; ++v) _mm512_store_ps(sums + r * kRowBlock + v * kLanes, totals[r][v]);
    }
}

/// The sums [columns][64] of up to 64 packed rows with weight rows `from ..< to`, for V vectors of rows.
template <int V>
void multiply_block(const uint16_t *x, const Matrix &w, int64_t from, int64_t to, float *sums) {
    constexpr int R = kWeightRows<V>;
    for (int64_t k = 0; k < w.width; k += kDepth) {
        const int64_t pairs = std::min(kDepth, w.width - k) / 2;
        const uint16_t *part = x + k * kRowBlock;
        int64_t column = from;
        for (; column + R <= to; column += R) {
            add_products<V, R>(w.at(column, k), w.width, part, pairs, k == 0, sums + (column - from) * kRowBlock);
        }
        for (; column < to; ++column) {
            add_products<V, 1>(w.at(column, k), w.width, part, pairs, k == 0, sums + (column - from) * kRowBlock);
        }
    }
}

/// Rounds sums [columns][64] of `rows` rows, with the bias, to y, whose rows are `stride` apart.
SYRINX_AVX512_BF16 void finish(
    const float *sums, int64_t rows, int64_t columns, const uint16_t *bias, uint16_t *y, int64_t stride) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i offsets = _mm512_slli_epi32(lane, 6);
    for (int64_t row = 0; row < rows; ++row) {
        for (int64_t column = 0; column < columns; column += kLanes) {
            const int64_t count = std::min(kLanes, columns - column);
            const __mmask16 present = static_cast<__mmask16>((1u << count) - 1);
            __m512 value = _mm512_mask_i32gather_ps(
                _mm512_setzero_ps(), present, offsets, sums + column * kRowBlock + row, 4);
            if (bias != nullptr) {
                const __m512i halves = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(present, bias + column));
                value = _mm512_add_ps(value, _mm512_castsi512_ps(_mm512_slli_epi32(halves, 16)));
            }
            _mm256_mask_storeu_epi16(y + row * stride + column, present, (__m256i)_mm512_cvtneps_pbh(value));
        }
    }
}

/// Columns `from ..< to` of y, all rows.
void over_columns(
    const Matrix &x, const uint16_t *packed, const Matrix &w, const uint16_t *bias, uint16_t *y, int64_t from, int64_t to) {
    alignas(64) float sums[kColumnBlock * kRowBlock];
    for (int64_t first = from; first < to; first += kColumnBlock) {
        const int64_t end = std::min(to, first + kColumnBlock);
        for (int64_t row = 0; row < x.rows; row += kRowBlock) {
            const int64_t rows = std::min(kRowBlock, x.rows - row);
            const uint16_t *block = packed + row * x.width;
            switch ((rows + kLanes - 1) / kLanes) {
                case 1: multiply_block<1>(block, w, first, end, sums); break;
                case 2: multiply_block<2>(block, w, first, end, sums); break;
                case 3: multiply_block<3>(block, w, first, end, sums); break;
                default: multiply_block<kVectors>(block, w, first, end, sums); break;
            }
            finish(
                sums, rows, end - first, bias == nullptr ? nullptr : bias + first, y + row * w.rows + first, w.rows);
        }
    }
}

const uint16_t *halves(const at::Tensor &tensor) {
    return reinterpret_cast<const uint16_t *>(tensor.const_data_ptr<at::BFloat16>());
}

}  // namespace

bool syrinx::multiply_many_rows(
    const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, at::Tensor &y) {
    if (!has_bfloat16_dot_products() || has_matrix_units() || x.dim() != 2 || w.dim() != 2) return false;
    const auto fits = [](const at::Tensor &tensor) {
        return tensor.device().is_cpu() && tensor.layout() == at::kStrided && tensor.scalar_type() == at::kBFloat16
            && tensor.is_contiguous();
    };
    if (!fits(x) || !fits(w) || !fits(y) || (b && (!fits(*b) || b->dim() != 1 || b->size(0) != w.size(0)))) return false;
    const Matrix rows{halves(x), x.size(0), x.size(1)}, weights{halves(w), w.size(0), w.size(1)};
    if (rows.width != weights.width || rows.width % 2 != 0 || rows.width < kLeastWidth || weights.rows < kColumnBlock
        || rows.rows <= kFewRows || rows.rows > kManyRows)
        return false;
    const int64_t blocks = (rows.rows + kRowBlock - 1) / kRowBlock;
    const at::Tensor packing = at::empty({blocks * kRowBlock * rows.width}, x.options());
    uint16_t *packed = reinterpret_cast<uint16_t *>(packing.mutable_data_ptr<at::BFloat16>());
    syrinx::parallel_for(0, (rows.rows + kLanes - 1) / kLanes, 2, [&](int64_t from, int64_t to) {
        for (int64_t group = from; group < to; ++group) pack_rows(rows, group * kLanes, packed);
    });
    uint16_t *result = reinterpret_cast<uint16_t *>(y.mutable_data_ptr<at::BFloat16>());
    const int64_t grains = (weights.rows + kColumnGrain - 1) / kColumnGrain;
    syrinx::parallel_for(0, grains, 2, [&](int64_t from, int64_t to) {
        over_columns(
            rows, packed, weights, b ? halves(*b) : nullptr, result, from * kColumnGrain,
            std::min(weights.rows, to * kColumnGrain));
    });
    return true;
}

#else

bool syrinx::multiply_many_rows(
    const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::Tensor &) {
    return false;
}

#endif
