// WebP through libwebp, which reports failures as values.

#include "Failure.h"
#include <webp/decode.h>

static int fail_from(VP8StatusCode code, char *message) {
    switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the WebP data end before the picture does");
    case VP8_STATUS_OUT_OF_MEMORY:
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "libwebp found no memory for the picture");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "a WebP feature that libwebp does not decode");
    default:
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libwebp says: the bitstream is damaged");
    }
}

// The container's own length field, at byte 4, counts what follows it; a shorter file lost its end.
static int is_short(const uint8_t *bytes, size_t count) {
    if (count < 8) {
        return 1;
    }
    uint64_t declared = (uint64_t)bytes[4] | (uint64_t)bytes[5] << 8 | (uint64_t)bytes[6] << 16 | (uint64_t)bytes[7] << 24;
    return declared + 8 > count;
}

int syrinx_codecs_webp_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(bytes, count, &features);
    if (code != VP8_STATUS_OK) {
        return fail_from(code, message);
    }
    if (features.has_animation) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "an animated WebP (only still pictures are read)");
    }
    info->width = info->output_width = features.width;
    info->height = info->output_height = features.height;
    info->output_channels = features.has_alpha ? 4 : 3;
    info->form = features.has_alpha ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    return SYRINX_CODECS_OK;
}

int syrinx_codecs_webp_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message
) {
    syrinx_codecs_info info;
    int status = syrinx_codecs_webp_info(bytes, count, &info, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    if (is_short(bytes, count)) {
        return fail_from(VP8_STATUS_NOT_ENOUGH_DATA, message);
    }
    size_t stride = (size_t)info.width * (size_t)info.output_channels;
    if (stride * (size_t)info.height != output_size) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED,
            "the WebP's size changed between two readings of its header");
    }
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "libwebp's version does not fit its header");
    }
    config.output.colorspace = info.output_channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = output;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = output_size;
    VP8StatusCode code = WebPDecode(bytes, count, &config);
    WebPFreeDecBuffer(&config.output);
    return code == VP8_STATUS_OK ? SYRINX_CODECS_OK : fail_from(code, message);
}
