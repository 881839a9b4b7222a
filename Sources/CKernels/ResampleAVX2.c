#include "Resample.h"

#ifdef SYRINX_RESAMPLE_AVX2

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

#include "ResamplePasses.h"
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

enum { band = 4, slack = 16 };

// Sum of four pixels' products, for three channels: lanes r g b - of the pairs (0, 1) and, above, (2, 3).
// A weight is high * 4096 + low, so that two 16-bit multiply-adds replace one slow 32-bit multiplication.
static inline __m128i finish(__m256i low, __m256i high) {
    __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, 12));
    __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_srai_epi32(_mm_add_epi32(both, _mm_set1_epi32(1 << (syrinx_resample_bits - 1))), syrinx_resample_bits);
}

static inline void store_pixel(uint8_t *target, __m128i sum) {
    __m128i words = _mm_packs_epi32(sum, sum);
    uint32_t pixel = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    target[0] = (uint8_t)pixel;
    target[1] = (uint8_t)(pixel >> 8);
    target[2] = (uint8_t)(pixel >> 16);
}

// Four rows of three-channel pixels. Every row must be readable for `slack` bytes past its end.
static void horizontal_band(const uint8_t *input, size_t row_size, const Taps *taps, uint8_t *output, size_t output_row) {
    const __m256i spread = _mm256_setr_epi8(
        0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
        6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    for (int x = 0; x < taps->count; x++) {
        const uint8_t *pixel = input + (size_t)taps->first[x] * 3;
        const int16_t *low = taps->low + (size_t)x * (size_t)taps->stride;
        const int16_t *high = taps->high + (size_t)x * (size_t)taps->stride;
        __m256i lows[band], highs[band];
        for (int r = 0; r < band; r++) {
            lows[r] = highs[r] = _mm256_setzero_si256();
        }
        for (int i = 0; i < taps->taps[x]; i += 4, pixel += 12) {
            __m256i l = _mm256_permutevar8x32_epi32(
                _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(low + i))), pairs);
            __m256i h = _mm256_permutevar8x32_epi32(
                _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(high + i))), pairs);
            for (int r = 0; r < band; r++) {
                __m256i bytes = _mm256_broadcastsi128_si256(
                    _mm_loadu_si128((const __m128i *)(pixel + (size_t)r * row_size)));
                __m256i values = _mm256_shuffle_epi8(bytes, spread);
                lows[r] = _mm256_add_epi32(lows[r], _mm256_madd_epi16(values, l));
                highs[r] = _mm256_add_epi32(highs[r], _mm256_madd_epi16(values, h));
            }
        }
        for (int r = 0; r < band; r++) {
            store_pixel(output + (size_t)r * output_row + (size_t)x * 3, finish(lows[r], highs[r]));
        }
    }
}

static void horizontal_rgb(const uint8_t *input, int width, int rows, const Taps *taps, uint8_t *output) {
    size_t row_size = (size_t)width * 3, output_row = (size_t)taps->count * 3;
    size_t size = row_size * (size_t)rows;
    int y = 0;
    for (; y + band <= rows && (size_t)(y + band) * row_size + slack <= size; y += band) {
        horizontal_band(
            input + (size_t)y * row_size, row_size, taps, output + (size_t)y * output_row, output_row);
    }
    if (y == rows) {
        return;
    }
    // The last rows, copied to where reading past the end is harmless.
    uint8_t *rest = calloc(band * row_size + slack, 1);
    uint8_t *results = malloc(band * output_row);
    if (rest && results) {
        for (; y < rows; y += band) {
            size_t count = (size_t)(rows - y < band ? rows - y : band);
            memcpy(rest, input + (size_t)y * row_size, count * row_size);
            horizontal_band(rest, row_size, taps, results, output_row);
            memcpy(output + (size_t)y * output_row, results, count * output_row);
        }
    } else {
        horizontal_pass(
            input + (size_t)y * row_size, width, rows - y, 3, taps, output + (size_t)y * output_row);
    }
    free(rest);
    free(results);
}

void syrinx_resample_horizontal_avx2(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output
) {
    switch (channels) {
    case 1: horizontal_pass(input, width, rows, 1, taps, output); break;
    case 3: horizontal_rgb(input, width, rows, taps, output); break;
    default: horizontal_pass(input, width, rows, 4, taps, output); break;
    }
}

void syrinx_resample_vertical_avx2(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output
) {
    vertical_pass(input, row_size, first_row, taps, output);
}

#pragma clang attribute pop

#endif
