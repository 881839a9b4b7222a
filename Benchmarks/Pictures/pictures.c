// Decoding and resizing times of Sources/CCodecs and Sources/CKernels; see run.sh.
#include "CCodecs.h"
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static uint8_t *file_bytes(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    *count = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*count);
    if (!bytes || fread(bytes, 1, *count, file) != *count) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return bytes;
}

// Best times in milliseconds of decoding at a scale, then resizing to a square of `size`.
static void measure(const char *path, int scale, int size, int rounds) {
    size_t count;
    char message[SYRINX_CODECS_MESSAGE_SIZE];
    uint8_t *bytes = file_bytes(path, &count);
    uint8_t *result = malloc((size_t)size * (size_t)size * 3);
    syrinx_codecs_info info;
    double decoding = 1e9, resizing = 1e9;
    for (int round = 0; round < rounds; round++) {
        double start = now();
        int status = syrinx_codecs_jpeg_info(bytes, count, scale, &info, message);
        size_t room = (size_t)info.output_width * (size_t)info.output_height * 3;
        uint8_t *pixels = malloc(room);
        status = status ? status : syrinx_codecs_jpeg_decode(bytes, count, scale, 1u << 30, pixels, room, message);
        double middle = now();
        status = status ? status
                        : syrinx_kernels_resample(pixels, info.output_width, info.output_height, 3, NULL,
                              SYRINX_KERNELS_BICUBIC, SYRINX_KERNELS_HORIZONTAL_FIRST, size, size, NULL, result);
        double end = now();
        if (status) {
            fprintf(stderr, "%s: %s\n", path, message);
            exit(1);
        }
        decoding = middle - start < decoding ? middle - start : decoding;
        resizing = end - middle < resizing ? end - middle : resizing;
        free(pixels);
    }
    printf("syrinx (%s), 1/%d scale, %d x %d to %d: decode %.1f ms, resize %.2f ms\n",
        syrinx_kernels_resample_variant(), scale, info.width, info.height, size, decoding, resizing);
    free(result);
    free(bytes);
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: pictures LARGE.jpg SMALL.jpg\n");
        return 2;
    }
    measure(arguments[1], 1, 336, 7);
    measure(arguments[1], 8, 336, 7);
    measure(arguments[2], 1, 336, 30);
    syrinx_kernels_allow_vector_variants(0);
    measure(arguments[1], 1, 336, 5);
    measure(arguments[2], 1, 336, 30);
    return 0;
}
