// Products of a few rows with a large matrix: what decoding spends its time on. Every weight is used once per row, so
// the time is that of reading the weights; libtorch's general product reaches less than half of that speed.
#include "Kernels.h"

#include <algorithm>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

typedef float Floats __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));
typedef uint16_t Halves __attribute__((vector_size(32)));
constexpr int64_t kLanes = 16;

/// Rows of x that share a load of weights.
constexpr int kInputRows = 8;
/// The most weight rows computed together.
constexpr int kWeightRows = 2;
typedef float Sums[kInputRows][kWeightRows];

/// Columns whose sums are kept while x is taken in chunks that fit the first-level cache, and the chunk's bytes a row.
constexpr int64_t kColumns = 64, kChunkBytes = 4096;

/// Weight rows computed together with `rows` rows of x, as measured: weights are best read straight
/// through, but each load of x should serve two products where there are many.
inline int weight_rows(int rows) { return rows <= 4 ? 1 : 2; }

/// Rows of x computed together. Sixteen registers hold the sums of half as many as thirty-two do; the weights are then
/// read twice, the second time from a cache, which float32 ones do not fit.
template <class Element>
int input_rows() {
    const bool has_few_registers = syrinx::kernel_class() < syrinx::KernelClass::avx512;
    return has_few_registers && sizeof(Element) == 2 ? kInputRows / 2 : kInputRows;
}

/// A chunk of the columns of x or w: where it begins, its length, and the distance between rows.
template <class Element>
struct Chunk {
    const Element *data;
    int64_t length, stride;
    __attribute__((always_inline)) const Element *at(int64_t row, int64_t k) const { return data + row * stride + k; }
};

inline float widen(uint16_t value) {
    const uint32_t bits = static_cast<uint32_t>(value) << 16;
    float result;
    __builtin_memcpy(&result, &bits, sizeof result);
    return result;
}
inline float widen(float value) { return value; }

/// Rounds to the nearest bfloat16, ties to even; a NaN stays one.
inline void narrow(float value, uint16_t *result) {
    *result = c10::detail::round_to_nearest_even(value);
}
inline void narrow(float value, float *result) { *result = value; }

// Through a reference: how wide vectors are returned depends on the instruction set.
__attribute__((always_inline)) inline void load(const float *p, Floats &result) {
    __builtin_memcpy(&result, p, sizeof result);
}
__attribute__((always_inline)) inline void load(const uint16_t *p, Floats &result) {
    Halves halves;
    __builtin_memcpy(&halves, p, sizeof halves);
    const Words words = __builtin_convertvector(halves, Words) << 16;
    __builtin_memcpy(&result, &words, sizeof result);
}

/// Asks for what the next group of weight rows begins with: rows end where pages do, and prefetchers of processors with them.
template <int R, class Weight>
__attribute__((always_inline)) inline void prefetch(const Chunk<Weight> &w, int64_t k) {
    for (int r = 0; r < R; ++r) __builtin_prefetch(w.at(R + r, k));
}

/// Dot products of R weight rows with M rows of x; each has one accumulator, so that neither R nor M changes a result.
template <int M, int R, class Weight>
__attribute__((always_inline)) inline void dots(const Chunk<Weight> &w, const Chunk<float> &x, Sums &sums) {
    Floats totals[M][R] = {};
    int64_t k = 0;
    for (; k + kLanes <= w.length; k += kLanes) {
        Floats rows[R];
        prefetch<R>(w, k);
        for (int r = 0; r < R; ++r) load(w.at(r, k), rows[r]);
        for (int m = 0; m < M; ++m) {
            Floats input;
            load(x.at(m, k), input);
            for (int r = 0; r < R; ++r) totals[m][r] += input * rows[r];
        }
    }
    for (int m = 0; m < M; ++m) {
        for (int r = 0; r < R; ++r) {
            float total = 0;
            for (int64_t i = 0; i < kLanes; ++i) total += totals[m][r][i];
            for (int64_t i = k; i < w.length; ++i) total += *x.at(m, i) * widen(*w.at(r, i));
            sums[m][r] = total;
        }
    }
}

template <int R, class Weight>
__attribute__((always_inline)) inline void dots(int rows, const Chunk<Weight> &w, const Chunk<float> &x, Sums &sums) {
    switch (rows) {
        case 1: return dots<1, R>(w, x, sums);
        case 2: return dots<2, R>(w, x, sums);
        case 3: return dots<3, R>(w, x, sums);
        case 4: return dots<4, R>(w, x, sums);
        case 5: return dots<5, R>(w, x, sums);
        case 6: return dots<6, R>(w, x, sums);
        case 7: return dots<7, R>(w, x, sums);
        default: return dots<8, R>(w, x, sums);
    }
}

template <class Weight>
__attribute__((always_inline)) inline void dots(
    int rows, int weights, const Chunk<Weight> &w, const Chunk<float> &x, Sums &sums) {
    if (weights == kWeightRows) return dots<kWeightRows>(rows, w, x, sums);
    dots<1>(rows, w, x, sums);
}

#define PARAMETERS(E) (int rows, int weights, const Chunk<E> &w, const Chunk<float> &x, Sums &sums)
FOR_EACH_CLASS(dots, PARAMETERS(uint16_t), (rows, weights, w, x, sums))
FOR_EACH_CLASS(dots, PARAMETERS(float), (rows, weights, w, x, sums))
#undef PARAMETERS

#if defined(__x86_64__)

template <int M, int R>
SYRINX_AVX512_BF16 void paired_dots(const Chunk<uint16_t> &w, const Chunk<uint16_t> &x, Sums &sums) {
    __m512 totals[M][R];
    for (int m = 0; m < M; ++m) {
        for (int r = 0; r < R; ++r) totals[m][r] = _mm512_setzero_ps();
    }
    int64_t k = 0;
    for (; k + 2 * kLanes <= w.length; k += 2 * kLanes) {
        __m512bh rows[R];
        prefetch<R>(w, k);
        for (int r = 0; r < R; ++r) rows[r] = (__m512bh)_mm512_loadu_si512(w.at(r, k));
        for (int m = 0; m < M; ++m) {
            const __m512bh input = (__m512bh)_mm512_loadu_si512(x.at(m, k));
            for (int r = 0; r < R; ++r) totals[m][r] = _mm512_dpbf16_ps(totals[m][r], input, rows[r]);
        }
    }
    if (k < w.length) {
        const __mmask32 mask = (1u << (w.length - k)) - 1;
        for (int m = 0; m < M; ++m) {
            const __m512bh input = (__m512bh)_mm512_maskz_loadu_epi16(mask, x.at(m, k));
            for (int r = 0; r < R; ++r) {
                const __m512bh row = (__m512bh)_mm512_maskz_loadu_epi16(mask, w.at(r, k));
                totals[m][r] = _mm512_dpbf16_ps(totals[m][r], input, row);
            }
        }
    }
    for (int m = 0; m < M; ++m) {
        for (int r = 0; r < R; ++r) sums[m][r] = _mm512_reduce_add_ps(totals[m][r]);
    }
}

template <int R>
void paired_dots_of(int rows, const Chunk<uint16_t> &w, const Chunk<uint16_t> &x, Sums &sums) {
    switch (rows) {
        case 1: return paired_dots<1, R>(w, x, sums);
        case 2: return paired_dots<2, R>(w, x, sums);
        case 3: return paired_dots<3, R>(w, x, sums);
        case 4: return paired_dots<4, R>(w, x, sums);
        case 5: return paired_dots<5, R>(w, x, sums);
        case 6: return paired_dots<6, R>(w, x, sums);
        case 7: return paired_dots<7, R>(w, x, sums);
        default: return paired_dots<8, R>(w, x, sums);
    }
}

void paired_dots_of(int rows, int weights, const Chunk<uint16_t> &w, const Chunk<uint16_t> &x, Sums &sums) {
    if (weights == kWeightRows) return paired_dots_of<kWeightRows>(rows, w, x, sums);
    paired_dots_of<1>(rows, w, x, sums);
}

#endif

/// y = x w^T + bias for columns `from ..< to`. Input is what x is read as: itself, or float32 made of it.
template <class Element, class Input, class Dot>
void over_columns(
    const Chunk<Input> &x, const Chunk<Element> &w, const Element *bias, Element *y, int64_t m, int64_t n,
    int64_t from, int64_t to, Dot &&dot) {
    const int64_t depth = kChunkBytes / static_cast<int64_t>(sizeof(Element)), most = input_rows<Element>();
    for (int64_t row = 0; row < m; row += most) {
        const int rows = static_cast<int>(std::min<int64_t>(most, m - row)), together = weight_rows(rows);
        for (int64_t first = from; first < to; first += kColumns) {
            const int64_t end = std::min(to, first + kColumns);
            float totals[kInputRows][kColumns] = {};
            for (int64_t k = 0; k < w.length; k += depth) {
                const int64_t length = std::min(depth, w.length - k);
                for (int64_t column = first; column < end;) {
                    const int weights = end - column >= together ? together : 1;
                    Sums sums;
                    dot(rows, weights, Chunk<Element>{w.at(column, k), length, w.stride},
                        Chunk<Input>{x.at(row, k), length, x.stride}, sums);
                    for (int i = 0; i < rows; ++i) {
                        for (int r = 0; r < weights; ++r) totals[i][column - first + r] += sums[i][r];
                    }
                    column += weights;
                }
            }
            for (int i = 0; i < rows; ++i) {
                for (int64_t column = first; column < end; ++column) {
                    const float shift = bias == nullptr ? 0.0f : widen(bias[column]);
                    narrow(totals[i][column - first] + shift, y + (row + i) * n + column);
                }
            }
        }
    }
}

template <class Element>
void multiply(
    const Element *x, const Element *w, const Element *bias, Element *y, int64_t m, int64_t n, int64_t k,
    bool has_dot_products) {
    std::vector<float> wide;
    const float *floats = reinterpret_cast<const float *>(x);
    if (sizeof(Element) == 2 && !has_dot_products) {
        wide.resize(static_cast<size_t>(m * k));
        std::transform(x, x + m * k, wide.begin(), [](Element value) { return widen(value); });
        floats = wide.data();
    }
    const Chunk<Element> weights{w, k, k};
    // At least a quarter of a megabyte of weights for a thread.
    const int64_t grain = std::max<int64_t>(kWeightRows, (1 << 18) / std::max<int64_t>(1, k * sizeof(Element)));
    syrinx::parallel_for(0, n, grain, [&](int64_t from, int64_t to) {
#if defined(__x86_64__)
        if constexpr (sizeof(Element) == 2) {
            if (has_dot_products) {
                return over_columns(
                    Chunk<Element>{x, k, k}, weights, bias, y, m, n, from, to,
                    [](auto &&...arguments) { paired_dots_of(arguments...); });
            }
        }
#endif
        over_columns(
            Chunk<float>{floats, k, k}, weights, bias, y, m, n, from, to,
            [](auto &&...arguments) { dots_of(arguments...); });
    });
}

}  // namespace

bool syrinx::multiply_few_rows(
    const at::Tensor &x, const at::Tensor &w, const std::optional<at::Tensor> &b, at::Tensor &y) {
    const auto type = x.scalar_type();
    if (type != at::kBFloat16 && type != at::kFloat) return false;
    const auto fits = [&](const at::Tensor &tensor) {
        return tensor.device().is_cpu() && tensor.layout() == at::kStrided && tensor.scalar_type() == type
            && tensor.is_contiguous();
    };
    if (x.dim() != 2 || w.dim() != 2 || x.size(1) != w.size(1) || x.size(0) > kFewRows) return false;
    if (!fits(x) || !fits(w) || !fits(y) || (b && (!fits(*b) || b->dim() != 1 || b->size(0) != w.size(0)))) return false;
    const int64_t m = x.size(0), n = w.size(0), k = x.size(1);
    if (type == at::kFloat) {
        multiply(
            x.const_data_ptr<float>(), w.const_data_ptr<float>(), b ? b->const_data_ptr<float>() : nullptr,
            y.mutable_data_ptr<float>(), m, n, k, false);
        return true;
    }
    const auto halves = [](const at::Tensor &tensor) {
        return reinterpret_cast<const uint16_t *>(tensor.const_data_ptr<at::BFloat16>());
    };
    multiply(
        halves(x), halves(w), b ? halves(*b) : nullptr, reinterpret_cast<uint16_t *>(y.mutable_data_ptr<at::BFloat16>()),
        m, n, k, has_bfloat16_dot_products());
    return true;
}
