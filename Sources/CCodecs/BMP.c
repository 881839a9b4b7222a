// What FFmpeg's decoder of BMP leaves open: of a file that is cut short it takes the rows for unpadded ones, and
// run-length data that end early are shown as they are.

#include "Check.h"
#include <string.h>

typedef struct {
    size_t data, palette;
    uint32_t header_size, compression, colours;
    int32_t width, height;
    unsigned bits;
} Header;

enum { file_header = 14, core_header = 12, plain = 0, rle8 = 1, rle4 = 2 };

static uint32_t half_word(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t word(const uint8_t *bytes) { return half_word(bytes) | half_word(bytes + 2) << 16; }

static int read_header(const uint8_t *bytes, size_t count, Header *header) {
    memset(header, 0, sizeof *header);
    if (count < file_header + core_header) {
        return 0;
    }
    header->data = word(bytes + 10);
    header->header_size = word(bytes + file_header);
    header->palette = file_header + (size_t)header->header_size;
    if (header->header_size < 40) {
        header->width = (int32_t)half_word(bytes + 18);
        header->height = (int32_t)half_word(bytes + 20);
        header->bits = half_word(bytes + 24);
        return 1;
    }
    if (count < file_header + 40) {
        return 0;
    }
    header->width = (int32_t)word(bytes + 18);
    header->height = (int32_t)word(bytes + 22);
    // From the top where it is negative.
    header->height = header->height == INT32_MIN ? 0 : header->height < 0 ? -header->height : header->height;
    header->bits = half_word(bytes + 28);
    header->compression = word(bytes + 30);
    header->colours = word(bytes + 46);
    return 1;
}

// As Pillow has it.
static int has_grey_palette(const Header *header, const uint8_t *bytes, size_t count) {
    uint32_t colours = header->colours == 0 || header->colours > 256 ? 256 : header->colours;
    size_t entry = header->header_size < 40 ? 3 : 4;
    if (header->bits != 8 || header->palette + entry * colours > count) {
        return 0;
    }
    for (uint32_t i = 0; i < colours; i++) {
        const uint8_t *colour = bytes + header->palette + entry * i;
        if (colour[0] != i || colour[1] != i || colour[2] != i) {
            return 0;
        }
    }
    return 1;
}

// Whether run-length data reach their end, or the last pixel, before the file does.
static int has_whole_runs(const Header *header, const uint8_t *bytes, size_t count) {
    int64_t x = 0, y = 0;
    for (size_t place = header->data; place < count && count - place >= 2;) {
        unsigned run = bytes[place], value = bytes[place + 1];
        place += 2;
        if (run > 0) {
            x += run;
        } else if (value == 0) {
            x = 0;
            y++;
        } else if (value == 1) {
            return 1;
        } else if (value == 2) {
            if (count - place < 2) {
                return 0;
            }
            x += bytes[place];
            y += bytes[place + 1];
            place += 2;
        } else {
            size_t size = header->compression == rle8 ? value : (value + 1) / 2;
            if (count - place < size) {
                return 0;
            }
            place += size + size % 2;
            x += value;
        }
        if (y >= header->height || (y == header->height - 1 && x >= header->width)) {
            return 1;
        }
    }
    return 0;
}

int syrinx_codecs_bmp_check(
    const uint8_t *bytes, size_t count, int counts, syrinx_codecs_check *check, char *message
) {
    Header header;
    memset(check, 0, sizeof *check);
    int is_whole = read_header(bytes, count, &header);
    if (is_whole && header.width <= 0) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "it is %d pixels wide", header.width);
    }
    if (is_whole && (header.compression == rle8 || header.compression == rle4)) {
        is_whole = !counts || has_whole_runs(&header, bytes, count);
    } else if (is_whole) {
        uint64_t row = ((uint64_t)header.width * header.bits + 7) / 8, padded = (row + 3) / 4 * 4;
        uint64_t rows = (uint64_t)header.height, last = rows > 0 ? padded * (rows - 1) + row : 0;
        is_whole = !counts || (header.data <= count && last <= count - header.data);
        check->whole_size = header.data + (size_t)(padded * rows);
    }
    if (!is_whole) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the BMP data end before the image does");
    }
    check->width = header.width;
    check->height = header.height;
    // The fourth byte of a plain pixel of 32 bits means nothing.
    check->has_alpha = header.compression != plain;
    check->is_indexed = header.bits <= 8 && !has_grey_palette(&header, bytes, count);
    return SYRINX_CODECS_OK;
}
