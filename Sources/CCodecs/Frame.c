// GIF and BMP through FFmpeg's decoders: each file is one packet, whose first frame is taken. The container is not
// opened, so no playlist and no other file is ever read. Pixels are copied here and not scaled, so that they are those of
// the file.

#include "Check.h"
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <pthread.h>
#include <string.h>

typedef struct {
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    /// Where only the header is wanted, what it says.
    syrinx_codecs_info *info;
    enum AVPixelFormat format;
    syrinx_codecs_check check;
} Job;

static void silence(void) { av_log_set_level(AV_LOG_QUIET); }

// How a pixel format is read: bytes per pixel in the file's order, where red, green, blue and alpha stand in them.
typedef struct {
    enum AVPixelFormat format;
    int size, red, green, blue, alpha;
} Packed;

static const Packed packed_formats[] = {
    {AV_PIX_FMT_RGB24, 3, 0, 1, 2, -1}, {AV_PIX_FMT_BGR24, 3, 2, 1, 0, -1}, {AV_PIX_FMT_RGBA, 4, 0, 1, 2, 3},
    {AV_PIX_FMT_BGRA, 4, 2, 1, 0, 3},   {AV_PIX_FMT_ARGB, 4, 1, 2, 3, 0},   {AV_PIX_FMT_ABGR, 4, 3, 2, 1, 0},
    {AV_PIX_FMT_RGB0, 4, 0, 1, 2, -1},  {AV_PIX_FMT_BGR0, 4, 2, 1, 0, -1},  {AV_PIX_FMT_0RGB, 4, 1, 2, 3, -1},
    {AV_PIX_FMT_0BGR, 4, 3, 2, 1, -1},  {AV_PIX_FMT_GRAY8, 1, 0, 0, 0, -1},
};

static const Packed *packed(enum AVPixelFormat format) {
    for (size_t i = 0; i < sizeof packed_formats / sizeof *packed_formats; i++) {
        if (packed_formats[i].format == format) {
            return &packed_formats[i];
        }
    }
    return NULL;
}

static int is_known(enum AVPixelFormat format) {
    return packed(format) || format == AV_PIX_FMT_PAL8 || format == AV_PIX_FMT_MONOBLACK
        || format == AV_PIX_FMT_MONOWHITE || format == AV_PIX_FMT_RGB555LE || format == AV_PIX_FMT_RGB565LE;
}

static int channel_count(const Job *job) {
    const Packed *known = packed(job->format);
    return known && known->alpha >= 0 && job->check.has_alpha ? 4 : 3;
}

static void put(uint8_t *pixel, unsigned red, unsigned green, unsigned blue) {
    pixel[0] = (uint8_t)red;
    pixel[1] = (uint8_t)green;
    pixel[2] = (uint8_t)blue;
}

static void copy_row(const Job *job, int y, uint8_t *target) {
    const AVFrame *frame = job->frame;
    const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
    const Packed *known = packed(frame->format);
    int channels = channel_count(job);
    for (int x = 0; x < frame->width; x++, target += channels) {
        if (known) {
            const uint8_t *pixel = row + (ptrdiff_t)x * known->size;
            put(target, pixel[known->red], pixel[known->green], pixel[known->blue]);
            if (channels == 4) {
                target[3] = pixel[known->alpha];
            }
            continue;
        }
        switch (frame->format) {
        case AV_PIX_FMT_PAL8: {
            uint32_t colour;
            memcpy(&colour, frame->data[1] + 4 * (size_t)row[x], sizeof colour);
            put(target, colour >> 16 & 255, colour >> 8 & 255, colour & 255);
            break;
        }
        case AV_PIX_FMT_MONOBLACK:
        case AV_PIX_FMT_MONOWHITE: {
            int set = row[x >> 3] >> (7 - (x & 7)) & 1;
            unsigned light = set == (frame->format == AV_PIX_FMT_MONOBLACK) ? 255 : 0;
            put(target, light, light, light);
            break;
        }
        default: { // 5 or 6 bits a colour
            unsigned value = row[2 * x] | (unsigned)row[2 * x + 1] << 8;
            int is_565 = frame->format == AV_PIX_FMT_RGB565LE;
            unsigned red = is_565 ? value >> 11 : value >> 10 & 31;
            unsigned green = is_565 ? (value >> 5 & 63) * 255 / 63 : (value >> 5 & 31) * 255 / 31;
            put(target, red * 255 / 31, green, (value & 31) * 255 / 31);
            break;
        }
        }
    }
}

// Called when the decoder knows size and form, before it has a pixel: where only these are wanted, it goes no further.
static int on_buffer(AVCodecContext *decoder, AVFrame *frame, int flags) {
    Job *job = decoder->opaque;
    job->format = frame->format;
    if (!job->info) {
        return avcodec_default_get_buffer2(decoder, frame, flags);
    }
    job->info->width = job->info->output_width = frame->width;
    job->info->height = job->info->output_height = frame->height;
    job->info->output_channels = channel_count(job);
    job->info->form = job->check.is_indexed ? SYRINX_CODECS_FORM_INDEXED
        : channel_count(job) == 4 ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    return AVERROR_EXIT;
}

static const char *name(int kind) {
    return kind == SYRINX_CODECS_GIF ? "GIF" : "BMP";
}

static int fail_from(int code, int kind, char *message) {
    if (code == AVERROR(ENOMEM)) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "there is no memory left");
    }
    if (code == AVERROR_PATCHWELCOME) {
        return syrinx_codecs_fail(
            message, SYRINX_CODECS_UNSUPPORTED, "a kind of %s that libavcodec does not decode", name(kind));
    }
    return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libavcodec cannot make an image of its data");
}

static int open_job(Job *job, int kind, const uint8_t *bytes, size_t count, char *message) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);
    const AVCodec *codec = avcodec_find_decoder(kind == SYRINX_CODECS_GIF ? AV_CODEC_ID_GIF : AV_CODEC_ID_BMP);
    if (!codec) {
        return syrinx_codecs_fail(
            message, SYRINX_CODECS_UNSUPPORTED, "%s, for which this build of FFmpeg has no decoder", name(kind));
    }
    int counts = job->info == NULL;
    int status = kind == SYRINX_CODECS_GIF ? syrinx_codecs_gif_check(bytes, count, counts, &job->check, message)
                                           : syrinx_codecs_bmp_check(bytes, count, counts, &job->check, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    // Padding that is cut off is put back, as zeros; where only the header is read, what there is will do.
    size_t size = counts && job->check.whole_size > count ? job->check.whole_size : count;
    job->decoder = avcodec_alloc_context3(codec);
    job->packet = av_packet_alloc();
    job->frame = av_frame_alloc();
    if (!job->decoder || !job->packet || !job->frame || size > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE
        || av_new_packet(job->packet, (int)size) < 0) {
        return fail_from(AVERROR(ENOMEM), kind, message);
    }
    memcpy(job->packet->data, bytes, count);
    memset(job->packet->data + count, 0, size - count);
    job->decoder->opaque = job;
    job->decoder->get_buffer2 = on_buffer;
    job->decoder->thread_count = 1;
    // A row that cannot be decoded is a failure.
    job->decoder->err_recognition = AV_EF_EXPLODE;
    if (kind == SYRINX_CODECS_GIF) {
        // As Pillow does: what the first frame does not cover has the palette's first colour, or, where a colour is
        // transparent, that one.
        job->packet->data[SYRINX_CODECS_GIF_BACKGROUND] = 0;
        av_opt_set_int(job->decoder, "trans_color", job->check.transparent_colour, AV_OPT_SEARCH_CHILDREN);
    }
    return avcodec_open2(job->decoder, codec, NULL) < 0
        ? syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "%s, whose decoder cannot be started", name(kind))
        : SYRINX_CODECS_OK;
}

static void close_job(Job *job) {
    av_frame_free(&job->frame);
    av_packet_free(&job->packet);
    avcodec_free_context(&job->decoder);
}

// The first frame in `job->frame`, or, where only the header is wanted, nothing but that.
static int run(Job *job, int kind, char *message) {
    int code = avcodec_send_packet(job->decoder, job->packet);
    if (code >= 0) {
        code = avcodec_receive_frame(job->decoder, job->frame);
    }
    if (code == AVERROR(EAGAIN)) {
        avcodec_send_packet(job->decoder, NULL);
        code = avcodec_receive_frame(job->decoder, job->frame);
    }
    if (job->format != AV_PIX_FMT_NONE && !is_known(job->format)) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "a %s whose pixels are of the kind %s", name(kind),
            av_get_pix_fmt_name(job->format) ? av_get_pix_fmt_name(job->format) : "unknown");
    }
    if (job->info && code == AVERROR_EXIT) {
        return SYRINX_CODECS_OK;
    }
    // A size that FFmpeg refuses by itself is left to the caller's limits, which name it.
    if (job->info && code < 0 && (int64_t)job->check.width * job->check.height >= INT32_MAX / 8) {
        job->info->width = job->info->output_width = job->check.width;
        job->info->height = job->info->output_height = job->check.height;
        job->info->output_channels = 3;
        return SYRINX_CODECS_OK;
    }
    return code < 0 ? fail_from(code, kind, message) : SYRINX_CODECS_OK;
}

int syrinx_codecs_frame_info(int kind, const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    Job job = {.info = info, .format = AV_PIX_FMT_NONE};
    int status = open_job(&job, kind, bytes, count, message);
    if (status == SYRINX_CODECS_OK) {
        status = run(&job, kind, message);
    }
    close_job(&job);
    return status;
}

int syrinx_codecs_frame_decode(
    int kind, const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message
) {
    Job job = {.format = AV_PIX_FMT_NONE};
    int status = open_job(&job, kind, bytes, count, message);
    if (status == SYRINX_CODECS_OK) {
        status = run(&job, kind, message);
    }
    if (status == SYRINX_CODECS_OK) {
        size_t row_size = (size_t)job.frame->width * (size_t)channel_count(&job);
        if (row_size * (size_t)job.frame->height != output_size) {
            status = syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED,
                "its size changed between two readings of its header");
        } else {
            for (int y = 0; y < job.frame->height; y++) {
                copy_row(&job, y, output + (size_t)y * row_size);
            }
        }
    }
    close_job(&job);
    return status;
}
