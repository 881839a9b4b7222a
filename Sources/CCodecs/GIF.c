// What FFmpeg's decoder of GIF leaves open: whether the first frame is whole, and which colour is transparent
// (the format: "Graphics Interchange Format, Version 89a", CompuServe 1990).

#include "Check.h"
#include <string.h>

// Bytes that are read one after another; behind the end come zeros.
typedef struct {
    const uint8_t *bytes;
    size_t count, position;
} Reader;

static unsigned next(Reader *reader) {
    return reader->position < reader->count ? reader->bytes[reader->position++] : (reader->position++, 0);
}

static unsigned next_word(Reader *reader) {
    unsigned low = next(reader);
    return low | next(reader) << 8;
}

static int has_ended(const Reader *reader) { return reader->position > reader->count; }

// The bits of a chain of blocks, each with its length in front, ended by one of length 0.
typedef struct {
    Reader *reader;
    unsigned left, held;
    uint32_t bits;
} Codes;

// The next code; -1 where the chain ends.
static int next_code(Codes *codes, unsigned size) {
    while (codes->held < size) {
        if (codes->left == 0) {
            codes->left = next(codes->reader);
            if (codes->left == 0) {
                return -1;
            }
        }
        codes->bits |= (uint32_t)next(codes->reader) << codes->held;
        if (has_ended(codes->reader)) {
            return -1;
        }
        codes->held += 8;
        codes->left--;
    }
    int code = (int)(codes->bits & ((1u << size) - 1));
    codes->bits >>= size;
    codes->held -= size;
    return code;
}

// Pixels that the codes stand for, at most `wanted`: only the length of what each code repeats is kept.
static uint64_t pixel_count(Reader *reader, unsigned root, uint64_t wanted) {
    uint16_t lengths[4096];
    Codes codes = {reader, 0, 0, 0};
    int clear = 1 << root, end = clear + 1, known = end + 1, last = -1;
    unsigned size = root + 1;
    uint64_t total = 0;
    for (int i = 0; i < clear; i++) {
        lengths[i] = 1;
    }
    while (total < wanted) {
        int code = next_code(&codes, size);
        if (code < 0 || code == end) {
            break;
        }
        if (code == clear) {
            known = end + 1;
            size = root + 1;
            last = -1;
            continue;
        }
        if (last >= 0 && known < 4096) {
            lengths[known++] = (uint16_t)(lengths[last] + 1);
            size += known == 1 << size && size < 12;
        }
        if (code >= known) {
            break;
        }
        total += lengths[code];
        last = code;
    }
    return total;
}

static void skip_blocks(Reader *reader) {
    for (unsigned length = next(reader); length > 0 && !has_ended(reader); length = next(reader)) {
        reader->position += length;
    }
}

// A palette's place; 0 where there is none.
static size_t skip_palette(Reader *reader, unsigned flags) {
    size_t place = reader->position;
    if (!(flags & 0x80)) {
        return 0;
    }
    reader->position += (size_t)3 << ((flags & 7) + 1);
    return place;
}

static int is_grey(const uint8_t *bytes, size_t count, size_t palette, unsigned flags) {
    size_t colours = (size_t)2 << (flags & 7);
    if (!palette || palette + 3 * colours > count) {
        return 0;
    }
    for (size_t i = 0; i < 3 * colours; i++) {
        if (bytes[palette + i] != i / 3) {
            return 0;
        }
    }
    return 1;
}

int syrinx_codecs_gif_check(
    const uint8_t *bytes, size_t count, int counts, syrinx_codecs_check *check, char *message
) {
    Reader reader = {bytes, count, 10};
    unsigned flags = next(&reader);
    reader.position += 2;
    size_t palette = skip_palette(&reader, flags);
    int transparent = -1;
    memset(check, 0, sizeof *check);
    check->transparent_colour = 0xFFFFFF;
    if (count >= 10) {
        check->width = bytes[6] | bytes[7] << 8;
        check->height = bytes[8] | bytes[9] << 8;
    }
    for (unsigned kind = next(&reader); kind != 0x2C; kind = next(&reader)) {
        if (has_ended(&reader)) {
            return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the GIF data end before the image does");
        }
        if (kind == 0x3B) {
            return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "it has no image");
        }
        if (kind == 0x21 && next(&reader) == 0xF9 && reader.position + 5 <= count) {
            const uint8_t *control = bytes + reader.position;
            transparent = control[1] & 1 ? control[4] : -1;
        }
        if (kind == 0x21) {
            skip_blocks(&reader);
        }
    }
    reader.position += 4;
    uint64_t width = next_word(&reader), height = next_word(&reader);
    unsigned image_flags = next(&reader);
    size_t own_palette = skip_palette(&reader, image_flags);
    palette = own_palette ? own_palette : palette;
    check->has_alpha = transparent >= 0;
    check->is_indexed = !is_grey(bytes, count, palette, own_palette ? image_flags : flags);
    size_t colour = palette + 3 * (size_t)(transparent < 0 ? 0 : transparent);
    if (transparent >= 0 && palette && colour + 3 <= count) {
        check->transparent_colour =
            (uint32_t)bytes[colour] << 16 | (uint32_t)bytes[colour + 1] << 8 | bytes[colour + 2];
    }
    unsigned root = next(&reader);
    if (has_ended(&reader)) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the GIF data end before the image does");
    }
    if (root < 1 || root > 8) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "its codes begin with %u bits", root);
    }
    uint64_t found = counts ? pixel_count(&reader, root, width * height) : width * height;
    if (found >= width * height) {
        return SYRINX_CODECS_OK;
    }
    return has_ended(&reader)
        ? syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the GIF data end before the image does")
        : syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "its data hold %llu of %llu pixels",
            (unsigned long long)found, (unsigned long long)(width * height));
}
