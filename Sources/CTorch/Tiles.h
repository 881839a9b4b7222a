// Pieces of float32 products of bfloat16 matrices: operands are widened where a product packs them anyway, and a tile of the
// result stays in registers. Written in vectors of eight, which the compiler makes of what a class of processors has.
#pragma once

#include "Elements.h"

namespace syrinx {

/// Eight floats, in one register where the class has registers of that size.
using Floats = float __attribute__((vector_size(32)));

constexpr int64_t kLanes = 8;
/// Rows and columns of a tile: 12 registers of sums, 2 of the panel, 1 of the other operand.
constexpr int64_t kTileRows = 6, kTileColumns = 2 * kLanes;

inline int64_t panels_in(int64_t columns) { return (columns + kTileColumns - 1) / kTileColumns; }

INLINE void widen_eight(const Half *from, float *to) {
    using Halves = Half __attribute__((vector_size(16)));
    using Words = uint32_t __attribute__((vector_size(32)));
    Halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    const Words words = __builtin_convertvector(halves, Words) << 16;
    __builtin_memcpy(to, &words, sizeof words);
}

INLINE void widen_row(const Half *from, float *to, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = get(from[i]);
}

/// Rounds a row, with a bias or without.
INLINE void narrow_row(const float *from, const Half *bias, Half *to, int64_t count) {
    if (bias == nullptr) {
        for (int64_t i = 0; i < count; ++i) put(to + i, from[i]);
    } else {
        for (int64_t i = 0; i < count; ++i) put(to + i, from[i] + get(bias[i]));
    }
}

/// Widens a block of rows that lie in one piece each.
INLINE void widen_block(const Half *from, int64_t stride, float *to, int64_t to_stride, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; ++row) widen_row(from + row * stride, to + row * to_stride, columns);
}

/// Panels [depth, 16] of a matrix whose rows lie in one piece, one after the other; columns beyond `columns` are zeros.
INLINE void pack_rows(const Half *from, int64_t stride, float *to, int64_t depth, int64_t columns) {
    const int64_t whole = columns / kTileColumns * kTileColumns;
    for (int64_t k = 0; k < depth; ++k) {
        for (int64_t column = 0; column < whole; column += kTileColumns) {
            const Half *source = from + k * stride + column;
            float *place = to + column * depth + k * kTileColumns;
            widen_eight(source, place);
            widen_eight(source + kLanes, place + kLanes);
        }
    }
    if (whole == columns) return;
    for (int64_t k = 0; k < depth; ++k) {
        for (int64_t i = 0; i < kTileColumns; ++i) {
            to[whole * depth + k * kTileColumns + i] = whole + i < columns ? get(from[k * stride + whole + i]) : 0.0f;
        }
    }
}

/// Eight rows of eight turned into eight columns.
INLINE void transpose_eight(Floats (&r)[kLanes]) {
    Floats s[kLanes], t[kLanes];
#pragma unroll
    for (int i = 0; i < 8; i += 2) {
        s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
        t[i] = __builtin_shufflevector(s[i], s[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        t[i + 1] = __builtin_shufflevector(s[i], s[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        t[i + 2] = __builtin_shufflevector(s[i + 1], s[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        t[i + 3] = __builtin_shufflevector(s[i + 1], s[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        r[i] = __builtin_shufflevector(t[i], t[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        r[i + 4] = __builtin_shufflevector(t[i], t[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/// The same of a matrix whose columns lie in one piece, one panel.
INLINE void pack_columns(const Half *from, int64_t stride, float *to, int64_t depth, int64_t columns) {
    const int64_t whole = depth / kLanes * kLanes;
    for (int64_t k = 0; k < whole; k += kLanes) {
#pragma unroll
        for (int64_t half = 0; half < kTileColumns; half += kLanes) {
            Floats rows[kLanes] = {};
#pragma unroll
            for (int64_t i = 0; i < kLanes; ++i) {
                if (half + i < columns) widen_eight(from + (half + i) * stride + k, reinterpret_cast<float *>(rows + i));
            }
            transpose_eight(rows);
#pragma unroll
            for (int64_t i = 0; i < kLanes; ++i) __builtin_memcpy(to + (k + i) * kTileColumns + half, rows + i, sizeof(Floats));
        }
    }
    for (int64_t k = whole; k < depth; ++k) {
        for (int64_t i = 0; i < kTileColumns; ++i) to[k * kTileColumns + i] = i < columns ? get(from[i * stride + k]) : 0.0f;
    }
}

/// c [Rows, 16] = or += a b: a's element (r, k) at r * row_step + k * step, b a panel.
template <int64_t Rows>
INLINE void tile(
    const float *a, int64_t row_step, int64_t step, const float *b, float *c, int64_t c_stride, int64_t depth, bool adds) {
    Floats sums[Rows][2] = {};
    for (int64_t k = 0; k < depth; ++k) {
        Floats left, right;
        __builtin_memcpy(&left, b + k * kTileColumns, sizeof left);
        __builtin_memcpy(&right, b + k * kTileColumns + kLanes, sizeof right);
#pragma unroll
        for (int64_t r = 0; r < Rows; ++r) {
            const float scalar = a[r * row_step + k * step];
            const Floats same = {scalar, scalar, scalar, scalar, scalar, scalar, scalar, scalar};
            sums[r][0] = sums[r][0] + same * left;
            sums[r][1] = sums[r][1] + same * right;
        }
    }
#pragma unroll
    for (int64_t r = 0; r < Rows; ++r) {
        Floats place[2];
        if (adds) {
            __builtin_memcpy(place, c + r * c_stride, sizeof place);
            sums[r][0] += place[0];
            sums[r][1] += place[1];
        }
        __builtin_memcpy(c + r * c_stride, sums[r], sizeof place);
    }
}

/// c [rows, 16] = or += a b in tiles, which begin `tile_step` apart in a.
///
/// One of `row_step` and `step` is 1: a's rows, or its columns, lie in one piece.
INLINE void tiles(
    const float *a, int64_t tile_step, int64_t row_step, int64_t step, const float *b, float *c, int64_t c_stride, int64_t rows,
    int64_t depth, bool adds) {
    for (; rows >= kTileRows; rows -= kTileRows, a += tile_step, c += kTileRows * c_stride) {
        if (step == 1) {
            tile<kTileRows>(a, row_step, 1, b, c, c_stride, depth, adds);
        } else {
            tile<kTileRows>(a, 1, step, b, c, c_stride, depth, adds);
        }
    }
    if (rows >= 4) {
        tile<4>(a, row_step, step, b, c, c_stride, depth, adds);
        rows -= 4, a += 4 * row_step, c += 4 * c_stride;
    }
    if (rows >= 2) {
        tile<2>(a, row_step, step, b, c, c_stride, depth, adds);
        rows -= 2, a += 2 * row_step, c += 2 * c_stride;
    }
    if (rows > 0) tile<1>(a, row_step, step, b, c, c_stride, depth, adds);
}

}  // namespace syrinx
