// Opening a video, and decoding its frames by number.

#include "Video.h"
#include <libavutil/display.h>
#include <libavutil/log.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void silence(void) { av_log_set_level(AV_LOG_QUIET); }

static int sign(int32_t value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

// EXIF's number for a display matrix of quarter turns and mirrors; 1 for any other.
static int32_t orientation(const AVStream *stream) {
    const uint8_t *data = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    const AVPacketSideData *side = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    data = side && side->size >= 9 * sizeof(int32_t) ? side->data : NULL;
#else
    size_t size = 0;
    data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    data = size >= 9 * sizeof(int32_t) ? data : NULL;
#endif
    if (!data) {
        return 1;
    }
    int32_t matrix[9];
    memcpy(matrix, data, sizeof matrix);
    // Stored (x, y) is shown at (a x + c y, b x + d y), moved into view.
    int a = sign(matrix[0]), b = sign(matrix[1]), c = sign(matrix[3]), d = sign(matrix[4]);
    static const int known[8][4] = {
        {1, 0, 0, 1}, {-1, 0, 0, 1}, {-1, 0, 0, -1}, {1, 0, 0, -1},
        {0, 1, 1, 0}, {0, 1, -1, 0}, {0, -1, -1, 0}, {0, -1, 1, 0},
    };
    for (int i = 0; i < 8; i++) {
        if (known[i][0] == a && known[i][1] == b && known[i][2] == c && known[i][3] == d) {
            return i + 1;
        }
    }
    return 1;
}

static int open_decoder(syrinx_video *video, int64_t maximum_pixel_count, char *message) {
    const AVCodecParameters *parameters = video->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec) {
        return syrinx_video_fail(message, SYRINX_VIDEO_UNSUPPORTED, "its codec is %s, for which there is no decoder",
            avcodec_get_name(parameters->codec_id));
    }
    video->decoder = avcodec_alloc_context3(codec);
    if (!video->decoder || avcodec_parameters_to_context(video->decoder, parameters) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    video->decoder->pkt_timebase = video->stream->time_base;
    video->decoder->max_pixels = maximum_pixel_count;
    video->decoder->thread_count = 1;
    if (avcodec_open2(video->decoder, codec, NULL) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "its %s stream cannot be decoded", codec->name);
    }
    return SYRINX_VIDEO_OK;
}

static int choose_stream(syrinx_video *video, const syrinx_video_limits *limits, char *message) {
    int index = av_find_best_stream(video->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0 || (video->format->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
        return syrinx_video_fail(message, SYRINX_VIDEO_NO_PICTURES, "%s",
            video->format->nb_streams > 0 ? "it holds sound or data, but no moving picture" : "it holds no stream");
    }
    syrinx_video_use_stream(video, index);
    const AVCodecParameters *parameters = video->stream->codecpar;
    if (parameters->width <= 0 || parameters->height <= 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "its frames have no size");
    }
    if ((int64_t)parameters->width * parameters->height > limits->maximum_pixel_count) {
        return syrinx_video_fail(message, SYRINX_VIDEO_TOO_LARGE,
            "its frames claim %d x %d pixels, more than the %lld allowed", parameters->width, parameters->height,
            (long long)limits->maximum_pixel_count);
    }
    return SYRINX_VIDEO_OK;
}

// Puts the reader before the first frame, whatever the container can or cannot seek.
static int restart(syrinx_video *video) {
    char message[SYRINX_VIDEO_MESSAGE_SIZE];
    video->sequential = 0;
    if (!video->stream) {
        return 0; // An earlier restart failed.
    }
    int index = video->stream->index;
    if (syrinx_video_open_source(video, message) != SYRINX_VIDEO_OK || !syrinx_video_use_stream(video, index)) {
        return 0;
    }
    avcodec_flush_buffers(video->decoder);
    video->given = 0;
    video->at_end = 0;
    video->sequential = 1;
    return 1;
}

// Puts the reader at the key frame at or before a time.
static int seek_key(syrinx_video *video, int64_t time) {
    if (av_seek_frame(video->format, video->stream->index, time, AVSEEK_FLAG_BACKWARD) < 0) {
        return 0;
    }
    avcodec_flush_buffers(video->decoder);
    video->given = 0;
    video->at_end = 0;
    video->sequential = 0;
    return 1;
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
    video->file = -1;
    video->packet = av_packet_alloc();
    video->frame = av_frame_alloc();
    video->rgb = av_frame_alloc();
    int status = video->packet && video->frame && video->rgb
        ? SYRINX_VIDEO_OK
        : syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_open_file(video, path, limits->maximum_byte_count, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = syrinx_video_open_source(video, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = choose_stream(video, limits, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        status = open_decoder(video, limits->maximum_pixel_count, message);
    }
    if (status == SYRINX_VIDEO_OK) {
        info->width = video->stream->codecpar->width;
        info->height = video->stream->codecpar->height;
        info->orientation = orientation(video->stream);
        info->claimed_frame_count = video->stream->nb_frames;
        snprintf(info->container, sizeof info->container, "%s", video->format->iformat->name);
        snprintf(info->codec, sizeof info->codec, "%s", avcodec_get_name(video->stream->codecpar->codec_id));
        status = syrinx_video_count_frames(video, limits, info, message);
    }
    if (status == SYRINX_VIDEO_OK && !restart(video)) {
        status = syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "it cannot be read a second time");
    }
    if (status != SYRINX_VIDEO_OK) {
        syrinx_video_close(video);
        return status;
    }
    *result = video;
    return SYRINX_VIDEO_OK;
}

// The decoder's next frame in `video->frame`; 0 at the end. What cannot be decoded is left out, as players do.
static int next_frame(syrinx_video *video) {
    while (1) {
        av_frame_unref(video->frame);
        int code = avcodec_receive_frame(video->decoder, video->frame);
        if (code >= 0) {
            video->last_time = video->frame->best_effort_timestamp;
            video->given++;
            return 1;
        }
        if (video->at_end) {
            return 0;
        }
        if (av_read_frame(video->format, video->packet) < 0) {
            video->at_end = 1;
            avcodec_send_packet(video->decoder, NULL);
            continue;
        }
        if (video->packet->stream_index == video->stream->index) {
            avcodec_send_packet(video->decoder, video->packet);
        }
        av_packet_unref(video->packet);
    }
}

// The last of `count` ascending times that is at most `time`; the first where none is.
static int64_t at_most(const int64_t *times, int64_t count, int64_t time) {
    int64_t low = 0, high = count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (times[middle] <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return times[low];
}

// Goes to a frame by its time, over key frames; 0 where the file does not keep what its packets promised.
static int find_by_time(syrinx_video *video, int64_t time) {
    int64_t key = at_most(video->key_times, video->key_count, time);
    int at_start = video->sequential && video->given == 0;
    int is_ahead = video->given > 0 && video->last_time < time && key <= video->last_time;
    if (!is_ahead && !(at_start && key == video->key_times[0]) && !seek_key(video, key)) {
        return 0;
    }
    while (next_frame(video)) {
        if (video->last_time == time) {
            return 1;
        }
        if (video->last_time == AV_NOPTS_VALUE || video->last_time > time) {
            return 0;
        }
    }
    return 0;
}

// Goes to a frame by counting from the start; 0 where there are fewer frames, whose number is then `video->given`.
static int find_by_counting(syrinx_video *video, int64_t index) {
    if ((!video->sequential || video->given > index) && !restart(video)) {
        return 0;
    }
    while (video->given <= index) {
        if (!next_frame(video)) {
            return 0;
        }
    }
    return 1;
}

// The scaler for a frame, with the colours that the frame says it has.
static int prepare_scaler(syrinx_video *video, int32_t width, int32_t height) {
    const AVFrame *frame = video->frame;
    video->scaler = sws_getCachedContext(video->scaler, frame->width, frame->height, frame->format, width, height,
        AV_PIX_FMT_RGB24, SWS_BICUBIC, NULL, NULL, NULL);
    if (!video->scaler) {
        return 0;
    }
    int *inverse, *table, source_range, range, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(
            video->scaler, &inverse, &source_range, &table, &range, &brightness, &contrast, &saturation) >= 0) {
        if (frame->color_range != AVCOL_RANGE_UNSPECIFIED) {
            source_range = frame->color_range == AVCOL_RANGE_JPEG;
        }
        sws_setColorspaceDetails(video->scaler, sws_getCoefficients(frame->colorspace), source_range, table, range,
            brightness, contrast, saturation);
    }
    return 1;
}

static int convert(syrinx_video *video, int32_t width, int32_t height, uint8_t *output, char *message) {
    AVFrame *rgb = video->rgb;
    if (!prepare_scaler(video, width, height)) {
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
    const AVFrame *frame = video->frame;
    if (sws_scale(video->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, rgb->data,
            rgb->linesize) != height) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "a frame cannot be converted to RGB");
    }
    for (int32_t row = 0; row < height; row++) {
        memcpy(output + (size_t)row * width * 3, rgb->data[0] + (ptrdiff_t)row * rgb->linesize[0], (size_t)width * 3);
    }
    return SYRINX_VIDEO_OK;
}

int syrinx_video_frame(
    syrinx_video *video, int64_t index, int32_t width, int32_t height, uint8_t *output, int64_t *frame_count,
    char *message
) {
    if (video->times && !(index < video->time_count && find_by_time(video, video->times[index]))) {
        // Frames are missing or have other times than their packets: from here on they are counted.
        free(video->times);
        video->times = NULL;
        video->sequential = 0;
    }
    if (!video->times && !find_by_counting(video, index)) {
        *frame_count = video->given;
        return video->given > 0
            ? syrinx_video_fail(message, SYRINX_VIDEO_END, "it has only %lld frames", (long long)video->given)
            : syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "none of its frames can be decoded");
    }
    return convert(video, width, height, output, message);
}

void syrinx_video_close(syrinx_video *video) {
    if (!video) {
        return;
    }
    sws_freeContext(video->scaler);
    avcodec_free_context(&video->decoder);
    syrinx_video_close_source(video);
    av_packet_free(&video->packet);
    av_frame_free(&video->frame);
    av_frame_free(&video->rgb);
    free(video->times);
    free(video->key_times);
    if (video->file >= 0) {
        close(video->file);
    }
    free(video);
}
