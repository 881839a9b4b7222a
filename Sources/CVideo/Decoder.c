// Decoding the frames of a stream, in order.

#include "Decoder.h"

int syrinx_video_decoder_open(
    syrinx_video_decoder *decoder, const syrinx_video_container *container, int64_t maximum_pixel_count, char *message
) {
    decoder->frame = av_frame_alloc();
    if (!decoder->frame) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    const AVCodecParameters *parameters = container->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec) {
        return syrinx_video_fail(message, SYRINX_VIDEO_UNSUPPORTED, "its codec is %s, for which there is no decoder",
            avcodec_get_name(parameters->codec_id));
    }
    decoder->context = avcodec_alloc_context3(codec);
    if (!decoder->context || avcodec_parameters_to_context(decoder->context, parameters) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_MEMORY, "there is no memory left");
    }
    decoder->context->pkt_timebase = container->stream->time_base;
    decoder->context->max_pixels = maximum_pixel_count;
    decoder->context->thread_count = 1;
    if (avcodec_open2(decoder->context, codec, NULL) < 0) {
        return syrinx_video_fail(message, SYRINX_VIDEO_DAMAGED, "its %s stream cannot be decoded", codec->name);
    }
    return SYRINX_VIDEO_OK;
}

// Forgets what the decoder holds of earlier packets.
static void begin(syrinx_video_decoder *decoder, int sequential) {
    avcodec_flush_buffers(decoder->context);
    decoder->given = 0;
    decoder->at_end = 0;
    decoder->sequential = sequential;
}

int syrinx_video_decoder_restart(syrinx_video_decoder *decoder, syrinx_video_container *container) {
    char message[SYRINX_VIDEO_MESSAGE_SIZE];
    decoder->sequential = 0;
    if (!container->stream) {
        return 0; // An earlier restart failed.
    }
    int index = container->stream->index;
    if (syrinx_video_container_rewind(container, message) != SYRINX_VIDEO_OK ||
        !syrinx_video_container_use_stream(container, index)) {
        return 0;
    }
    begin(decoder, 1);
    return 1;
}

int syrinx_video_decoder_seek(syrinx_video_decoder *decoder, syrinx_video_container *container, int64_t time) {
    if (av_seek_frame(container->format, container->stream->index, time, AVSEEK_FLAG_BACKWARD) < 0) {
        return 0;
    }
    begin(decoder, 0);
    return 1;
}

int syrinx_video_decoder_next(syrinx_video_decoder *decoder, syrinx_video_container *container) {
    while (1) {
        av_frame_unref(decoder->frame);
        int code = avcodec_receive_frame(decoder->context, decoder->frame);
        if (code >= 0) {
            decoder->last_time = decoder->frame->best_effort_timestamp;
            decoder->given++;
            return 1;
        }
        if (decoder->at_end) {
            return 0;
        }
        if (av_read_frame(container->format, container->packet) < 0) {
            decoder->at_end = 1;
            avcodec_send_packet(decoder->context, NULL);
            continue;
        }
        if (container->packet->stream_index == container->stream->index) {
            avcodec_send_packet(decoder->context, container->packet);
        }
        av_packet_unref(container->packet);
    }
}

void syrinx_video_decoder_close(syrinx_video_decoder *decoder) {
    avcodec_free_context(&decoder->context);
    av_frame_free(&decoder->frame);
}
