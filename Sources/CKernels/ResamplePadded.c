// Images on the square of their longer side, shrunk along the rows: only the columns of the image are summed up, because the
// square around them has one colour.

#include "Resample.h"
#include "include/CKernels.h"

enum { channels = 3, half = 1 << (syrinx_resample_bits - 1) };

int syrinx_kernels_resample_padded(
    const uint8_t *input, int width, int height, const uint8_t *ground, int filter, int output_width, uint8_t *output
) {
    int size = width > height ? width : height;
    if (width <= 0 || height <= 0 || output_width <= 0
        || (filter != SYRINX_KERNELS_BILINEAR && filter != SYRINX_KERNELS_BICUBIC)) {
        return SYRINX_KERNELS_BAD_ARGUMENT;
    }
    Taps taps;
    int status = syrinx_resample_make_taps(&taps, size, 0, (float)size, output_width, 0, output_width, filter);
    if (status != SYRINX_KERNELS_OK) {
        return status;
    }
    int left = (size - width) / 2, top = (size - height) / 2;
    for (int j = 0; j < output_width; j++) {
        const int32_t *weights = taps.weights + (size_t)j * (size_t)taps.stride;
        int first = taps.first[j], end = first + taps.taps[j];
        uint32_t all = 0;
        for (int i = 0; i < taps.taps[j]; i++) {
            all += (uint32_t)weights[i];
        }
        int from = first > left ? first : left, to = end < left + width ? end : left + width;
        for (int y = 0; y < size; y++) {
            const uint8_t *row = input + (size_t)(y - top) * (size_t)width * channels;
            int is_inside = y >= top && y < top + height;
            for (int c = 0; c < channels; c++) {
                uint32_t sum = half + all * ground[c];
                for (int x = from; is_inside && x < to; x++) {
                    sum += (uint32_t)weights[x - first] * (uint32_t)(row[(size_t)(x - left) * channels + (size_t)c] - ground[c]);
                }
                output[((size_t)y * (size_t)output_width + (size_t)j) * channels + (size_t)c] = syrinx_resample_clip((int32_t)sum);
            }
        }
    }
    syrinx_resample_free_taps(&taps);
    return SYRINX_KERNELS_OK;
}
