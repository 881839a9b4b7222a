#pragma once

#include "Container.h"
#include <libavcodec/avcodec.h>

/// The frames of a container's stream, one after the other. Knows nothing of sizes and colours.
typedef struct {
    AVCodecContext *context;
    /// The frame that was decoded last.
    AVFrame *frame;
    /// Frames that the decoder has given since the start or the last seek, and the time of the last.
    int64_t given, last_time;
    int at_end;
    /// Whether all frames since the start were given, with no seek.
    int sequential;
} syrinx_video_decoder;

/// Opens the decoder of the container's stream. `syrinx_video_decoder_close` frees it, also after a failure.
int syrinx_video_decoder_open(
    syrinx_video_decoder *decoder, const syrinx_video_container *container, int64_t maximum_pixel_count, char *message);

/// Goes before the first frame, whatever the container can or cannot seek; 0 for a failure.
int syrinx_video_decoder_restart(syrinx_video_decoder *decoder, syrinx_video_container *container);

/// Goes to the key frame at or before a time; 0 for a failure.
int syrinx_video_decoder_seek(syrinx_video_decoder *decoder, syrinx_video_container *container, int64_t time);

/// Decodes the next frame into `decoder->frame`; 0 at the end. What cannot be decoded is left out, as players do.
int syrinx_video_decoder_next(syrinx_video_decoder *decoder, syrinx_video_container *container);

/// Frees the decoder.
void syrinx_video_decoder_close(syrinx_video_decoder *decoder);
