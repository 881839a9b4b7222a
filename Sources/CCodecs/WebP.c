// WebP through libwebp, which reports failures as values: a still image, or the first frame of an animation.

#include "Failure.h"
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

static int fail_from(VP8StatusCode code, char *message) {
    switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the WebP data end before the image does");
    case VP8_STATUS_OUT_OF_MEMORY:
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "libwebp found no memory for the image");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "a WebP feature that libwebp does not decode");
    default:
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libwebp says: the bitstream is damaged");
    }
}

int syrinx_codecs_webp_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(bytes, count, &features);
    if (code != VP8_STATUS_OK) {
        return fail_from(code, message);
    }
    info->width = info->output_width = features.width;
    info->height = info->output_height = features.height;
    info->output_channels = features.has_alpha ? 4 : 3;
    info->form = features.has_alpha ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    return SYRINX_CODECS_OK;
}

// Decodes the first frame to its place on the canvas, which is cleared; the rest of the file is not looked at.
static int decode_frame(
    const WebPDemuxer *demuxer, const syrinx_codecs_info *info, uint8_t *output, size_t output_size, char *message
) {
    WebPIterator frame;
    memset(&frame, 0, sizeof frame);
    if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        return fail_from(VP8_STATUS_NOT_ENOUGH_DATA, message);
    }
    size_t pixel = (size_t)info->output_channels, stride = (size_t)info->width * pixel;
    WebPDecoderConfig config;
    VP8StatusCode code = VP8_STATUS_BITSTREAM_ERROR;
    if (frame.x_offset >= 0 && frame.y_offset >= 0 && frame.width <= info->width - frame.x_offset
        && frame.height <= info->height - frame.y_offset && WebPInitDecoderConfig(&config)) {
        size_t start = (size_t)frame.y_offset * stride + (size_t)frame.x_offset * pixel;
        if (frame.width < info->width || frame.height < info->height) {
            memset(output, 0, output_size);
        }
        config.output.colorspace = pixel == 4 ? MODE_RGBA : MODE_RGB;
        config.output.is_external_memory = 1;
        config.output.u.RGBA.rgba = output + start;
        config.output.u.RGBA.stride = (int)stride;
        config.output.u.RGBA.size = output_size - start;
        code = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
        WebPFreeDecBuffer(&config.output);
    }
    WebPDemuxReleaseIterator(&frame);
    return code == VP8_STATUS_OK ? SYRINX_CODECS_OK : fail_from(code, message);
}

// Where the chunk with the image, or with the first frame, ends: what follows may be damaged.
static size_t first_image_end(const uint8_t *bytes, size_t count) {
    size_t place = 12;
    while (place < count && count - place >= 8) {
        const uint8_t *chunk = bytes + place;
        uint64_t size = chunk[4] | (uint64_t)chunk[5] << 8 | (uint64_t)chunk[6] << 16 | (uint64_t)chunk[7] << 24;
        size += 8 + size % 2;
        if (size >= count - place) {
            return count;
        }
        place += (size_t)size;
        if (!memcmp(chunk, "VP8 ", 4) || !memcmp(chunk, "VP8L", 4) || !memcmp(chunk, "ANMF", 4)) {
            return place;
        }
    }
    return count;
}

int syrinx_codecs_webp_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message
) {
    syrinx_codecs_info info;
    int status = syrinx_codecs_webp_info(bytes, count, &info, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    if ((size_t)info.width * (size_t)info.output_channels * (size_t)info.height != output_size) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED,
            "the WebP's size changed between two readings of its header");
    }
    WebPData data = {bytes, first_image_end(bytes, count)};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer) {
        return fail_from(
            state == WEBP_DEMUX_PARSE_ERROR ? VP8_STATUS_BITSTREAM_ERROR : VP8_STATUS_NOT_ENOUGH_DATA, message);
    }
    status = decode_frame(demuxer, &info, output, output_size, message);
    WebPDemuxDelete(demuxer);
    return status;
}
