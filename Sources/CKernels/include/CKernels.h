/// Arithmetic kernels that the engine's library does not have.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Interpolation kernels of `syrinx_kernels_resample`.
enum {
    /// Triangle, support 1 pixel.
    SYRINX_KERNELS_BILINEAR = 0,
    /// Keys' cubic with a = -0.5, support 2 pixels.
    SYRINX_KERNELS_BICUBIC = 1,
};

/// Order of the two passes. Both round to 8 bits between passes, so the order changes the result.
enum {
    /// Rows are resampled before columns: Pillow up to 12, with which published models were trained.
    SYRINX_KERNELS_HORIZONTAL_FIRST = 0,
    /// Columns first where that makes the first pass shrink much more: Pillow 13 and later.
    SYRINX_KERNELS_SMALLER_FIRST = 1,
};

enum {
    SYRINX_KERNELS_OK = 0,
    SYRINX_KERNELS_BAD_ARGUMENT = 1,
    SYRINX_KERNELS_NO_MEMORY = 2,
};

/// Resamples interleaved 8-bit pixels, equal to Pillow's `Image.resize(size, filter, box)` in every bit.
///
/// `channels` is 1, 3 or 4. Rows have no padding. `box` holds left, top, right, bottom in source pixels (fractions
/// allowed); null takes the whole picture. When shrinking, the kernel widens with the scale (antialiasing).
/// Channels are independent: for RGBA, Pillow premultiplies before and divides after, which is the caller's affair.
/// `output_width` and `output_height` are the size of the whole result; `window` holds x, y, width, height of the part
/// that is wanted and computed (null: all), so that a centre crop costs nothing outside it.
/// Returns one of the status values above; `output` has room for the window's pixels.
int syrinx_kernels_resample(
    const uint8_t *input, int input_width, int input_height, int channels, const float *box, int filter, int order,
    int64_t output_width, int64_t output_height, const int64_t *window, uint8_t *output);

/// How `syrinx_kernels_resample_thin` goes about it; the result is the same.
enum {
    SYRINX_KERNELS_THIN_ANY = 0,
    /// The places where values change.
    SYRINX_KERNELS_THIN_STEPS = 1,
    /// Every pixel of the square.
    SYRINX_KERNELS_THIN_WHOLE = 2,
};

/// Stretches an RGB image that is no square to the square of its longer side and resamples the rows of that to
/// `output_width`: what two calls of `syrinx_kernels_resample` give, to the bit, without their work, which grows with the
/// square of the longer side. `output` has room for the longer side times `output_width` pixels.
int syrinx_kernels_resample_thin(
    const uint8_t *input, int width, int height, int filter, int output_width, int method, uint8_t *output);

/// Centres an RGB image on the square of its longer side, whose colour is `ground`, and resamples the rows of that to
/// `output_width`, in the same way.
int syrinx_kernels_resample_padded(
    const uint8_t *input, int width, int height, const uint8_t *ground, int filter, int output_width, uint8_t *output);

/// The instruction set that `syrinx_kernels_resample` uses here: "avx2" or "portable".
const char *syrinx_kernels_resample_variant(void);

/// Allows (1, the default) or forbids (0) variants for special instruction sets: for tests that compare them.
void syrinx_kernels_allow_vector_variants(int allowed);

#ifdef __cplusplus
}
#endif
