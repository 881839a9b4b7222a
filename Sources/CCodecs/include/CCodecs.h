/// C faces of libjpeg-turbo, libpng, libwebp, libtiff, libavif, libheif and FFmpeg's decoders of GIF and BMP.
///
/// Rules of every function here: one call does everything that the library may leave by longjmp, so no caller's frame
/// ever lies between setjmp and longjmp; the caller gives the destination memory, sized from the header that `_info`
/// read; a failure returns a status and writes one sentence fragment (no full stop) into `message`.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Room for a failure's text, the closing zero included.
#define SYRINX_CODECS_MESSAGE_SIZE 256

enum {
    SYRINX_CODECS_OK = 0,
    /// The bytes break the format's rules.
    SYRINX_CODECS_DAMAGED = 1,
    /// The bytes end before the picture does.
    SYRINX_CODECS_TRUNCATED = 2,
    /// The format allows it, this decoder does not (two-component JPEG, floating-point TIFF...).
    SYRINX_CODECS_UNSUPPORTED = 3,
    /// Decoding would need more working memory than was allowed, or than there is.
    SYRINX_CODECS_MEMORY = 4,
};

/// How a file holds its pixels, as far as resizing them before they are RGB goes.
enum {
    SYRINX_CODECS_FORM_PLAIN = 0,
    /// Numbers of a palette, or one bit per pixel: values between two of them mean nothing.
    SYRINX_CODECS_FORM_INDEXED = 1,
    /// With an alpha channel of its own; a transparent colour of an opaque file is none.
    SYRINX_CODECS_FORM_ALPHA = 2,
};

/// What a header says.
typedef struct {
    /// Size in pixels as stored, before EXIF orientation.
    int32_t width, height;
    /// Size in pixels of what `_decode` will write: smaller than stored only for a scaled JPEG.
    int32_t output_width, output_height;
    /// Bytes per pixel that `_decode` will write: 3 (RGB) or 4 (RGBA, alpha not premultiplied).
    int32_t output_channels;
    /// One of the forms above.
    int32_t form;
    /// How the stored pixels are turned, as EXIF numbers it, where the container itself says so; 0 elsewhere.
    int32_t orientation;
} syrinx_codecs_info;

/// Reads a JPEG's header. `scale_denominator` is 1, 2, 4 or 8.
int syrinx_codecs_jpeg_info(
    const uint8_t *bytes, size_t count, int scale_denominator, syrinx_codecs_info *info, char *message);

/// Decodes a JPEG into `output`, RGB8 rows without padding.
///
/// Grey, YCbCr, RGB, CMYK and YCCK are converted to RGB; CMYK is taken as inverted, which is how Adobe stores it and
/// how Pillow reads it. `memory_limit` bounds libjpeg's own working memory in bytes (a progressive file keeps all its
/// coefficients).
int syrinx_codecs_jpeg_decode(
    const uint8_t *bytes, size_t count, int scale_denominator, size_t memory_limit, uint8_t *output,
    size_t output_size, char *message);

/// The formats that FFmpeg decodes.
enum {
    SYRINX_CODECS_GIF = 1,
    SYRINX_CODECS_BMP = 2,
};

/// Reads the header of a GIF or BMP: `kind` says which.
int syrinx_codecs_frame_info(int kind, const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes a BMP or the first frame of a GIF into `output`: RGB8, or RGBA8 where it has alpha.
int syrinx_codecs_frame_decode(
    int kind, const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message);

/// Reads the header of a TIFF's first image.
int syrinx_codecs_tiff_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes a TIFF's first image into `output`, as it is stored: RGB8, or RGBA8 where it has alpha. 16-bit samples keep
/// their high byte. `memory_limit` bounds, in bytes, the buffers for one strip or tile.
int syrinx_codecs_tiff_decode(
    const uint8_t *bytes, size_t count, size_t memory_limit, uint8_t *output, size_t output_size, char *message);

/// Reads an AVIF's header.
int syrinx_codecs_avif_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes an AVIF, or the first frame of a sequence, into `output`: RGB8, or RGBA8 where the file has alpha.
int syrinx_codecs_avif_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message);

/// Reads the header of the primary image of a HEIC; the size is that of the upright image.
int syrinx_codecs_heic_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes a HEIC's primary image, upright, into `output`: RGB8, or RGBA8 where the file has alpha.
int syrinx_codecs_heic_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message);

/// Inflates zlib's data into `output` as far as it has room; the number of bytes, 0 where there are none.
size_t syrinx_codecs_inflate(const uint8_t *bytes, size_t count, uint8_t *output, size_t capacity);

/// Reads a PNG's header.
int syrinx_codecs_png_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes a PNG into `output`: RGB8, or RGBA8 where the file has an alpha channel or a transparent colour.
/// 16-bit samples keep their high byte; no gamma or colour profile is applied. `memory_limit` bounds, in bytes, the
/// memory for any one ancillary chunk.
int syrinx_codecs_png_decode(
    const uint8_t *bytes, size_t count, size_t memory_limit, uint8_t *output, size_t output_size, char *message);

/// Encodes RGB8 rows without padding as a PNG. `*encoded` is freed with `syrinx_codecs_free`.
int syrinx_codecs_png_encode(
    const uint8_t *pixels, int32_t width, int32_t height, int compression_level, uint8_t **encoded,
    size_t *encoded_size, char *message);

/// Frees what `syrinx_codecs_png_encode` gave.
void syrinx_codecs_free(uint8_t *encoded);

/// Reads a WebP's header.
int syrinx_codecs_webp_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message);

/// Decodes a WebP, or the first frame of an animation, into `output`: RGB8, or RGBA8 where the file has alpha. What a
/// first frame does not cover of its canvas is black, and transparent where there is alpha.
int syrinx_codecs_webp_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message);

#ifdef __cplusplus
}
#endif
