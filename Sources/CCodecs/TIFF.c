// TIFF through libtiff: the first image of a file, block by block (strips or tiles), to 8 bits per sample.

#include "Failure.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

// Samples of a pixel that are looked at: four colours and an alpha.
enum { maximum_samples = 5 };

typedef struct {
    const uint8_t *bytes;
    size_t count, position;
    /// Whether more bytes were asked for than there are.
    int has_run_out;
    TIFF *tiff;
    uint32_t width, height;
    uint16_t bits, samples, photometric;
    int is_planar;
    /// Where alpha stands among the samples, 0 for none, and whether the colours are multiplied by it.
    int alpha, is_premultiplied;
    /// The palette, 16 bits a value.
    uint16_t *palette[3];
} File;

static tmsize_t read_bytes(thandle_t handle, void *target, tmsize_t size) {
    File *file = handle;
    size_t left = file->position < file->count ? file->count - file->position : 0;
    size_t taken = size < 0 ? 0 : (size_t)size < left ? (size_t)size : left;
    memcpy(target, file->bytes + (left ? file->position : 0), taken);
    file->position += taken;
    file->has_run_out |= (tmsize_t)taken < size;
    return (tmsize_t)taken;
}

static tmsize_t write_bytes(thandle_t handle, void *bytes, tmsize_t size) {
    (void)handle, (void)bytes, (void)size;
    return 0;
}

static toff_t seek_bytes(thandle_t handle, toff_t offset, int whence) {
    File *file = handle;
    uint64_t base = whence == SEEK_CUR ? file->position : whence == SEEK_END ? file->count : 0;
    file->position = (size_t)(base + offset);
    return file->position;
}

static int close_bytes(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t size_of_bytes(thandle_t handle) { return ((File *)handle)->count; }

static void silence(void) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
}

static int is_read(const File *file, char *message) {
    uint16_t format = SAMPLEFORMAT_UINT, compression = COMPRESSION_NONE;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_COMPRESSION, &compression);
    const char *unread = NULL;
    int colours = 1;
    switch (file->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_PALETTE: break;
    case PHOTOMETRIC_RGB: colours = 3; break;
    case PHOTOMETRIC_SEPARATED: colours = 4; break;
    case PHOTOMETRIC_YCBCR:
        colours = 3;
        unread = compression == COMPRESSION_JPEG ? NULL : "YCbCr values that are not compressed as JPEG";
        break;
    default: unread = "colours that are neither grey, RGB, CMYK nor of a palette";
    }
    int deep = file->bits == 16 && file->photometric != PHOTOMETRIC_PALETTE;
    int shallow = colours == 1 && (file->bits == 1 || file->bits == 2 || file->bits == 4) && file->samples == 1;
    if (format == SAMPLEFORMAT_IEEEFP || (file->bits != 8 && !deep && !shallow)) {
        unread = format == SAMPLEFORMAT_IEEEFP ? "floating-point values" : "an unusual number of bits per value";
    }
    if (!TIFFIsCODECConfigured(compression)) {
        unread = "data in a compression that this build of libtiff does not read";
    }
    if (unread || file->samples < colours) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "a TIFF of %s",
            unread ? unread : "fewer values per pixel than its colours need");
    }
    return SYRINX_CODECS_OK;
}

static int colour_count(const File *file) {
    return file->photometric == PHOTOMETRIC_SEPARATED ? 4
        : file->photometric == PHOTOMETRIC_RGB || file->photometric == PHOTOMETRIC_YCBCR ? 3 : 1;
}

// Alpha as Pillow takes it: a further value of no stated meaning is none, but the fourth of RGB without any statement is.
static void find_alpha(File *file) {
    uint16_t count = 0, *kinds = NULL;
    int colours = colour_count(file);
    if (!TIFFGetField(file->tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds)) {
        count = 0;
    }
    if (file->samples <= colours || colours == 4) {
        return;
    }
    if (count == 0) {
        file->alpha = colours == 3 && file->samples == 4 ? colours : 0;
    } else if (kinds[0] != EXTRASAMPLE_UNSPECIFIED) {
        file->alpha = colours;
        file->is_premultiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    }
}

static int open_file(File *file, const uint8_t *bytes, size_t count, char *message) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);
    memset(file, 0, sizeof *file);
    file->bytes = bytes;
    file->count = count;
    // Strips are not cut into smaller ones, and the bytes are read, not mapped.
    file->tiff = TIFFClientOpen("", "rCm", file, read_bytes, write_bytes, seek_bytes, close_bytes, size_of_bytes, NULL, NULL);
    if (!file->tiff) {
        return file->has_run_out
            ? syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the TIFF's directory lies behind its end")
            : syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libtiff cannot read its directory");
    }
    uint16_t planar = PLANARCONFIG_CONTIG, compression = COMPRESSION_NONE;
    TIFFGetField(file->tiff, TIFFTAG_IMAGEWIDTH, &file->width);
    TIFFGetField(file->tiff, TIFFTAG_IMAGELENGTH, &file->height);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_BITSPERSAMPLE, &file->bits);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_SAMPLESPERPIXEL, &file->samples);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_COMPRESSION, &compression);
    file->is_planar = planar == PLANARCONFIG_SEPARATE && file->samples > 1;
    if (!TIFFGetField(file->tiff, TIFFTAG_PHOTOMETRIC, &file->photometric)) {
        file->photometric = file->samples < 3 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB;
    }
    if (file->photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG) {
        TIFFSetField(file->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    find_alpha(file);
    int status = is_read(file, message);
    if (status == SYRINX_CODECS_OK && file->photometric == PHOTOMETRIC_PALETTE
        && !TIFFGetField(file->tiff, TIFFTAG_COLORMAP, &file->palette[0], &file->palette[1], &file->palette[2])) {
        status = syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "it has no palette");
    }
    if (status != SYRINX_CODECS_OK) {
        TIFFClose(file->tiff);
    }
    return status;
}

int syrinx_codecs_tiff_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    File file;
    int status = open_file(&file, bytes, count, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    if (file.width > INT32_MAX || file.height > INT32_MAX) {
        file.width = file.height = INT32_MAX;
    }
    info->width = info->output_width = (int32_t)file.width;
    info->height = info->output_height = (int32_t)file.height;
    info->output_channels = file.alpha ? 4 : 3;
    info->form = file.photometric == PHOTOMETRIC_PALETTE || file.bits == 1 ? SYRINX_CODECS_FORM_INDEXED
        : file.alpha ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    TIFFClose(file.tiff);
    return SYRINX_CODECS_OK;
}

// The sample at `place`: 16 bits keep their high byte, fewer than 8 are numbers of their own range.
static unsigned sample(const uint8_t *row, size_t place, int bits) {
    if (bits == 8) {
        return row[place];
    }
    if (bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * place, sizeof value);
        return value >> 8;
    }
    unsigned per_byte = 8 / (unsigned)bits;
    return row[place / per_byte] >> (8 - (unsigned)bits * (1 + place % per_byte)) & ((1u << bits) - 1);
}

static uint8_t divided(unsigned value, unsigned alpha) {
    unsigned quotient = alpha ? value * 255 / alpha : 0;
    return (uint8_t)(quotient > 255 ? 255 : quotient);
}

// As Pillow rounds it.
static uint8_t without_ink(unsigned ink, unsigned light) {
    unsigned product = ink * light + 128;
    return (uint8_t)(light - (((product >> 8) + product) >> 8));
}

static void put(const File *file, const unsigned *values, uint8_t *pixel) {
    unsigned top = file->bits < 8 ? (1u << file->bits) - 1 : 255;
    switch (file->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK: {
        unsigned light = values[0] * 255 / top;
        light = file->photometric == PHOTOMETRIC_MINISWHITE ? 255 - light : light;
        pixel[0] = pixel[1] = pixel[2] = (uint8_t)light;
        break;
    }
    case PHOTOMETRIC_PALETTE:
        for (int c = 0; c < 3; c++) {
            pixel[c] = (uint8_t)(file->palette[c][values[0]] >> 8);
        }
        break;
    case PHOTOMETRIC_SEPARATED:
        for (int c = 0; c < 3; c++) {
            pixel[c] = without_ink(values[c], 255 - values[3]);
        }
        break;
    default:
        for (int c = 0; c < 3; c++) {
            pixel[c] = (uint8_t)values[c];
        }
    }
    if (!file->alpha) {
        return;
    }
    unsigned alpha = values[file->alpha];
    for (int c = 0; c < 3 && file->is_premultiplied; c++) {
        pixel[c] = divided(pixel[c], alpha);
    }
    pixel[3] = (uint8_t)alpha;
}

// A rectangle of the image as the file holds it: one buffer, or one for each of its planes.
typedef struct {
    uint32_t x, y, width, height;
    size_t row_size, size;
    uint8_t *planes[maximum_samples];
} Block;

static void copy_block(const File *file, const Block *block, uint8_t *output) {
    int channels = file->alpha ? 4 : 3, wanted = file->alpha ? file->alpha + 1 : colour_count(file);
    for (uint32_t y = 0; y < block->height && block->y + y < file->height; y++) {
        uint8_t *target = output + ((size_t)(block->y + y) * file->width + block->x) * (size_t)channels;
        size_t row = y * block->row_size;
        for (uint32_t x = 0; x < block->width && block->x + x < file->width; x++, target += channels) {
            unsigned values[maximum_samples];
            for (int s = 0; s < wanted; s++) {
                values[s] = file->is_planar ? sample(block->planes[s] + row, x, file->bits)
                                            : sample(block->planes[0] + row, (size_t)x * file->samples + (size_t)s, file->bits);
            }
            put(file, values, target);
        }
    }
}

static int read_block(File *file, Block *block, int is_tiled, int planes, char *message) {
    uint32_t rows = file->height - block->y < block->height ? file->height - block->y : block->height;
    // The last strip has the rows that are left; a tile is always whole.
    size_t needed = is_tiled ? block->size : (size_t)rows * block->row_size;
    for (int plane = 0; plane < planes; plane++) {
        uint32_t number = is_tiled ? TIFFComputeTile(file->tiff, block->x, block->y, 0, (uint16_t)plane)
                                   : TIFFComputeStrip(file->tiff, block->y, (uint16_t)plane);
        file->has_run_out = 0;
        tmsize_t found = is_tiled ? TIFFReadEncodedTile(file->tiff, number, block->planes[plane], (tmsize_t)needed)
                                  : TIFFReadEncodedStrip(file->tiff, number, block->planes[plane], (tmsize_t)needed);
        if (found < 0 || (size_t)found < needed) {
            return file->has_run_out
                ? syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the TIFF data end before the image does")
                : syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libtiff cannot decode its rows from %u on", block->y);
        }
    }
    return SYRINX_CODECS_OK;
}

static int read_blocks(File *file, size_t memory_limit, uint8_t *output, char *message) {
    int is_tiled = TIFFIsTiled(file->tiff), planes = file->is_planar ? colour_count(file) + (file->alpha > 0) : 1;
    Block block = {.width = file->width};
    if (is_tiled) {
        TIFFGetField(file->tiff, TIFFTAG_TILEWIDTH, &block.width);
        TIFFGetField(file->tiff, TIFFTAG_TILELENGTH, &block.height);
    } else {
        TIFFGetFieldDefaulted(file->tiff, TIFFTAG_ROWSPERSTRIP, &block.height);
        block.height = block.height > file->height ? file->height : block.height;
    }
    tmsize_t size = is_tiled ? TIFFTileSize(file->tiff) : TIFFVStripSize(file->tiff, block.height);
    tmsize_t row_size = is_tiled ? TIFFTileRowSize(file->tiff) : TIFFScanlineSize(file->tiff);
    // What a row must have for `copy_block` to stay inside it.
    uint64_t bits = (uint64_t)block.width * file->bits * (file->is_planar ? 1u : file->samples);
    if (size <= 0 || row_size <= 0 || block.width == 0 || block.height == 0 || (uint64_t)row_size < (bits + 7) / 8
        || (uint64_t)size < (uint64_t)row_size * block.height) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "the sizes of its parts do not fit together");
    }
    if ((uint64_t)size > memory_limit / (size_t)planes) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "a part of it has %llu bytes", (unsigned long long)size);
    }
    block.size = (size_t)size;
    block.row_size = (size_t)row_size;
    int status = SYRINX_CODECS_OK;
    for (int plane = 0; plane < planes; plane++) {
        block.planes[plane] = malloc(block.size);
        if (!block.planes[plane]) {
            status = syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "no memory for a part of the TIFF");
        }
    }
    for (uint64_t y = 0; status == SYRINX_CODECS_OK && y < file->height; y += block.height) {
        for (uint64_t x = 0; status == SYRINX_CODECS_OK && x < file->width; x += block.width) {
            block.x = (uint32_t)x;
            block.y = (uint32_t)y;
            status = read_block(file, &block, is_tiled, planes, message);
            if (status == SYRINX_CODECS_OK) {
                copy_block(file, &block, output);
            }
        }
    }
    for (int plane = 0; plane < planes; plane++) {
        free(block.planes[plane]);
    }
    return status;
}

int syrinx_codecs_tiff_decode(
    const uint8_t *bytes, size_t count, size_t memory_limit, uint8_t *output, size_t output_size, char *message
) {
    File file;
    int status = open_file(&file, bytes, count, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    size_t pixel = file.alpha ? 4 : 3;
    if ((uint64_t)file.width * file.height > SIZE_MAX / 4 || (size_t)file.width * file.height * pixel != output_size) {
        status = syrinx_codecs_fail(
            message, SYRINX_CODECS_DAMAGED, "the TIFF's size changed between two readings of its header");
    } else {
        status = read_blocks(&file, memory_limit, output, message);
    }
    TIFFClose(file.tiff);
    return status;
}
