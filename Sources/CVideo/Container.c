// The file as FFmpeg sees it: bytes of one regular file, and no way to anything else.

#include "Container.h"
#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { buffer_size = 1 << 16 };

// Containers that hold one stream of frames; not the playlists and scripts that name further files.
static const char containers[] =
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,apng,h264,hevc,m4v,mjpeg,ivf,nut,dv,wtv";

static int read_bytes(void *opaque, uint8_t *buffer, int size) {
    syrinx_video_container *container = opaque;
    ssize_t count;
    do {
        count = read(container->file, buffer, (size_t)size);
    } while (count < 0 && errno == EINTR);
    return count > 0 ? (int)count : count == 0 ? AVERROR_EOF : AVERROR(errno);
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    syrinx_video_container *container = opaque;
    if (whence & AVSEEK_SIZE) {
        struct stat status;
        return fstat(container->file, &status) == 0 ? status.st_size : AVERROR(errno);
    }
    off_t place = lseek(container->file, offset, whence & ~AVSEEK_FORCE);
    return place < 0 ? AVERROR(errno) : place;
}

// A container that asks for another file does not get it.
static int refuse_open(
    AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options
) {
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

int syrinx_video_container_open(
    syrinx_video_container *container, const char *path, int64_t maximum_byte_count, char *message
) {
    container->file = -1;
    container->packet = av_packet_alloc();
    if (!container->packet) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    // Not blocking: opening a pipe that nobody writes to must not hang.
    container->file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (container->file < 0 || fstat(container->file, &status) != 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_UNREADABLE, "%s", strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return syrinx_video_fail(message, SYRINX_VIDEO_UNREADABLE,
            S_ISDIR(status.st_mode) ? "it is a folder, name a file in it" : "it is not a regular file");
    }
    if (status.st_size == 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_FOREIGN, "no bytes at all");
    }
    if (status.st_size > maximum_byte_count) {
        return syrinx_video_fail(message, SYRINX_VIDEO_TOO_LARGE,
            "the file has %lld bytes, more than the %lld allowed", (long long)status.st_size,
            (long long)maximum_byte_count);
    }
    return SYRINX_VIDEO_OK;
}

// Closes the container, not the file.
static void close_format(syrinx_video_container *container) {
    avformat_close_input(&container->format);
    if (container->io) {
        av_freep(&container->io->buffer);
        avio_context_free(&container->io);
    }
    container->stream = NULL;
}

int syrinx_video_container_rewind(syrinx_video_container *container, char *message) {
    close_format(container);
    lseek(container->file, 0, SEEK_SET);
    uint8_t *buffer = av_malloc(buffer_size);
    container->io =
        buffer ? avio_alloc_context(buffer, buffer_size, 0, container, read_bytes, NULL, seek_bytes) : NULL;
    if (!container->io) {
        av_free(buffer);
    }
    container->format = container->io ? avformat_alloc_context() : NULL;
    if (!container->format) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    container->format->pb = container->io;
    container->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    container->format->io_open = refuse_open;
    AVDictionary *options = NULL;
    av_dict_set(&options, "format_whitelist", containers, 0);
    // On failure this frees the context and sets it to null.
    int code = avformat_open_input(&container->format, NULL, NULL, &options);
    av_dict_free(&options);
    if (code < 0) {
        char reason[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(code, reason, sizeof reason);
        return syrinx_video_fail(message, SYRINX_VIDEO_FOREIGN, "%s", reason);
    }
    if (avformat_find_stream_info(container->format, NULL) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "its streams cannot be read");
    }
    return SYRINX_VIDEO_OK;
}

int syrinx_video_container_use_stream(syrinx_video_container *container, int index) {
    if (index < 0 || (unsigned)index >= container->format->nb_streams) {
        return 0;
    }
    for (unsigned i = 0; i < container->format->nb_streams; i++) {
        container->format->streams[i]->discard = (int)i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    container->stream = container->format->streams[index];
    return 1;
}

int syrinx_video_container_choose_stream(
    syrinx_video_container *container, const syrinx_video_limits *limits, char *message
) {
    int index = av_find_best_stream(container->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0 || (container->format->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
        return syrinx_video_fail(message, SYRINX_VIDEO_NO_PICTURES, "%s",
            container->format->nb_streams > 0 ? "it has sound or data, but no video stream" : "it has no stream");
    }
    syrinx_video_container_use_stream(container, index);
    const AVCodecParameters *parameters = container->stream->codecpar;
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

void syrinx_video_container_describe(const syrinx_video_container *container, syrinx_video_info *info) {
    const AVStream *stream = container->stream;
    info->width = stream->codecpar->width;
    info->height = stream->codecpar->height;
    info->orientation = orientation(stream);
    info->claimed_frame_count = stream->nb_frames;
    snprintf(info->container, sizeof info->container, "%s", container->format->iformat->name);
    snprintf(info->codec, sizeof info->codec, "%s", avcodec_get_name(stream->codecpar->codec_id));
}

void syrinx_video_container_close(syrinx_video_container *container) {
    close_format(container);
    av_packet_free(&container->packet);
    if (container->file >= 0) {
        close(container->file);
        container->file = -1;
    }
}
