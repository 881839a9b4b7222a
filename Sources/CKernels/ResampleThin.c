// Thin images made square: stretched to the square of the longer side, and shrunk along the rows.
//
// The square has as many pixels as the longer side squared, but few of its values differ from their neighbours. Along the
// stretched direction values change at most as often as the source rises and falls, so only the places where they change
// are found and counted; the sums are those of the whole square, to the bit.

#include "Resample.h"
#include "include/CKernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

enum { channels = 3, most_taps = 8, half = 1 << (syrinx_resample_bits - 1) };

// A value that changes at `place` by `change`, from there on.
typedef struct {
    int place, change;
} Step;

// Stretching in one direction: taps, and how far from a straight line each stretch of like taps may bend.
typedef struct {
    Taps taps;
    double *bend; // per output position: the largest second difference of any weight among positions with the same taps
} Stretch;

// One line of values that is stretched.
typedef struct {
    const Stretch *stretch;
    const uint8_t *values;
    size_t distance; // bytes from one value to the next
    Step *steps;
    int count;
    double slack; // rounding of the weights and bending, in parts of 2^22, for the segment at hand
    double bend;
} Line;

static void free_stretch(Stretch *stretch) {
    syrinx_resample_free_taps(&stretch->taps);
    free(stretch->bend);
}

static int make_stretch(Stretch *stretch, int source, int size, int filter) {
    memset(stretch, 0, sizeof *stretch);
    int status = syrinx_resample_make_taps(&stretch->taps, source, 0, (float)source, size, 0, size, filter);
    if (status != SYRINX_KERNELS_OK) {
        memset(stretch, 0, sizeof *stretch);
        return status;
    }
    stretch->bend = calloc((size_t)size, sizeof *stretch->bend);
    if (!stretch->bend) {
        free_stretch(stretch);
        return SYRINX_KERNELS_NO_MEMORY;
    }
    const Taps *taps = &stretch->taps;
    Scale scale = syrinx_resample_scale(source, 0, (float)source, size, filter);
    for (int start = 0, end; start < size; start = end) {
        double three[3][most_taps], largest = 0;
        int first;
        for (end = start; end < size && taps->first[end] == taps->first[start] && taps->taps[end] == taps->taps[start]; end++) {
            int count = syrinx_resample_weights(&scale, end, &first, three[(end - start) % 3]);
            for (int i = 0; i < count && end - start >= 2; i++) {
                int age = end - start;
                double second = three[age % 3][i] - 2 * three[(age - 1) % 3][i] + three[(age - 2) % 3][i];
                largest = fabs(second) > largest ? fabs(second) : largest;
            }
        }
        for (int i = start; i < end; i++) {
            stretch->bend[i] = largest;
        }
    }
    return SYRINX_KERNELS_OK;
}

// The sum that is rounded and clipped to the value at a position.
static int32_t sum_at(const Line *line, int position) {
    const Taps *taps = &line->stretch->taps;
    const int32_t *weights = taps->weights + (size_t)position * (size_t)taps->stride;
    const uint8_t *values = line->values + (size_t)taps->first[position] * line->distance;
    int32_t sum = half;
    for (int i = 0; i < taps->taps[position]; i++) {
        sum += values[(size_t)i * line->distance] * weights[i];
    }
    return sum;
}

static void add_step(Line *line, int place, int change) {
    if (change != 0) {
        line->steps[line->count++] = (Step){place, change};
    }
}

// Finds where the value changes between two positions of one segment, of which the sums are known: halves it until no sum
// between can leave its level.
static void find_steps(Line *line, int start, int32_t first, int end, int32_t last, int depth) {
    int length = end - start;
    if (length <= 0) {
        return;
    }
    int from = syrinx_resample_clip(first), to = syrinx_resample_clip(last);
    if (length == 1) {
        add_step(line, end, to - from);
        return;
    }
    if (from == to) {
        double room = line->slack + line->bend * (double)length * (double)length / 8;
        double low = (first < last ? first : last) - room, high = (first < last ? last : first) + room;
        double level = (double)(1 << syrinx_resample_bits);
        if ((low >= from * level || from == 0) && (high < (from + 1) * level || from == 255)) {
            return;
        }
    }
    int middle = start + length / 2;
    // Where one step is left, the place that a straight line gives is nearly always it or its neighbour.
    if (abs(to - from) == 1 && depth % 4 != 3) {
        double bound = (double)(from < to ? to : from) * (1 << syrinx_resample_bits);
        int guess = start + (int)((bound - first) / ((double)last - first) * length);
        middle = guess <= start ? start + 1 : guess >= end ? end - 1 : guess;
    }
    int32_t sum = sum_at(line, middle);
    find_steps(line, start, first, middle, sum, depth + 1);
    find_steps(line, middle, sum, end, last, depth + 1);
}

// All steps of a line, in order; returns its first value.
static int walk_line(Line *line, int size) {
    const Taps *taps = &line->stretch->taps;
    int value = 0, before = 0;
    line->count = 0;
    for (int start = 0, end; start < size; start = end) {
        const uint8_t *values = line->values + (size_t)taps->first[start] * line->distance;
        int spread = 0, total = 0;
        for (int i = 0; i < taps->taps[start]; i++) {
            spread += abs(values[(size_t)i * line->distance] - values[0]);
            total += values[(size_t)i * line->distance];
        }
        // Positions whose taps are the same lie between two source positions.
        int low = start, high = size;
        while (high - low > 1) {
            int middle = low + (high - low) / 2;
            int is_same = taps->first[middle] == taps->first[start] && taps->taps[middle] == taps->taps[start];
            *(is_same ? &low : &high) = middle;
        }
        end = high;
        line->slack = total + 4; // each weight is rounded by half, at both ends of a comparison
        line->bend = line->stretch->bend[start] * spread * (1 << syrinx_resample_bits) * 1.001 + 1e-3;
        int32_t first = sum_at(line, start);
        if (start == 0) {
            value = syrinx_resample_clip(first);
        } else {
            add_step(line, start, syrinx_resample_clip(first) - before);
        }
        int32_t last = sum_at(line, end - 1);
        find_steps(line, start, first, end - 1, last, 0);
        before = syrinx_resample_clip(last);
    }
    return value;
}

// Sums of a window's weights from each place to its end, laid out as the weights are.
static uint32_t *suffixes(const Taps *taps) {
    uint32_t *sums = calloc((size_t)taps->count * (size_t)taps->stride, sizeof *sums);
    for (int j = 0; sums && j < taps->count; j++) {
        size_t row = (size_t)j * (size_t)taps->stride;
        uint32_t sum = 0;
        for (int i = taps->taps[j] - 1; i >= 0; i--) {
            sum += (uint32_t)taps->weights[row + (size_t)i];
            sums[row + (size_t)i] = sum;
        }
    }
    return sums;
}

// A tall image: each row is stretched, and shrunk along the same direction.
static void squeeze_tall(
    const uint8_t *input, int width, int height, const Taps *shrink, const uint32_t *sums, Line *line, uint8_t *output
) {
    for (int y = 0; y < height; y++) {
        for (int c = 0; c < channels; c++) {
            line->values = input + (size_t)y * (size_t)width * channels + c;
            uint32_t value = (uint32_t)walk_line(line, height);
            int next = 0;
            for (int j = 0; j < shrink->count; j++) {
                int first = shrink->first[j], end = first + shrink->taps[j];
                size_t row = (size_t)j * (size_t)shrink->stride;
                // Windows begin one behind the other.
                for (; next < line->count && line->steps[next].place <= first; next++) {
                    value += (uint32_t)line->steps[next].change;
                }
                uint32_t sum = half + (shrink->taps[j] > 0 ? value * sums[row] : 0);
                for (int i = next; i < line->count && line->steps[i].place < end; i++) {
                    sum += (uint32_t)line->steps[i].change * sums[row + (size_t)(line->steps[i].place - first)];
                }
                output[((size_t)y * (size_t)shrink->count + (size_t)j) * channels + (size_t)c] = syrinx_resample_clip((int32_t)sum);
            }
        }
    }
}

// A wide image: columns are stretched, and all of them are summed up along the rows. `changes` has room for a column of
// sums per window that overlaps another, `slots` of them, and channel.
static void squeeze_wide(
    const uint8_t *input, int width, int size, const Taps *shrink, Line *line, uint32_t *changes, int slots, uint8_t *output
) {
    int begun = 0, done = 0;
    for (int x = 0; x < width; x++) {
        for (; begun < shrink->count && shrink->first[begun] <= x; begun++) {
            memset(changes + (size_t)(begun % slots) * channels * (size_t)size, 0, channels * (size_t)size * sizeof *changes);
        }
        for (int c = 0; c < channels; c++) {
            line->values = input + (size_t)x * channels + c;
            uint32_t value = (uint32_t)walk_line(line, size);
            for (int j = done; j < begun; j++) {
                uint32_t weight = (uint32_t)shrink->weights[(size_t)j * (size_t)shrink->stride + (size_t)(x - shrink->first[j])];
                uint32_t *column = changes + ((size_t)(j % slots) * channels + (size_t)c) * (size_t)size;
                column[0] += weight * value;
                for (int i = 0; i < line->count; i++) {
                    column[line->steps[i].place] += weight * (uint32_t)line->steps[i].change;
                }
            }
        }
        for (; done < begun && shrink->first[done] + shrink->taps[done] <= x + 1; done++) {
            for (int c = 0; c < channels; c++) {
                const uint32_t *column = changes + ((size_t)(done % slots) * channels + (size_t)c) * (size_t)size;
                uint32_t sum = half;
                for (int y = 0; y < size; y++) {
                    sum += column[y];
                    output[((size_t)y * (size_t)shrink->count + (size_t)done) * channels + (size_t)c] = syrinx_resample_clip((int32_t)sum);
                }
            }
        }
    }
}

// The most windows that begin before another that they overlap has ended.
static int most_overlapping(const Taps *taps) {
    int most = 1;
    for (int j = 0, done = 0; j < taps->count; j++) {
        while (taps->first[done] + taps->taps[done] <= taps->first[j]) {
            done++;
        }
        most = j - done + 1 > most ? j - done + 1 : most;
    }
    return most;
}

// Rows of the square one strip after the other, where the source changes so often that steps would cost more.
static int squeeze_whole(
    const uint8_t *input, int width, int height, int size, const Taps *stretch, const Taps *shrink, uint8_t *output
) {
    int rows = (1 << 20) / size > 0 ? (1 << 20) / size : 1;
    uint8_t *strip = malloc((size_t)rows * (size_t)size * channels + 16);
    if (!strip) {
        return SYRINX_KERNELS_NO_MEMORY;
    }
    for (int start = 0; start < size; start += rows) {
        int count = size - start < rows ? size - start : rows;
        if (width < size) {
            syrinx_resample_horizontal(
                input + (size_t)start * (size_t)width * channels, width, count, channels, stretch, strip);
        } else {
            Taps part = *stretch;
            part.count = count;
            part.first += start;
            part.taps += start;
            part.weights += (size_t)start * (size_t)part.stride;
            syrinx_resample_vertical(input, (size_t)width * channels, 0, &part, strip);
        }
        syrinx_resample_horizontal(
            strip, size, count, channels, shrink, output + (size_t)start * (size_t)shrink->count * channels);
    }
    (void)height;
    free(strip);
    return SYRINX_KERNELS_OK;
}

// About how many steps there are: how far the values rise and fall along the short side.
static int64_t variation(const uint8_t *input, int width, int height) {
    size_t next = width < height ? channels : (size_t)width * channels;
    int64_t total = 0;
    for (int y = 0; y < (width < height ? height : height - 1); y++) {
        for (int x = 0; x < (width < height ? width - 1 : width) * channels; x++) {
            const uint8_t *value = input + (size_t)y * (size_t)width * channels + (size_t)x;
            total += abs(value[next] - value[0]);
        }
    }
    return total;
}

int syrinx_kernels_resample_thin(
    const uint8_t *input, int width, int height, int filter, int output_width, int method, uint8_t *output
) {
    int size = width > height ? width : height, is_tall = width < height;
    if (width <= 0 || height <= 0 || width == height || output_width <= 0
        || (filter != SYRINX_KERNELS_BILINEAR && filter != SYRINX_KERNELS_BICUBIC)) {
        return SYRINX_KERNELS_BAD_ARGUMENT;
    }
    Stretch stretch;
    Taps shrink;
    int status = make_stretch(&stretch, is_tall ? width : height, size, filter);
    if (status != SYRINX_KERNELS_OK) {
        return status;
    }
    status = syrinx_resample_make_taps(&shrink, size, 0, (float)size, output_width, 0, output_width, filter);
    if (status != SYRINX_KERNELS_OK) {
        free_stretch(&stretch);
        return status;
    }
    // A step costs about as much as 160 pixels of the square.
    int is_smooth = 160 * (variation(input, width, height) + (int64_t)width * height) < (int64_t)size * size;
    if (method == SYRINX_KERNELS_THIN_WHOLE || (method == SYRINX_KERNELS_THIN_ANY && !is_smooth)) {
        status = squeeze_whole(input, width, height, size, &stretch.taps, &shrink, output);
    } else {
        int slots = most_overlapping(&shrink);
        Line line = {.stretch = &stretch, .distance = is_tall ? channels : (size_t)width * channels};
        line.steps = malloc((size_t)size * sizeof *line.steps);
        uint32_t *sums = is_tall ? suffixes(&shrink) : malloc((size_t)slots * channels * (size_t)size * sizeof *sums);
        if (!line.steps || !sums) {
            status = SYRINX_KERNELS_NO_MEMORY;
        } else if (is_tall) {
            squeeze_tall(input, width, height, &shrink, sums, &line, output);
        } else {
            squeeze_wide(input, width, size, &shrink, &line, sums, slots, output);
        }
        free(line.steps);
        free(sums);
    }
    syrinx_resample_free_taps(&shrink);
    free_stretch(&stretch);
    return status;
}
