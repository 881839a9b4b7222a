#pragma once

#include "include/CVideo.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#include <stdio.h>

/// Writes a failure's text, cut to the size the caller gave, and returns `status`.
#define syrinx_video_fail(message, status, ...) \
    (snprintf((message), SYRINX_VIDEO_MESSAGE_SIZE, __VA_ARGS__), (status))

/// An open file with its decoder, and what the packets said.
struct syrinx_video {
    int file;
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *decoder;
    struct SwsContext *scaler;
    AVPacket *packet;
    AVFrame *frame;
    /// The last frame in RGB, with the aligned rows that the scaler wants.
    AVFrame *rgb;
    /// Times of all frames in the order of showing; null where some frame has none or two share one.
    int64_t *times;
    /// Times of the key frames among them, ascending.
    int64_t *key_times;
    int64_t time_count, key_count;
    /// Frames that the decoder has given since the start or the last seek, and the time of the last.
    int64_t given, last_time;
    int at_end;
    /// Whether all frames since the start were given, with no seek.
    int sequential;
};

/// Opens `path`, which must be a regular file.
int syrinx_video_open_file(syrinx_video *video, const char *path, int64_t maximum_byte_count, char *message);

/// Reads the container from its first byte, closing what was open.
int syrinx_video_open_source(syrinx_video *video, char *message);

/// Makes one stream the one that is read; 0 where there is no such stream.
int syrinx_video_use_stream(syrinx_video *video, int index);

/// Closes the container, not the file.
void syrinx_video_close_source(syrinx_video *video);

/// Reads every packet once: counts the frames, notes their times, checks the limits.
int syrinx_video_count_frames(
    syrinx_video *video, const syrinx_video_limits *limits, syrinx_video_info *info, char *message);
