// HEIC through libheif, which turns the image upright as the container says.

#include "Boxes.h"
#include "Failure.h"
#include <libheif/heif.h>
#include <string.h>

typedef struct {
    struct heif_context *context;
    struct heif_image_handle *handle;
} File;

static int fail_from(struct heif_error error, char *message) {
    if (error.code == heif_error_Memory_allocation_error) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "libheif says: %s", error.message);
    }
    if (error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype
        || error.code == heif_error_Plugin_loading_error) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_UNSUPPORTED, "what libheif calls: %s", error.message);
    }
    if (error.subcode == heif_suberror_End_of_data) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_TRUNCATED, "the HEIC data end before the image does");
    }
    return syrinx_codecs_fail(message, SYRINX_CODECS_DAMAGED, "libheif says: %s", error.message);
}

static void close_file(File *file) {
    heif_image_handle_release(file->handle);
    heif_context_free(file->context);
}

static int open_file(File *file, const uint8_t *bytes, size_t count, char *message) {
    memset(file, 0, sizeof *file);
    file->context = heif_context_alloc();
    if (!file->context) {
        return syrinx_codecs_fail(message, SYRINX_CODECS_MEMORY, "libheif could not be started");
    }
    // The caller checks the size against its own limits between `_info` and `_decode`; a side of 65,535 is its most.
    heif_context_set_maximum_image_size_limit(file->context, 65535);
    heif_context_set_max_decoding_threads(file->context, 0);
    struct heif_error error = heif_context_read_from_memory_without_copy(file->context, bytes, count, NULL);
    if (error.code == heif_error_Ok) {
        error = heif_context_get_primary_image_handle(file->context, &file->handle);
    }
    if (error.code != heif_error_Ok) {
        if (error.code != heif_error_Memory_allocation_error && syrinx_codecs_boxes_are_cut(bytes, count)) {
            error.subcode = heif_suberror_End_of_data;
        }
        int status = fail_from(error, message);
        close_file(file);
        return status;
    }
    return SYRINX_CODECS_OK;
}

int syrinx_codecs_heic_info(const uint8_t *bytes, size_t count, syrinx_codecs_info *info, char *message) {
    File file;
    int status = open_file(&file, bytes, count, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    int has_alpha = heif_image_handle_has_alpha_channel(file.handle);
    info->width = info->output_width = heif_image_handle_get_width(file.handle);
    info->height = info->output_height = heif_image_handle_get_height(file.handle);
    info->output_channels = has_alpha ? 4 : 3;
    info->form = has_alpha ? SYRINX_CODECS_FORM_ALPHA : SYRINX_CODECS_FORM_PLAIN;
    close_file(&file);
    return SYRINX_CODECS_OK;
}

static int copy_rows(const struct heif_image *image, int channels, uint8_t *output, size_t output_size, char *message) {
    int stride = 0;
    const uint8_t *rows = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    int width = heif_image_get_width(image, heif_channel_interleaved);
    int height = heif_image_get_height(image, heif_channel_interleaved);
    if (!rows || width <= 0 || height <= 0 || (size_t)width * (size_t)height * (size_t)channels != output_size) {
        return syrinx_codecs_fail(
            message, SYRINX_CODECS_DAMAGED, "the HEIC decodes to %d x %d pixels, its header says otherwise", width, height);
    }
    size_t row_size = (size_t)width * (size_t)channels;
    for (int y = 0; y < height; y++) {
        memcpy(output + (size_t)y * row_size, rows + (ptrdiff_t)y * stride, row_size);
    }
    return SYRINX_CODECS_OK;
}

int syrinx_codecs_heic_decode(
    const uint8_t *bytes, size_t count, uint8_t *output, size_t output_size, char *message
) {
    File file;
    int status = open_file(&file, bytes, count, message);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    int channels = heif_image_handle_has_alpha_channel(file.handle) ? 4 : 3;
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    if (options) {
        options->convert_hdr_to_8bit = 1;
    }
    struct heif_error error = heif_decode_image(file.handle, &image, heif_colorspace_RGB,
        channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options);
    status = error.code == heif_error_Ok ? copy_rows(image, channels, output, output_size, message)
                                         : fail_from(error, message);
    heif_image_release(image);
    heif_decoding_options_free(options);
    close_file(&file);
    return status;
}
