#pragma once

#include "Container.h"

/// When each frame is shown, as the packets say.
typedef struct {
    /// Times of all frames in the order of showing; null where some frame has none or two share one.
    int64_t *times;
    /// Times of the key frames among them, ascending.
    int64_t *key_times;
    int64_t time_count, key_count;
} syrinx_video_timeline;

/// Reads every packet once: counts the frames, notes their times, checks the limits.
int syrinx_video_timeline_read(
    syrinx_video_timeline *timeline, syrinx_video_container *container, const syrinx_video_limits *limits,
    syrinx_video_info *info, char *message);

/// The time of the last key frame at or before `time`; of the first key frame where there is none. Needs times.
int64_t syrinx_video_timeline_key(const syrinx_video_timeline *timeline, int64_t time);

/// Frees the times; from then on there are none.
void syrinx_video_timeline_forget(syrinx_video_timeline *timeline);
