#pragma once

#include "Failure.h"
#include <libavformat/avformat.h>

/// An open file as FFmpeg reads it, packet by packet, with the one stream that is read. Knows nothing of decoding.
typedef struct {
    int file;
    AVIOContext *io;
    AVFormatContext *format;
    /// The stream that is read; null while the container is closed.
    AVStream *stream;
    /// Where packets are read into.
    AVPacket *packet;
} syrinx_video_container;

/// Opens `path`, which must be a regular file. What it has taken, `syrinx_video_container_close` gives back, also after
/// a failure.
int syrinx_video_container_open(
    syrinx_video_container *container, const char *path, int64_t maximum_byte_count, char *message);

/// Reads the container from its first byte, closing what was open.
int syrinx_video_container_rewind(syrinx_video_container *container, char *message);

/// Makes the best stream of moving images the one that is read, if its frames are within the limits.
int syrinx_video_container_choose_stream(
    syrinx_video_container *container, const syrinx_video_limits *limits, char *message);

/// Makes one stream the one that is read; 0 where there is no such stream.
int syrinx_video_container_use_stream(syrinx_video_container *container, int index);

/// What the container and its stream say of themselves.
void syrinx_video_container_describe(const syrinx_video_container *container, syrinx_video_info *info);

/// Closes the container and the file.
void syrinx_video_container_close(syrinx_video_container *container);
