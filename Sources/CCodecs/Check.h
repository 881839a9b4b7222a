#pragma once

#include "Failure.h"

/// What FFmpeg's decoders of GIF and BMP do not tell, or show as if it were whole.
typedef struct {
    /// Whether a colour of the palette is transparent, or the fourth byte of a pixel is alpha.
    int has_alpha;
    /// Whether the pixels are numbers of a palette; greys in order are none, as their numbers are what they look like.
    int is_indexed;
    /// The size that the header claims.
    int32_t width, height;
    /// Of a GIF, the colour that its first frame's transparent pixels have in the palette, 0x00RRGGBB; white where none
    /// is.
    uint32_t transparent_colour;
    /// Of a BMP, the bytes that it would have with the padding of its last row, which may be cut off.
    size_t whole_size;
} syrinx_codecs_check;

/// Where a GIF's header names the colour of its ground.
enum { SYRINX_CODECS_GIF_BACKGROUND = 11 };

/// Walks a GIF to its first frame and, where `counts` is set, counts the pixels in the frame's data.
int syrinx_codecs_gif_check(
    const uint8_t *bytes, size_t count, int counts, syrinx_codecs_check *check, char *message);

/// Reads a BMP's header and, where `counts` is set, compares the data with it.
int syrinx_codecs_bmp_check(
    const uint8_t *bytes, size_t count, int counts, syrinx_codecs_check *check, char *message);
