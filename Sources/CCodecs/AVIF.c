// AVIF through libavif, with its own conversion to RGB: the library and the numbers of Pillow.

#include "Boxes.h"
#include "Failure.h"
#include <avif/avif.h>

static int fail_from(avifResult result, char *message) {
    switch (result) {
    case AVIF_RESULT_TRUNCATED_DATA:
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the AVIF data end before the image does");
    case AVIF_RESULT_OUT_OF_MEMORY:
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "libavif found no memory for the image");
    case AVIF_RESULT_NO_CODEC_AVAILABLE:
        return syrinx_codecs_fail(
            message, SYRINX_CODECS_UNSUPPORTED, "AV1, for which this build of libavif has no decoder");
    default:
        return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libavif says: %s", avifResultToString(result));
    }
}

// EXIF's number for the turn and the mirror that the container asks for: first the turn, then the mirror.
static int32_t orientation(const avifImage *image) {
    int turns = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;
    if (!(image->transformFlags & AVIF_TRANSFORM_IMIR)) {
        static const int32_t turned[4] = {1, 8, 3, 6};
        return turned[turns];
    }
#if AVIF_VERSION >= 1000000
    int left_to_right = image->imir.axis;
#else
    int left_to_right = image->imir.mode;
#endif
    static const int32_t mirrored[2][4] = {{4, 5, 2, 7}, {2, 7, 4, 5}};
    return mirrored[left_to_right != 0][turns];
}

static avifDecoder *open_decoder(const uint8_t *bytes, size_t count, char *message, int *status) {
    avifDecoder *decoder = avifDecoderCreate();
    if (!decoder) {
        *status = fail_from(AVIF_RESULT_OUT_OF_MEMORY, message);
        return NULL;
    }
    decoder->maxThreads = 1;
    // The caller checks the size against its own limits between `_info` and `_decode`.
    decoder->imageSizeLimit = AVIF_DEFAULT_IMAGE_SIZE_LIMIT;
    decoder->imageDimensionLimit = 0;
    // Writers leave out properties that readers do not need.
    decoder->strictFlags = AVIF_STRICT_DISABLED;
    avifResult result = avifDecoderSetIOMemory(decoder, bytes, count);
    if (result == AVIF_RESULT_OK) {
        result = avifDecoderParse(decoder);
    }
    if (result != AVIF_RESULT_OK) {
        *status = fail_from(syrinx_codecs_boxes_are_cut(bytes, count) ? AVIF_RESULT_TRUNCATED_DATA : result, message);
        avifDecoderDestroy(decoder);
        return NULL;
    }
    *status = SYRINX_CODECS_OK;
    return decoder;
}

int syrinx_codecs_avif_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    int status;
    avifDecoder *decoder = open_decoder(bytes, count, message, &status);
    if (!decoder) {
        return status;
    }
    info->width = info->output_width = (int32_t)decoder->image->width;
    info->height = info->output_height = (int32_t)decoder->image->height;
    info->output_channels = decoder->alphaPresent ? 4 : 3;
    info->form = decoder->alphaPresent ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    info->orientation = orientation(decoder->image);
    avifDecoderDestroy(decoder);
    return SYRINX_CODECS_OK;
}

int syrinx_codecs_avif_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message
) {
    int status;
    avifDecoder *decoder = open_decoder(bytes, count, message, &status);
    if (!decoder) {
        return status;
    }
    int channels = decoder->alphaPresent ? 4 : 3;
    avifResult result = avifDecoderNextImage(decoder);
    if (result != AVIF_RESULT_OK) {
        status = fail_from(result, message);
    } else if ((size_t)decoder->image->width * decoder->image->height * (size_t)channels != output_size) {
        status = syrinx_codecs_fail(
            message, SYRINX_CODECS_DAMAGED, "the AVIF's size changed between two readings of its header");
    } else {
        avifRGBImage rgb;
        avifRGBImageSetDefaults(&rgb, decoder->image);
        rgb.depth = 8;
        rgb.format = channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
        rgb.pixels = output;
        rgb.rowBytes = decoder->image->width * (uint32_t)channels;
        result = avifImageYUVToRGB(decoder->image, &rgb);
        status = result == AVIF_RESULT_OK ? SYRINX_CODECS_OK : fail_from(result, message);
    }
    avifDecoderDestroy(decoder);
    return status;
}
