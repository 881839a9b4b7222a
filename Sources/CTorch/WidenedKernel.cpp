// bfloat16 products in float32 arithmetic for processors with AVX2 and nothing wider: operands are widened where a product
// packs them anyway, results are rounded where they leave the caches, and no float32 copy of a matrix is made.
//
// Blocks as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34, 2008): columns of B lie
// in panels that the first cache holds, a block of A's rows in the second one, a tile of C in registers.
#include "WidenedKernel.h"

#include "Tiles.h"

using namespace syrinx;

namespace {

/// Of the summed dimension, a panel's part that the first cache holds.
constexpr int64_t kDepth = 256;
/// Rows of A, and columns of C, that a thread works on at a time.
constexpr int64_t kBlockRows = 16 * kTileRows, kBlockColumns = 48 * kTileColumns;
/// Elements of B that are packed together: 4 MB.
constexpr int64_t kPacked = 1 << 20;

/// Strips [columns, 6] of a block whose columns, of `rows` rows, lie in one piece: what a tile reads is in one piece, too.
///
/// Writes two elements more than the strips have. `readable` elements of each column may be read.
INLINE void pack_strips(const Half *from, int64_t stride, float *to, int64_t rows, int64_t columns, int64_t readable) {
    for (int64_t row = 0; row < rows; row += kTileRows) {
        float *strip = to + row * columns;
        const int64_t width = std::min(kTileRows, rows - row);
        if (row + kLanes <= readable) {
            for (int64_t k = 0; k < columns; ++k) {
                widen_eight(from + k * stride + row, strip + k * kTileRows);
            }
        } else {
            for (int64_t k = 0; k < columns; ++k) {
                for (int64_t r = 0; r < width; ++r) strip[k * kTileRows + r] = get(from[k * stride + row + r]);
            }
        }
    }
}

FOR_EACH_CLASS(
    widen_block, (const Half *from, int64_t stride, float *to, int64_t to_stride, int64_t rows, int64_t columns),
    (from, stride, to, to_stride, rows, columns))
FOR_EACH_CLASS(
    pack_strips, (const Half *from, int64_t stride, float *to, int64_t rows, int64_t columns, int64_t readable),
    (from, stride, to, rows, columns, readable))
FOR_EACH_CLASS(
    pack_rows, (const Half *from, int64_t stride, float *to, int64_t depth, int64_t columns),
    (from, stride, to, depth, columns))
FOR_EACH_CLASS(
    pack_columns, (const Half *from, int64_t stride, float *to, int64_t depth, int64_t columns),
    (from, stride, to, depth, columns))

// With constant distances the compiler keeps addresses out of the registers.
INLINE void row_tiles(const float *a, const float *b, float *c, int64_t c_stride, int64_t rows, int64_t depth, bool adds) {
    tiles(a, kTileRows * kDepth, kDepth, 1, b, c, c_stride, rows, depth, adds);
}

INLINE void strip_tiles(const float *a, const float *b, float *c, int64_t c_stride, int64_t rows, int64_t depth, bool adds) {
    tiles(a, kTileRows * depth, 1, kTileRows, b, c, c_stride, rows, depth, adds);
}

FOR_EACH_CLASS(
    row_tiles, (const float *a, const float *b, float *c, int64_t c_stride, int64_t rows, int64_t depth, bool adds),
    (a, b, c, c_stride, rows, depth, adds))
FOR_EACH_CLASS(
    strip_tiles, (const float *a, const float *b, float *c, int64_t c_stride, int64_t rows, int64_t depth, bool adds),
    (a, b, c, c_stride, rows, depth, adds))

FOR_EACH_CLASS(narrow_row, (const float *from, const Half *bias, Half *to, int64_t count), (from, bias, to, count))

// --- The product --------------------------------------------------------------------------------------------------

/// A matrix whose rows, or whose columns, lie in one piece.
struct Operand {
    const Half *data;
    int64_t stride;
    bool has_rows;

    explicit Operand(const at::Tensor &x)
        : data(pointer<Half>(x)), stride(x.stride(1) == 1 ? x.stride(0) : x.stride(1)), has_rows(x.stride(1) == 1) {}
    const Half *at(int64_t row, int64_t column) const {
        return data + (has_rows ? row * stride + column : column * stride + row);
    }
};

struct Product {
    const Operand a, b;
    const int64_t rows, depth;
    const Half *bias;
    Half *const c;
    const int64_t c_stride;

    /// Packs columns `first ..< first + count` of b: for each part of the depth, its panels one after the other.
    void pack(int64_t first, int64_t count, float *packed) const {
        const int64_t panels = panels_in(count);
        parallel_for(0, panels, 4, [&](int64_t from, int64_t to) {
            const int64_t last = std::min(count, to * kTileColumns), step = b.has_rows ? 4 * kTileColumns : kTileColumns;
            for (int64_t k = 0; k < depth; k += kDepth) {
                const int64_t part = std::min(kDepth, depth - k);
                for (int64_t column = from * kTileColumns; column < last; column += step) {
                    float *place = packed + k * panels * kTileColumns + column * part;
                    const auto packs = b.has_rows ? pack_rows_of : pack_columns_of;
                    packs(b.at(k, first + column), b.stride, place, part, std::min(step, last - column));
                }
            }
        });
    }

    /// Rows `begin ..< end` of c in some of the columns that are packed: `count` from `skipped` on.
    void multiply(
        int64_t begin, int64_t end, int64_t first, int64_t skipped, int64_t count, int64_t panels, const float *packed, float *wide,
        float *sums) const {
        const int64_t sums_stride = panels_in(count) * kTileColumns;
        for (int64_t row = begin; row < end; row += kBlockRows) {
            const int64_t height = std::min(kBlockRows, end - row);
            for (int64_t k = 0; k < depth; k += kDepth) {
                const int64_t part = std::min(kDepth, depth - k);
                if (a.has_rows) {
                    widen_block_of(a.at(row, k), a.stride, wide, kDepth, height, part);
                } else {
                    pack_strips_of(a.at(row, k), a.stride, wide, height, part, rows - row);
                }
                const auto tiles = a.has_rows ? row_tiles_of : strip_tiles_of;
                const float *panel = packed + k * panels * kTileColumns + skipped * part;
                for (int64_t column = 0; column < count; column += kTileColumns) {
                    tiles(wide, panel + column * part, sums + column, sums_stride, height, part, k > 0);
                }
            }
            const int64_t column = first + skipped;
            for (int64_t r = 0; r < height; ++r) {
                narrow_row_of(
                    sums + r * sums_stride, bias == nullptr ? nullptr : bias + column, c + (row + r) * c_stride + column, count);
            }
        }
    }

    /// All rows in columns that are packed together; of few rows each thread takes all, and some of the columns.
    void multiply_packed(int64_t first, int64_t count, const float *packed) const {
        const int64_t strips = (rows + kTileRows - 1) / kTileRows, panels = panels_in(count);
        const bool has_few = rows <= kBlockRows;
        parallel_for(0, has_few ? panels : strips, 4, [&](int64_t from, int64_t to) {
            const at::Tensor scratch = at::empty({kBlockRows * (kDepth + kBlockColumns) + kLanes}, at::kFloat);
            float *const sums = static_cast<float *>(scratch.mutable_data_ptr()), *const wide = sums + kBlockRows * kBlockColumns;
            const int64_t begin = has_few ? 0 : from * kTileRows, end = has_few ? rows : std::min(rows, to * kTileRows);
            const int64_t last = has_few ? std::min(count, to * kTileColumns) : count;
            for (int64_t column = has_few ? from * kTileColumns : 0; column < last; column += kBlockColumns) {
                multiply(begin, end, first, column, std::min(kBlockColumns, last - column), panels, packed, wide, sums);
            }
        });
    }

    void run(int64_t columns) const {
        const int64_t together = std::max<int64_t>(kTileColumns, std::min(columns, kPacked / depth) / kTileColumns * kTileColumns);
        const at::Tensor packed = at::empty({panels_in(together) * kTileColumns * depth}, at::kFloat);
        float *const place = static_cast<float *>(packed.mutable_data_ptr());
        for (int64_t first = 0; first < columns; first += together) {
            const int64_t count = std::min(together, columns - first);
            pack(first, count, place);
            multiply_packed(first, count, place);
        }
    }
};

/// Elements of b up to which the kernel was measured to win.
constexpr int64_t largest_operand = int64_t(1) << 23;

bool is_plain(const at::Tensor &x) {
    return x.scalar_type() == at::kBFloat16 && x.device().is_cpu() && x.dim() == 2 && (x.stride(0) == 1 || x.stride(1) == 1);
}

}  // namespace

bool syrinx::multiply_widened(const at::Tensor &a, const at::Tensor &b, const std::optional<at::Tensor> &bias, at::Tensor &c) {
    if (kernel_class() != KernelClass::avx2 || !is_plain(a) || !is_plain(b) || !is_plain(c) || c.stride(1) != 1) return false;
    if (bias && (bias->scalar_type() != at::kBFloat16 || !bias->is_contiguous())) return false;
    if (c.numel() == 0 || a.size(1) == 0) return false;
    // Of larger matrices (2048 x 5504 of a 1.3B decoder) libtorch's product after one conversion was as quick or quicker.
    if (a.size(1) * b.size(1) > largest_operand) return false;
    const Half *shift = bias ? pointer<Half>(*bias) : nullptr;
    const Product product{Operand(a), Operand(b), a.size(0), a.size(1), shift, pointer<Half>(c), c.stride(0)};
    product.run(b.size(1));
    return true;
}
