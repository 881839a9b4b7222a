// Separable resampling with the arithmetic of Pillow's 8-bit path, so that a model sees the pixels it was trained on:
// weights in double precision, normalised, rounded to 22 fraction bits; 32-bit sums; 8 bits between the passes.

#include "Resample.h"
#include "include/CKernels.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// A fused multiply-add would round once where Pillow rounds twice.
#pragma STDC FP_CONTRACT OFF

static double triangle(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

// R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.5.
static double cubic(double x) {
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

void syrinx_resample_free_taps(Taps *taps) {
    free(taps->first);
    free(taps->taps);
    free(taps->weights);
    free(taps->low);
    free(taps->high);
}

Scale syrinx_resample_scale(int source_size, float from, float to, int64_t whole, int filter) {
    Scale scale = {.source_size = source_size, .filter = filter, .from = from};
    scale.step = (double)(to - from) / (double)whole;
    double stretch = scale.step < 1.0 ? 1.0 : scale.step;
    scale.support = (filter == SYRINX_KERNELS_BICUBIC ? 2.0 : 1.0) * stretch;
    scale.shrink = 1.0 / stretch;
    return scale;
}

int syrinx_resample_weights(const Scale *scale, int64_t position, int *first_position, double *weights) {
    double centre = scale->from + ((double)position + 0.5) * scale->step;
    int first = (int)(centre - scale->support + 0.5);
    int end = (int)(centre + scale->support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > scale->source_size ? scale->source_size : end;
    double total = 0.0;
    for (int i = 0; i < end - first; i++) {
        double distance = (i + first - centre + 0.5) * scale->shrink;
        weights[i] = scale->filter == SYRINX_KERNELS_BICUBIC ? cubic(distance) : triangle(distance);
        total += weights[i];
    }
    for (int i = 0; i < end - first && total != 0.0; i++) {
        weights[i] /= total;
    }
    *first_position = first;
    return end - first;
}

int syrinx_resample_make_taps(
    Taps *taps, int source_size, float from, float to, int64_t whole, int64_t start, int count, int filter
) {
    Scale scale = syrinx_resample_scale(source_size, from, to, whole, filter);
    size_t widest = (size_t)ceil(scale.support) * 2 + 1;
    size_t stride = (widest + 3) / 4 * 4;
    memset(taps, 0, sizeof *taps);
    if (stride > INT32_MAX || stride > SIZE_MAX / sizeof(double) / (size_t)count) {
        return SYRINX_KERNELS_NO_MEMORY;
    }
    taps->count = count;
    taps->stride = (int)stride;
    taps->first = malloc((size_t)count * sizeof *taps->first);
    taps->taps = malloc((size_t)count * sizeof *taps->taps);
    taps->weights = calloc((size_t)count * stride, sizeof *taps->weights);
    taps->low = calloc((size_t)count * stride, sizeof *taps->low);
    taps->high = calloc((size_t)count * stride, sizeof *taps->high);
    double *exact = malloc(stride * sizeof *exact);
    if (!taps->first || !taps->taps || !taps->weights || !taps->low || !taps->high || !exact) {
        free(exact);
        syrinx_resample_free_taps(taps);
        return SYRINX_KERNELS_NO_MEMORY;
    }
    for (int position = 0; position < count; position++) {
        int first, tap_count = syrinx_resample_weights(&scale, start + position, &first, exact);
        size_t row = (size_t)position * stride;
        for (int i = 0; i < tap_count; i++) {
            double fixed = exact[i] * (1 << syrinx_resample_bits);
            int32_t rounded = (int32_t)(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
            taps->weights[row + (size_t)i] = rounded;
            taps->low[row + (size_t)i] = (int16_t)(rounded & 4095);
            taps->high[row + (size_t)i] = (int16_t)(rounded >> 12);
        }
        taps->first[position] = first;
        taps->taps[position] = tap_count;
    }
    free(exact);
    return SYRINX_KERNELS_OK;
}

static atomic_int vector_variants_allowed = 1;

static int uses_avx2(void) {
#ifdef SYRINX_RESAMPLE_AVX2
    return atomic_load_explicit(&vector_variants_allowed, memory_order_relaxed) && __builtin_cpu_supports("avx2");
#else
    return 0;
#endif
}

const char *syrinx_kernels_resample_variant(void) { return uses_avx2() ? "avx2" : "portable"; }

void syrinx_kernels_allow_vector_variants(int allowed) { atomic_store(&vector_variants_allowed, allowed); }

typedef struct {
    const uint8_t *pixels;
    int width, height, channels;
} Plane;

void syrinx_resample_horizontal(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output
) {
    HorizontalPass pass = syrinx_resample_horizontal_portable;
#ifdef SYRINX_RESAMPLE_AVX2
    pass = uses_avx2() ? syrinx_resample_horizontal_avx2 : pass;
#endif
    pass(input, width, rows, channels, taps, output);
}

// Resamples rows `first ..< first + rows` of `input`.
static void horizontal(Plane input, int first, int rows, const Taps *taps, uint8_t *output) {
    size_t row_size = (size_t)input.width * (size_t)input.channels;
    syrinx_resample_horizontal(
        input.pixels + (size_t)first * row_size, input.width, rows, input.channels, taps, output);
}

void syrinx_resample_vertical(
    const uint8_t *input, size_t row_size, int first, const Taps *taps, uint8_t *output
) {
    VerticalPass pass = syrinx_resample_vertical_portable;
#ifdef SYRINX_RESAMPLE_AVX2
    pass = uses_avx2() ? syrinx_resample_vertical_avx2 : pass;
#endif
    pass(input, row_size, first, taps, output);
}

static int both_passes(
    Plane input, const Taps *across, const Taps *down, int vertical_first, uint8_t *output
) {
    size_t channels = (size_t)input.channels;
    if (vertical_first) {
        size_t row_size = (size_t)input.width * channels;
        uint8_t *between = malloc(row_size * (size_t)down->count);
        if (!between) {
            return SYRINX_KERNELS_NO_MEMORY;
        }
        syrinx_resample_vertical(input.pixels, row_size, 0, down, between);
        horizontal((Plane){between, input.width, down->count, input.channels}, 0, down->count, across, output);
        free(between);
        return SYRINX_KERNELS_OK;
    }
    // Only the rows that the second pass will read.
    int first = down->first[0];
    int rows = down->first[down->count - 1] + down->taps[down->count - 1] - first;
    size_t row_size = (size_t)across->count * channels;
    uint8_t *between = malloc(row_size * (size_t)rows);
    if (!between) {
        return SYRINX_KERNELS_NO_MEMORY;
    }
    horizontal(input, first, rows, across, between);
    syrinx_resample_vertical(between, row_size, first, down, output);
    free(between);
    return SYRINX_KERNELS_OK;
}

// One direction of the work: how many source positions become how many, and which of them are wanted.
typedef struct {
    int source;
    float from, to;
    int64_t whole, start;
    int64_t count;
} Side;

static int is_valid(Side side) {
    return side.source > 0 && side.from >= 0 && side.to <= (float)side.source && side.to > side.from && side.start >= 0
        && side.count > 0 && side.count <= INT32_MAX && side.start <= side.whole - side.count;
}

// Whether anything changes in this direction.
static int is_needed(Side side) {
    return side.whole != side.source || side.from != 0 || side.to != (float)side.whole || side.count != side.whole;
}

int syrinx_kernels_resample(
    const uint8_t *input, int input_width, int input_height, int channels, const float *box, int filter, int order,
    int64_t output_width, int64_t output_height, const int64_t *window, uint8_t *output
) {
    const float all[4] = {0, 0, (float)input_width, (float)input_height};
    const int64_t everything[4] = {0, 0, output_width, output_height};
    box = box ? box : all;
    window = window ? window : everything;
    Side width = {input_width, box[0], box[2], output_width, window[0], window[2]};
    Side height = {input_height, box[1], box[3], output_height, window[1], window[3]};
    if (!is_valid(width) || !is_valid(height) || (channels != 1 && channels != 3 && channels != 4)
        || (filter != SYRINX_KERNELS_BILINEAR && filter != SYRINX_KERNELS_BICUBIC)) {
        return SYRINX_KERNELS_BAD_ARGUMENT;
    }
    int across_needed = is_needed(width), down_needed = is_needed(height);
    Plane source = {input, input_width, input_height, channels};
    Taps across = {0}, down = {0};
    int status = SYRINX_KERNELS_OK;
    if (across_needed) {
        status = syrinx_resample_make_taps(
            &across, input_width, box[0], box[2], output_width, width.start, (int)width.count, filter);
    }
    if (status == SYRINX_KERNELS_OK && down_needed) {
        status = syrinx_resample_make_taps(
            &down, input_height, box[1], box[3], output_height, height.start, (int)height.count, filter);
    }
    if (status == SYRINX_KERNELS_OK) {
        if (across_needed && down_needed) {
            int64_t lost_rows = input_height - output_height, lost_columns = input_width - output_width;
            int vertical_first = order == SYRINX_KERNELS_SMALLER_FIRST && lost_rows > 0
                && lost_rows > 2 * lost_columns;
            status = both_passes(source, &across, &down, vertical_first, output);
        } else if (across_needed) {
            horizontal(source, 0, input_height, &across, output);
        } else if (down_needed) {
            syrinx_resample_vertical(input, (size_t)input_width * (size_t)channels, 0, &down, output);
        } else {
            memcpy(output, input, (size_t)input_width * (size_t)input_height * (size_t)channels);
        }
    }
    syrinx_resample_free_taps(&across);
    syrinx_resample_free_taps(&down);
    return status;
}
