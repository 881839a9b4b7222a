#pragma once

#include <stddef.h>
#include <stdint.h>

/// Whether a box of the outermost level of an ISO media file (AVIF, HEIC) goes on past the file's end.
static inline int syrinx_codecs_boxes_are_cut(const uint8_t *bytes, size_t count) {
    size_t place = 0;
    while (count - place >= 16) {
        const uint8_t *box = bytes + place;
        uint64_t size = (uint64_t)box[0] << 24 | (uint64_t)box[1] << 16 | (uint64_t)box[2] << 8 | box[3];
        if (size == 1) {
            size = 0;
            for (int i = 8; i < 16; i++) {
                size = size << 8 | box[i];
            }
        }
        if (size < 8) {
            return 0;
        }
        if (size > count - place) {
            return 1;
        }
        place += (size_t)size;
    }
    return place < count;
}
