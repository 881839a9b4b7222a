// Counts frames by their packets, which costs reading the file but no decoding: what a container claims may be a lie.

#include "Timeline.h"
#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t *values;
    int64_t count, capacity;
} List;

static int append(List *list, int64_t value) {
    if (list->count == list->capacity) {
        int64_t capacity = list->capacity ? list->capacity * 2 : 256;
        int64_t *values = realloc(list->values, (size_t)capacity * sizeof *values);
        if (!values) {
            return 0;
        }
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = value;
    return 1;
}

static int ascending(const void *first, const void *second) {
    int64_t a = *(const int64_t *)first, b = *(const int64_t *)second;
    return a < b ? -1 : a > b;
}

static int all_differ(const List *sorted) {
    for (int64_t i = 1; i < sorted->count; i++) {
        if (sorted->values[i] == sorted->values[i - 1]) {
            return 0;
        }
    }
    return 1;
}

// Reads the packets; -1 for a failure whose status is in `*status`.
static int64_t read_packets(
    syrinx_video_container *container, const syrinx_video_limits *limits, List *times, List *keys, int64_t *end,
    int *status, char *message
) {
    int64_t count = 0;
    int timed = 1;
    // A read that fails ends the file: what a cut or damaged file still has is counted.
    while (av_read_frame(container->format, container->packet) >= 0) {
        AVPacket *packet = container->packet;
        int counts = packet->stream_index == container->stream->index && !(packet->flags & AV_PKT_FLAG_DISCARD);
        int64_t time = packet->pts;
        int64_t after = time == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : time + (packet->duration > 0 ? packet->duration : 0);
        int is_key = packet->flags & AV_PKT_FLAG_KEY;
        av_packet_unref(packet);
        if (!counts) {
            continue;
        }
        if (++count > limits->maximum_frame_count) {
            *status = syrinx_video_fail(message, SYRINX_VIDEO_TOO_LARGE, "it has more than the %lld frames allowed",
                (long long)limits->maximum_frame_count);
            return -1;
        }
        timed = timed && time != AV_NOPTS_VALUE;
        if (timed && after > *end) {
            *end = after;
        }
        if (timed && (!append(times, time) || (is_key && !append(keys, time)))) {
            *status = syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
            return -1;
        }
    }
    if (!timed) {
        times->count = keys->count = 0;
    }
    return count;
}

int syrinx_video_timeline_read(
    syrinx_video_timeline *timeline, syrinx_video_container *container, const syrinx_video_limits *limits,
    syrinx_video_info *info, char *message
) {
    List times = {0}, keys = {0};
    int64_t end = INT64_MIN;
    int status = SYRINX_VIDEO_OK;
    int64_t count = read_packets(container, limits, &times, &keys, &end, &status, message);
    if (status == SYRINX_VIDEO_OK && count == 0) {
        status = syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "it has no frames");
    }
    if (status == SYRINX_VIDEO_OK && times.count > 0) {
        qsort(times.values, (size_t)times.count, sizeof *times.values, ascending);
        qsort(keys.values, (size_t)keys.count, sizeof *keys.values, ascending);
        info->seconds = (double)(end - times.values[0]) * av_q2d(container->stream->time_base);
        if (info->seconds > limits->maximum_seconds) {
            status = syrinx_video_fail(message, SYRINX_VIDEO_TOO_LARGE,
                "it is %.0f seconds long, more than the %.0f allowed", info->seconds, limits->maximum_seconds);
        }
    }
    if (status == SYRINX_VIDEO_OK && times.count > 0 && keys.count > 0 && all_differ(&times)) {
        timeline->times = times.values;
        timeline->key_times = keys.values;
        timeline->time_count = times.count;
        timeline->key_count = keys.count;
    } else {
        free(times.values);
        free(keys.values);
    }
    info->frame_count = count;
    return status;
}

int64_t syrinx_video_timeline_key(const syrinx_video_timeline *timeline, int64_t time) {
    int64_t low = 0, high = timeline->key_count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (timeline->key_times[middle] <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return timeline->key_times[low];
}

void syrinx_video_timeline_forget(syrinx_video_timeline *timeline) {
    free(timeline->times);
    free(timeline->key_times);
    memset(timeline, 0, sizeof *timeline);
}
