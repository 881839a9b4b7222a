// A video's frames by number: the file's reader, its timeline, the decoder and the scaler put together.
//
// Each of the four knows only what is before it: Container, then Timeline and Decoder; Scaler knows frames alone.

#include "Decoder.h"
#include "Scaler.h"
#include "Timeline.h"
#include <libavutil/log.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct syrinx_video {
    syrinx_video_container container;
    syrinx_video_timeline timeline;
    syrinx_video_decoder decoder;
    syrinx_video_scaler scaler;
};

static void silence(void) { av_log_set_level(AV_LOG_QUIET); }

static int open_parts(
    syrinx_video *video, const char *path, const syrinx_video_limits *limits, syrinx_video_info *info, char *message
) {
    syrinx_video_container *container = &video->container;
    int status = syrinx_video_container_open(container, path, limits->maximum_byte_count, message);
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_container_rewind(container, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_container_choose_stream(container, limits, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_decoder_open(&video->decoder, container, limits->maximum_pixel_count, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_scaler_open(&video->scaler, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        syrinx_video_container_describe(container, info);
        status = syrinx_video_timeline_read(&video->timeline, container, limits, info, message);
    }
    if (status == SYRINX_VIDEO_OK && !syrinx_video_decoder_restart(&video->decoder, container)) {
        status = syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "it cannot be read a second time");
    }
    return status;
}

int syrinx_video_open(
    const char *path, const syrinx_video_limits *limits, syrinx_video **result, syrinx_video_info *info,
    char *message
) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);
    memset(info, 0, sizeof *info);
    *result = NULL;
    syrinx_video *video = calloc(1, sizeof *video);
    if (!video) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    int status = open_parts(video, path, limits, info, message);
    if (status != SYRINX_VIDEO_OK) {
        syrinx_video_close(video);
        return status;
    }
    *result = video;
    return SYRINX_VIDEO_OK;
}

// Goes to a frame by its time, over key frames; 0 where the file does not keep what its packets promised.
static int find_by_time(syrinx_video *video, int64_t time) {
    syrinx_video_decoder *decoder = &video->decoder;
    int64_t key = syrinx_video_timeline_key(&video->timeline, time);
    int at_start = decoder->sequential && decoder->given == 0;
    int is_ahead = decoder->given > 0 && decoder->last_time < time && key <= decoder->last_time;
    if (!is_ahead && !(at_start && key == video->timeline.key_times[0]) &&
        !syrinx_video_decoder_seek(decoder, &video->container, key)) {
        return 0;
    }
    while (syrinx_video_decoder_next(decoder, &video->container)) {
        if (decoder->last_time == time) {
            return 1;
        }
        if (decoder->last_time == AV_NOPTS_VALUE || decoder->last_time > time) {
            return 0;
        }
    }
    return 0;
}

// Goes to a frame by counting from the start; 0 where there are fewer frames, whose number is then `given`.
static int find_by_counting(syrinx_video *video, int64_t index) {
    syrinx_video_decoder *decoder = &video->decoder;
    if ((!decoder->sequential || decoder->given > index) &&
        !syrinx_video_decoder_restart(decoder, &video->container)) {
        return 0;
    }
    while (decoder->given <= index) {
        if (!syrinx_video_decoder_next(decoder, &video->container)) {
            return 0;
        }
    }
    return 1;
}

int syrinx_video_frame(
    syrinx_video *video, int64_t index, int32_t width, int32_t height, uint8_t *output, int64_t *frame_count,
    char *message
) {
    syrinx_video_timeline *timeline = &video->timeline;
    if (timeline->times && !(index < timeline->time_count && find_by_time(video, timeline->times[index]))) {
        // Frames are missing or have other times than their packets: from here on they are counted.
        syrinx_video_timeline_forget(timeline);
        video->decoder.sequential = 0;
    }
    if (!timeline->times && !find_by_counting(video, index)) {
        *frame_count = video->decoder.given;
        return *frame_count > 0
            ? syrinx_video_fail(message, SYRINX_VIDEO_END, "it has only %lld frames", (long long)*frame_count)
            : syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "none of its frames can be decoded");
    }
    return syrinx_video_scaler_convert(&video->scaler, video->decoder.frame, width, height, output, message);
}

void syrinx_video_close(syrinx_video *video) {
    if (!video) {
        return;
    }
    syrinx_video_scaler_close(&video->scaler);
    syrinx_video_decoder_close(&video->decoder);
    syrinx_video_timeline_forget(&video->timeline);
    syrinx_video_container_close(&video->container);
    free(video);
}
