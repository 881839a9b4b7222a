#pragma once

#include "Failure.h"
#include <libavutil/frame.h>
#include <libswscale/swscale.h>

/// Frames to RGB of a size. Knows nothing of files and codecs.
typedef struct {
    struct SwsContext *context;
    /// The last frame in RGB, with the aligned rows that the scaler wants.
    AVFrame *rgb;
} syrinx_video_scaler;

/// Takes the memory that every frame needs. `syrinx_video_scaler_close` frees it, also after a failure.
int syrinx_video_scaler_open(syrinx_video_scaler *scaler, char *message);

/// Converts a frame into `output`, RGB8 rows of `width` by `height` without padding.
int syrinx_video_scaler_convert(
    syrinx_video_scaler *scaler, const AVFrame *frame, int32_t width, int32_t height, uint8_t *output, char *message);

/// Frees the scaler.
void syrinx_video_scaler_close(syrinx_video_scaler *scaler);
