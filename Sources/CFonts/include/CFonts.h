// A colour bitmap font (CBDT/CBLC): one emoji sequence in, one picture out.
//
// Shaping is HarfBuzz's, bitmaps are FreeType's. No call keeps state between fonts; one font is for one thread at a time.
#ifndef SYRINX_CFONTS_H
#define SYRINX_CFONTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SyrinxFont SyrinxFont;

typedef enum {
    SYRINX_FONT_OK = 0,
    /// The bytes are not a font, or not one with colour bitmaps.
    SYRINX_FONT_BAD_FILE = 1,
    /// The sequence is not one glyph of this font.
    SYRINX_FONT_NO_GLYPH = 2,
    /// The glyph has no colour bitmap, or one with an impossible size.
    SYRINX_FONT_NO_BITMAP = 3,
    SYRINX_FONT_NO_MEMORY = 4,
} SyrinxFontStatus;

/// Opens a font from memory; the bytes must stay valid until the font is closed.
SyrinxFontStatus syrinx_font_open(const uint8_t *bytes, size_t length, SyrinxFont **font);

/// Closes a font; NULL is allowed.
void syrinx_font_close(SyrinxFont *font);

/// Draws a sequence of code points that the font has as one glyph, over white.
///
/// On success `*pixels` holds `*width * *height * 3` bytes, red, green, blue, row by row; free them with
/// syrinx_font_free.
SyrinxFontStatus syrinx_font_draw(SyrinxFont *font, const uint32_t *codePoints, size_t count, uint8_t **pixels,
                                  uint32_t *width, uint32_t *height);

/// Frees what syrinx_font_draw gave; NULL is allowed.
void syrinx_font_free(uint8_t *pixels);

#ifdef __cplusplus
}
#endif

#endif
