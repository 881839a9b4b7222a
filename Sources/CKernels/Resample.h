#pragma once

#include <stddef.h>
#include <stdint.h>

/// The taps of one pass: which source positions make each output position, with which weights.
typedef struct {
    int count;        // output positions
    int stride;       // weights kept per output position, a multiple of 4, unused ones zero
    int *first;       // first source position, per output position
    int *taps;        // number of source positions, per output position
    int32_t *weights; // fixed point with `syrinx_resample_bits` fraction bits
    int16_t *low;     // weights & 4095: with `high`, products fit 16-bit multipliers
    int16_t *high;    // weights >> 12
} Taps;

/// How output positions lie on the source, in one direction.
typedef struct {
    int source_size, filter;
    double from, step, support, shrink;
} Scale;

/// The scale that takes source positions `from ..< to` of `source_size` to `whole` output positions.
Scale syrinx_resample_scale(int source_size, float from, float to, int64_t whole, int filter);

/// One output position's normalised weights before they are rounded, and the first source position; their number.
int syrinx_resample_weights(const Scale *scale, int64_t position, int *first, double *weights);

/// Weights that take source positions `from ..< to` of `source_size` to the output positions `start ..< start + count`
/// of `whole`. Freed with `syrinx_resample_free_taps`, unless the status says that there was no memory.
int syrinx_resample_make_taps(
    Taps *taps, int source_size, float from, float to, int64_t whole, int64_t start, int count, int filter);
void syrinx_resample_free_taps(Taps *taps);

/// The two passes in the best variant that is allowed here.
void syrinx_resample_horizontal(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output);
void syrinx_resample_vertical(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output);

/// Fraction bits of a weight: 32 bits less 8 of the pixel and 2 for overshoot and sign.
enum { syrinx_resample_bits = 22 };

static inline uint8_t syrinx_resample_clip(int32_t sum) {
    int32_t value = sum >> syrinx_resample_bits;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// Rows are resampled: `rows` rows of `width` pixels become rows of `taps->count` pixels.
typedef void (*HorizontalPass)(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output);

/// Columns are resampled: rows of `row_size` bytes become `taps->count` rows. `first_row` is the position of
/// `input`'s first row in the numbering that `taps` uses.
typedef void (*VerticalPass)(const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output);

void syrinx_resample_horizontal_portable(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output);
void syrinx_resample_vertical_portable(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output);

#if defined(__x86_64__)
#define SYRINX_RESAMPLE_AVX2 1
void syrinx_resample_horizontal_avx2(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output);
void syrinx_resample_vertical_avx2(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output);
#endif
