// The two passes in plain C, included by each variant so that the compiler vectorises them for that variant's
// instruction set. Sums are kept modulo 2^32, so the order of additions cannot change a result.
#pragma once

#include "Resample.h"
#include <string.h>

typedef int32_t Four __attribute__((vector_size(16)));
typedef uint8_t FourBytes __attribute__((vector_size(4)));

static const int32_t half = 1 << (syrinx_resample_bits - 1);

__attribute__((always_inline)) static inline void horizontal_pass(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output
) {
    for (int y = 0; y < rows; y++) {
        const uint8_t *row = input + (size_t)y * (size_t)width * (size_t)channels;
        uint8_t *target = output + (size_t)y * (size_t)taps->count * (size_t)channels;
        for (int x = 0; x < taps->count; x++) {
            const uint8_t *pixel = row + (size_t)taps->first[x] * (size_t)channels;
            const int32_t *weights = taps->weights + (size_t)x * (size_t)taps->stride;
            int count = taps->taps[x];
            if (channels == 1) {
                int32_t sum = half;
                for (int i = 0; i < count; i++) {
                    sum += pixel[i] * weights[i];
                }
                target[x] = syrinx_resample_clip(sum);
                continue;
            }
            Four sum = {half, half, half, half};
            // Four bytes at once; with three channels the fourth is the next pixel's, so the last is read by bytes.
            int quick = channels == 4 ? count : count - 1;
            for (int i = 0; i < quick; i++, pixel += channels) {
                FourBytes bytes;
                memcpy(&bytes, pixel, sizeof bytes);
                sum += __builtin_convertvector(bytes, Four) * weights[i];
            }
            if (quick < count) {
                sum += (Four){pixel[0], pixel[1], pixel[2], 0} * weights[quick];
            }
            for (int c = 0; c < channels; c++) {
                target[x * channels + c] = syrinx_resample_clip(sum[c]);
            }
        }
    }
}

__attribute__((always_inline)) static inline void vertical_pass(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output
) {
    enum { block = 64 };
    for (int y = 0; y < taps->count; y++) {
        const uint8_t *top = input + (size_t)(taps->first[y] - first_row) * row_size;
        const int32_t *weights = taps->weights + (size_t)y * (size_t)taps->stride;
        uint8_t *target = output + (size_t)y * row_size;
        int count = taps->taps[y];
        for (size_t x = 0; x < row_size; x += block) {
            int32_t sums[block];
            if (row_size - x >= block) {
                for (int i = 0; i < block; i++) {
                    sums[i] = half;
                }
                const uint8_t *source = top + x;
                for (int k = 0; k < count; k++, source += row_size) {
                    for (int i = 0; i < block; i++) {
                        sums[i] += source[i] * weights[k];
                    }
                }
                for (int i = 0; i < block; i++) {
                    target[x + (size_t)i] = syrinx_resample_clip(sums[i]);
                }
            } else {
                for (size_t i = x; i < row_size; i++) {
                    int32_t sum = half;
                    for (int k = 0; k < count; k++) {
                        sum += top[(size_t)k * row_size + i] * weights[k];
                    }
                    target[i] = syrinx_resample_clip(sum);
                }
            }
        }
    }
}
