// Converting frames to RGB of the size asked for.

#include "Scaler.h"
#include <string.h>

int syrinx_video_scaler_open(syrinx_video_scaler *scaler, char *message) {
    scaler->rgb = av_frame_alloc();
    return scaler->rgb ? SYRINX_VIDEO_OK
                       : syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
}

// The scaler for a frame, with the colours that the frame says it has.
static int prepare(syrinx_video_scaler *scaler, const AVFrame *frame, int32_t width, int32_t height) {
    scaler->context = sws_getCachedContext(scaler->context, frame->width, frame->height, frame->format, width, height,
        AV_PIX_FMT_RGB24, SWS_BICUBIC, NULL, NULL, NULL);
    if (!scaler->context) {
        return 0;
    }
    int *inverse, *table, source_range, range, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(
            scaler->context, &inverse, &source_range, &table, &range, &brightness, &contrast, &saturation) >= 0) {
        if (frame->color_range != AVCOL_RANGE_UNSPECIFIED) {
            source_range = frame->color_range == AVCOL_RANGE_JPEG;
        }
        sws_setColorspaceDetails(scaler->context, sws_getCoefficients(frame->colorspace), source_range, table, range,
            brightness, contrast, saturation);
    }
    return 1;
}

int syrinx_video_scaler_convert(
    syrinx_video_scaler *scaler, const AVFrame *frame, int32_t width, int32_t height, uint8_t *output, char *message
) {
    AVFrame *rgb = scaler->rgb;
    if (!prepare(scaler, frame, width, height)) {
        return syrinx_video_fail(message, SYRINX_VIDEO_UNSUPPORTED, "its pixels cannot be converted to RGB");
    }
    if (rgb->width != width || rgb->height != height) {
        av_frame_unref(rgb);
        rgb->width = width;
        rgb->height = height;
        rgb->format = AV_PIX_FMT_RGB24;
        if (av_frame_get_buffer(rgb, 0) < 0) {
            av_frame_unref(rgb);
            return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
        }
    }
    if (sws_scale(scaler->context, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, rgb->data,
            rgb->linesize) != height) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "a frame cannot be converted to RGB");
    }
    for (int32_t row = 0; row < height; row++) {
        memcpy(output + (size_t)row * width * 3, rgb->data[0] + (ptrdiff_t)row * rgb->linesize[0], (size_t)width * 3);
    }
    return SYRINX_VIDEO_OK;
}

void syrinx_video_scaler_close(syrinx_video_scaler *scaler) {
    sws_freeContext(scaler->context);
    av_frame_free(&scaler->rgb);
}
