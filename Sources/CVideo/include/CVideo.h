/// A C face of FFmpeg's libraries: a video file's frames as RGB, by number.
///
/// Rules of every function here: nothing ends the process or writes to standard error; no protocol but the one file that
/// was opened is read; a failure returns a status and writes one sentence fragment (no full stop) into `message`.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Room for a failure's text, the closing zero included.
#define SYRINX_VIDEO_MESSAGE_SIZE 256

enum {
    SYRINX_VIDEO_OK = 0,
    /// The file cannot be opened or read.
    SYRINX_VIDEO_UNREADABLE = 1,
    /// The bytes are of no container that is read, or too damaged to tell.
    SYRINX_VIDEO_FOREIGN = 2,
    /// There is no moving picture in it: sound alone, or a cover.
    SYRINX_VIDEO_NO_PICTURES = 3,
    /// More pixels, frames or bytes than the limits allow.
    SYRINX_VIDEO_TOO_LARGE = 4,
    /// This build of the libraries has no decoder for it.
    SYRINX_VIDEO_UNSUPPORTED = 5,
    /// The frames cannot be decoded.
    SYRINX_VIDEO_DAMAGED = 6,
    /// There are fewer frames than the number asked for; `frame_count` says how many.
    SYRINX_VIDEO_END = 7,
    /// There is no memory left.
    SYRINX_VIDEO_MEMORY = 8,
};

/// What is refused before anything is decoded.
typedef struct {
    int64_t maximum_byte_count, maximum_frame_count, maximum_pixel_count;
    double maximum_seconds;
} syrinx_video_limits;

/// What is known of a file once it is open.
typedef struct {
    /// Size of the stored frames in pixels, before they are turned.
    int32_t width, height;
    /// How frames are turned to stand upright: the eight values of EXIF's orientation.
    int32_t orientation;
    /// Frames, counted packet by packet.
    int64_t frame_count;
    /// What the container says they are; 0 where it does not say.
    int64_t claimed_frame_count;
    /// From the first frame to the end of the last; 0 where no packet has a time.
    double seconds;
    /// Names of the container and of the codec.
    char container[32], codec[32];
} syrinx_video_info;

/// An open file.
typedef struct syrinx_video syrinx_video;

/// Opens a regular file and counts its frames without decoding them. `*video` is closed with `syrinx_video_close`.
int syrinx_video_open(
    const char *path, const syrinx_video_limits *limits, syrinx_video **video, syrinx_video_info *info,
    char *message);

/// Decodes frame `index` (from 0, in the order of showing) into `output`, RGB8 rows of `width` by `height` without padding.
///
/// The scaler is FFmpeg's bicubic one. Ascending numbers are fast: what lies between is skipped from key frame to key
/// frame. `*frame_count` is set when the status is `SYRINX_VIDEO_END`.
int syrinx_video_frame(
    syrinx_video *video, int64_t index, int32_t width, int32_t height, uint8_t *output, int64_t *frame_count,
    char *message);

/// Closes the file and frees everything; null is allowed.
void syrinx_video_close(syrinx_video *video);

#ifdef __cplusplus
}
#endif
