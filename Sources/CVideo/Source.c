// The file as FFmpeg sees it: bytes of one regular file, and no way to anything else.

#include "Video.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { buffer_size = 1 << 16 };

// Containers that hold one stream of frames; not the playlists and scripts that name further files.
static const char containers[] =
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,apng,h264,hevc,m4v,mjpeg,ivf,nut,dv,wtv";

static int read_bytes(void *opaque, uint8_t *buffer, int size) {
    syrinx_video *video = opaque;
    ssize_t count;
    do {
        count = read(video->file, buffer, (size_t)size);
    } while (count < 0 && errno == EINTR);
    return count > 0 ? (int)count : count == 0 ? AVERROR_EOF : AVERROR(errno);
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    syrinx_video *video = opaque;
    if (whence & AVSEEK_SIZE) {
        struct stat status;
        return fstat(video->file, &status) == 0 ? status.st_size : AVERROR(errno);
    }
    off_t place = lseek(video->file, offset, whence & ~AVSEEK_FORCE);
    return place < 0 ? AVERROR(errno) : place;
}

// A container that asks for another file does not get it.
static int refuse_open(
    AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options
) {
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

int syrinx_video_open_file(syrinx_video *video, const char *path, int64_t maximum_byte_count, char *message) {
    // Not blocking: opening a pipe that nobody writes to must not hang.
    video->file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (video->file < 0 || fstat(video->file, &status) != 0) {
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

void syrinx_video_close_source(syrinx_video *video) {
    avformat_close_input(&video->format);
    if (video->io) {
        av_freep(&video->io->buffer);
        avio_context_free(&video->io);
    }
    video->stream = NULL;
}

int syrinx_video_open_source(syrinx_video *video, char *message) {
    syrinx_video_close_source(video);
    lseek(video->file, 0, SEEK_SET);
    uint8_t *buffer = av_malloc(buffer_size);
    video->io = buffer ? avio_alloc_context(buffer, buffer_size, 0, video, read_bytes, NULL, seek_bytes) : NULL;
    if (!video->io) {
        av_free(buffer);
    }
    video->format = video->io ? avformat_alloc_context() : NULL;
    if (!video->format) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    video->format->pb = video->io;
    video->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    video->format->io_open = refuse_open;
    AVDictionary *options = NULL;
    av_dict_set(&options, "format_whitelist", containers, 0);
    // On failure this frees the context and sets it to null.
    int code = avformat_open_input(&video->format, NULL, NULL, &options);
    av_dict_free(&options);
    if (code < 0) {
        char reason[AV_ERROR_MAX_STRING_SIZE] = "";
        av_strerror(code, reason, sizeof reason);
        return syrinx_video_fail(message, SYRINX_VIDEO_FOREIGN, "%s", reason);
    }
    if (avformat_find_stream_info(video->format, NULL) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "its streams cannot be read");
    }
    return SYRINX_VIDEO_OK;
}

int syrinx_video_use_stream(syrinx_video *video, int index) {
    if (index < 0 || (unsigned)index >= video->format->nb_streams) {
        return 0;
    }
    for (unsigned i = 0; i < video->format->nb_streams; i++) {
        video->format->streams[i]->discard = (int)i == index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    video->stream = video->format->streams[index];
    return 1;
}
