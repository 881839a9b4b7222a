#include "include/CFonts.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <hb-ot.h>
#include <hb.h>
#include <limits.h>
#include <stdlib.h>

struct SyrinxFont {
    FT_Library library;
    FT_Face face;
    hb_font_t *shaper;
};

SyrinxFontStatus syrinx_font_open(const uint8_t *bytes, size_t length, SyrinxFont **font) {
    *font = NULL;
    if (length == 0 || length > INT_MAX) return SYRINX_FONT_BAD_FILE;
    SyrinxFont *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return SYRINX_FONT_NO_MEMORY;
    if (FT_Init_FreeType(&opened->library) != 0) {
        free(opened);
        return SYRINX_FONT_NO_MEMORY;
    }
    // FT_Select_Size takes the first bitmap strike: colour bitmap fonts have no outlines to scale.
    if (FT_New_Memory_Face(opened->library, bytes, (FT_Long)length, 0, &opened->face) != 0 ||
        opened->face->num_fixed_sizes < 1 || !FT_HAS_COLOR(opened->face) || FT_Select_Size(opened->face, 0) != 0) {
        syrinx_font_close(opened);
        return SYRINX_FONT_BAD_FILE;
    }
    hb_blob_t *blob = hb_blob_create((const char *)bytes, (unsigned)length, HB_MEMORY_MODE_READONLY, NULL, NULL);
    hb_face_t *face = hb_face_create(blob, 0);
    opened->shaper = hb_font_create(face);
    hb_face_destroy(face);
    hb_blob_destroy(blob);
    *font = opened;
    return SYRINX_FONT_OK;
}

void syrinx_font_close(SyrinxFont *font) {
    if (font == NULL) return;
    hb_font_destroy(font->shaper);
    if (font->face != NULL) FT_Done_Face(font->face);
    FT_Done_FreeType(font->library);
    free(font);
}

/// The one glyph that stands for the whole sequence; 0 where the font has none.
static hb_codepoint_t glyphOf(hb_font_t *shaper, const uint32_t *codePoints, size_t count) {
    hb_buffer_t *buffer = hb_buffer_create();
    hb_buffer_add_utf32(buffer, codePoints, (int)count, 0, (int)count);
    hb_buffer_guess_segment_properties(buffer);
    hb_buffer_set_flags(buffer, HB_BUFFER_FLAG_REMOVE_DEFAULT_IGNORABLES);
    hb_shape(shaper, buffer, NULL, 0);
    unsigned glyphCount = 0;
    const hb_glyph_info_t *glyphs = hb_buffer_get_glyph_infos(buffer, &glyphCount);
    hb_codepoint_t glyph = glyphCount == 1 ? glyphs[0].codepoint : 0;
    hb_buffer_destroy(buffer);
    return glyph;
}

SyrinxFontStatus syrinx_font_draw(SyrinxFont *font, const uint32_t *codePoints, size_t count, uint8_t **pixels,
                                  uint32_t *width, uint32_t *height) {
    *pixels = NULL;
    *width = *height = 0;
    if (count == 0 || count > 64) return SYRINX_FONT_NO_GLYPH;
    hb_codepoint_t glyph = glyphOf(font->shaper, codePoints, count);
    if (glyph == 0) return SYRINX_FONT_NO_GLYPH;
    if (FT_Load_Glyph(font->face, glyph, FT_LOAD_COLOR) != 0) return SYRINX_FONT_NO_BITMAP;
    const FT_Bitmap *bitmap = &font->face->glyph->bitmap;
    if (bitmap->pixel_mode != FT_PIXEL_MODE_BGRA || bitmap->buffer == NULL || bitmap->width == 0 ||
        bitmap->rows == 0 || bitmap->width > 4096 || bitmap->rows > 4096) {
        return SYRINX_FONT_NO_BITMAP;
    }
    uint8_t *drawn = malloc((size_t)bitmap->width * bitmap->rows * 3);
    if (drawn == NULL) return SYRINX_FONT_NO_MEMORY;
    for (unsigned row = 0; row < bitmap->rows; row++) {
        const uint8_t *source = bitmap->buffer + (ptrdiff_t)row * bitmap->pitch;
        uint8_t *target = drawn + (size_t)row * bitmap->width * 3;
        for (unsigned column = 0; column < bitmap->width; column++, source += 4, target += 3) {
            // FreeType's BGRA is premultiplied, so white only fills up what alpha leaves free.
            unsigned white = 255u - source[3];
            for (int channel = 0; channel < 3; channel++) {
                unsigned value = source[2 - channel] + white;
                target[channel] = value > 255 ? 255 : (uint8_t)value;
            }
        }
    }
    *pixels = drawn;
    *width = bitmap->width;
    *height = bitmap->rows;
    return SYRINX_FONT_OK;
}

void syrinx_font_free(uint8_t *pixels) { free(pixels); }
