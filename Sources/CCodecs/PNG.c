// PNG through libpng. As in JPEG.c: whatever may fail by longjmp runs below a frame of this file, and what must survive
// the jump lives in its caller's structure.

#include "Failure.h"
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Ancillary chunks (text, profiles) kept at most: a file of nothing but such chunks must not eat memory.
enum { maximum_chunks = 200 };

typedef struct {
    png_structp png;
    png_infop information;
    const uint8_t *bytes;
    size_t count, position;
    size_t memory_limit;
    syrinx_codecs_info *info;
    uint8_t *output;
    size_t output_size;
    png_bytep *rows;
    char *message;
    int status;
} Reader;

typedef struct {
    png_structp png;
    png_infop information;
    const uint8_t *pixels;
    int32_t width, height;
    int level;
    uint8_t *bytes;
    size_t count, capacity;
    char *message;
    int status;
} Writer;

// Whether the last row was handed over: what follows it (checksums, the end) can be damaged without a loss.
static int has_all_rows(png_structp png, png_infop information) {
    return png_get_interlace_type(png, information) == PNG_INTERLACE_NONE
        ? png_get_current_row_number(png) >= png_get_image_height(png, information)
        : png_get_current_pass_number(png) >= PNG_INTERLACE_ADAM7_PASSES;
}

static void on_read_error(png_structp png, png_const_charp text) {
    Reader *reader = png_get_error_ptr(png);
    if (reader->rows && has_all_rows(png, reader->information)) {
        reader->status = SYRINX_CODECS_OK;
        longjmp(png_jmpbuf(png), 1);
    }
    if (reader->status == SYRINX_CODECS_OK) {
        reader->status = SYRINX_CODECS_DAMAGED;
        snprintf(reader->message, SYRINX_CODECS_MESSAGE_SIZE, "libpng says: %s", text);
    }
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    Reader *reader = png_get_io_ptr(png);
    if (count > reader->count - reader->position) {
        reader->status = SYRINX_CODECS_TRUNCATED;
        snprintf(reader->message, SYRINX_CODECS_MESSAGE_SIZE, "the PNG data end before the image does");
        png_error(png, "truncated");
    }
    memcpy(target, reader->bytes + reader->position, count);
    reader->position += count;
}

// Asks libpng for 8-bit RGB or RGBA whatever the file holds; returns the number of channels.
static int set_output_form(png_structp png, png_infop information) {
    int colour = png_get_color_type(png, information);
    int transparent = png_get_valid(png, information, PNG_INFO_tRNS) != 0;
    if (png_get_bit_depth(png, information) == 16) {
        png_set_strip_16(png);
    }
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(png);
    }
    if (colour == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, information) < 8) {
        png_set_expand_gray_1_2_4_to_8(png);
    }
    if (transparent) {
        png_set_tRNS_to_alpha(png);
    }
    if (colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA) {
        png_set_gray_to_rgb(png);
    }
    return (colour & PNG_COLOR_MASK_ALPHA) != 0 || transparent ? 4 : 3;
}

static int stored_form(png_structp png, png_infop information) {
    int colour = png_get_color_type(png, information);
    if (colour == PNG_COLOR_TYPE_PALETTE || png_get_bit_depth(png, information) == 1) {
        return SYRINX_CODECS_FORM_INDEXED;
    }
    return (colour & PNG_COLOR_MASK_ALPHA) != 0 ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
}

static int read_picture(Reader *reader) {
    png_structp png = reader->png;
    if (setjmp(png_jmpbuf(png))) {
        return reader->status;
    }
    png_set_read_fn(png, reader, read_bytes);
    // The caller checks the size against its own limit between `_info` and `_decode`.
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_cache_max(png, maximum_chunks);
    png_set_chunk_malloc_max(png, reader->memory_limit);
    png_read_info(png, reader->information);
    png_uint_32 width = png_get_image_width(png, reader->information);
    png_uint_32 height = png_get_image_height(png, reader->information);
    int form = stored_form(png, reader->information);
    int channels = set_output_form(png, reader->information);
    if (reader->info) {
        reader->info->form = form;
        reader->info->width = reader->info->output_width = (int32_t)width;
        reader->info->height = reader->info->output_height = (int32_t)height;
        reader->info->output_channels = channels;
        return SYRINX_CODECS_OK;
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, reader->information);
    size_t row_size = png_get_rowbytes(png, reader->information);
    if (row_size != (size_t)width * (size_t)channels || row_size * height != reader->output_size) {
        return syrinx_codecs_fail(reader->message, SYRINX_CODECS_DAMAGED,
            "the PNG's rows of %zu bytes do not make an image of %u x %u pixels", row_size, width, height);
    }
    reader->rows = malloc(sizeof *reader->rows * height);
    if (!reader->rows) {
        return syrinx_codecs_fail(reader->message, SYRINX_CODECS_MEMORY, "no memory for %u row addresses", height);
    }
    for (png_uint_32 y = 0; y < height; y++) {
        reader->rows[y] = reader->output + y * row_size;
    }
    png_read_image(png, reader->rows);
    return SYRINX_CODECS_OK;
}

static int read_png(Reader *reader) {
    int status = SYRINX_CODECS_MEMORY;
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_read_error, on_warning);
    reader->information = reader->png ? png_create_info_struct(reader->png) : NULL;
    if (reader->information) {
        status = read_picture(reader);
    } else {
        snprintf(reader->message, SYRINX_CODECS_MESSAGE_SIZE, "libpng could not be started");
    }
    png_destroy_read_struct(&reader->png, &reader->information, NULL);
    free(reader->rows);
    return status;
}

int syrinx_codecs_png_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    Reader reader;
    memset(&reader, 0, sizeof reader);
    reader.bytes = bytes;
    reader.count = count;
    reader.memory_limit = 64 << 20;
    reader.info = info;
    reader.message = message;
    return read_png(&reader);
}

int syrinx_codecs_png_decode(
    const uint8_t *bytes, size_t count, size_t memory_limit, uint8_t *output, size_t output_size, char *message
) {
    Reader reader;
    memset(&reader, 0, sizeof reader);
    reader.bytes = bytes;
    reader.count = count;
    reader.memory_limit = memory_limit;
    reader.output = output;
    reader.output_size = output_size;
    reader.message = message;
    return read_png(&reader);
}

static void on_write_error(png_structp png, png_const_charp text) {
    Writer *writer = png_get_error_ptr(png);
    if (writer->status == SYRINX_CODECS_OK) {
        writer->status = SYRINX_CODECS_DAMAGED;
        snprintf(writer->message, SYRINX_CODECS_MESSAGE_SIZE, "libpng says: %s", text);
    }
    longjmp(png_jmpbuf(png), 1);
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    Writer *writer = png_get_io_ptr(png);
    if (count > writer->capacity - writer->count) {
        size_t capacity = writer->capacity * 2 + count + 4096;
        uint8_t *grown = realloc(writer->bytes, capacity);
        if (!grown) {
            writer->status = SYRINX_CODECS_MEMORY;
            snprintf(writer->message, SYRINX_CODECS_MESSAGE_SIZE, "no memory for %zu encoded bytes", capacity);
            png_error(png, "memory");
        }
        writer->bytes = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->bytes + writer->count, bytes, count);
    writer->count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

static int write_picture(Writer *writer) {
    png_structp png = writer->png;
    if (setjmp(png_jmpbuf(png))) {
        return writer->status;
    }
    png_set_write_fn(png, writer, write_bytes, flush_bytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_compression_level(png, writer->level);
    png_set_IHDR(png, writer->information, (png_uint_32)writer->width, (png_uint_32)writer->height, 8,
        PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, writer->information);
    size_t row_size = (size_t)writer->width * 3;
    for (int32_t y = 0; y < writer->height; y++) {
        png_write_row(png, writer->pixels + (size_t)y * row_size);
    }
    png_write_end(png, writer->information);
    return SYRINX_CODECS_OK;
}

int syrinx_codecs_png_encode(
    const uint8_t *pixels, int32_t width, int32_t height, int compression_level, uint8_t **encoded,
    size_t *encoded_size, char *message
) {
    Writer writer;
    memset(&writer, 0, sizeof writer);
    writer.pixels = pixels;
    writer.width = width;
    writer.height = height;
    writer.level = compression_level;
    writer.message = message;
    int status = SYRINX_CODECS_MEMORY;
    writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, on_write_error, on_warning);
    writer.information = writer.png ? png_create_info_struct(writer.png) : NULL;
    if (writer.information) {
        status = write_picture(&writer);
    } else {
        snprintf(message, SYRINX_CODECS_MESSAGE_SIZE, "libpng could not be started");
    }
    png_destroy_write_struct(&writer.png, &writer.information);
    if (status != SYRINX_CODECS_OK) {
        free(writer.bytes);
        writer.bytes = NULL;
        writer.count = 0;
    }
    *encoded = writer.bytes;
    *encoded_size = writer.count;
    return status;
}

void syrinx_codecs_free(uint8_t *encoded) { free(encoded); }
