#include "ResamplePasses.h"

void syrinx_resample_horizontal_portable(
    const uint8_t *input, int width, int rows, int channels, const Taps *taps, uint8_t *output
) {
    switch (channels) {
    case 1: horizontal_pass(input, width, rows, 1, taps, output); break;
    case 3: horizontal_pass(input, width, rows, 3, taps, output); break;
    default: horizontal_pass(input, width, rows, 4, taps, output); break;
    }
}

void syrinx_resample_vertical_portable(
    const uint8_t *input, size_t row_size, int first_row, const Taps *taps, uint8_t *output
) {
    vertical_pass(input, row_size, first_row, taps, output);
}
