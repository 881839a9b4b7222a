// JPEG through libjpeg-turbo. All calls that may fail by longjmp happen below `run`, whose own frame holds the jump
// target; everything that must survive the jump lives in the `Job` of its caller.

#include "Failure.h"
#include <setjmp.h>
#include <string.h>
// jpeglib.h needs size_t and FILE first.
#include <jerror.h>
#include <jpeglib.h>

// A progressive file may repeat scans without end, each costing a pass over the picture. Real files have under 20.
enum { maximum_scans = 100 };

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    int status;
    char *message;
} ErrorHandler;

typedef struct {
    struct jpeg_decompress_struct decoder;
    ErrorHandler errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    int scale_denominator;
    size_t memory_limit;
    syrinx_codecs_info *info;
    uint8_t *output;
    size_t output_size;
    uint8_t *row;
    /// Whether the header is read, whether the bytes were used up, and two that stand in for more.
    int reads_pixels, ran_out;
    uint8_t end_marker[2];
} Job;

static void fail_with(j_common_ptr decoder, int status, const char *text) {
    ErrorHandler *errors = (ErrorHandler *)decoder->err;
    errors->status = status;
    snprintf(errors->message, SYRINX_CODECS_MESSAGE_SIZE, "%s", text);
    longjmp(errors->jump, 1);
}

static void on_error(j_common_ptr decoder) {
    char text[JMSG_LENGTH_MAX];
    decoder->err->format_message(decoder, text);
    int code = decoder->err->msg_code;
    int memory = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE;
    if (!memory && ((Job *)decoder)->ran_out) {
        fail_with(decoder, SYRINX_CODECS_TRUNCATED, "the JPEG data end before the image does");
    }
    fail_with(decoder, memory ? SYRINX_CODECS_MEMORY : SYRINX_CODECS_DAMAGED,
        memory ? "libjpeg needs more working memory than the limit allows" : text);
}

// Of libjpeg's warnings (level -1), those that say that pixels are lost are failures: it would fill them with grey.
static void on_message(j_common_ptr decoder, int level) {
    Job *job = (Job *)decoder;
    int code = decoder->err->msg_code;
    if (level >= 0 || !decoder->is_decompressor) {
        return;
    }
    if (job->ran_out && (code == JWRN_HIT_MARKER || code == JWRN_MUST_RESYNC)) {
        fail_with(decoder, SYRINX_CODECS_TRUNCATED, "the JPEG data end before the image does");
    } else if (code == JWRN_HIT_MARKER) {
        fail_with(decoder, SYRINX_CODECS_DAMAGED, "libjpeg says: its data end before the last pixel");
    } else if (code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC) {
        char text[JMSG_LENGTH_MAX];
        decoder->err->format_message(decoder, text);
        fail_with(decoder, SYRINX_CODECS_DAMAGED, text);
    }
}

static void on_output(j_common_ptr decoder) { (void)decoder; }

static void source_start(j_decompress_ptr decoder) { (void)decoder; }

// Called only when the bytes are used up: all of them were given at the start. libjpeg looks ahead, so in the pixels this
// is no failure yet: it gets a marker that ends the image and warns where a pixel would have needed more. Arithmetic
// coding does not warn.
static boolean source_refill(j_decompress_ptr decoder) {
    Job *job = (Job *)decoder;
    if (!job->reads_pixels || decoder->arith_code) {
        fail_with((j_common_ptr)decoder, SYRINX_CODECS_TRUNCATED, "the JPEG data end before the image does");
    }
    job->ran_out = 1;
    job->end_marker[0] = 0xFF;
    job->end_marker[1] = JPEG_EOI;
    decoder->src->next_input_byte = job->end_marker;
    decoder->src->bytes_in_buffer = sizeof job->end_marker;
    return TRUE;
}

static void source_skip(j_decompress_ptr decoder, long count) {
    if (count <= 0) {
        return;
    }
    if ((unsigned long)count > decoder->src->bytes_in_buffer) {
        source_refill(decoder); // In the pixels: a segment between scans goes on past the end, where no scan can follow.
        return;
    }
    decoder->src->next_input_byte += count;
    decoder->src->bytes_in_buffer -= (size_t)count;
}

static void source_end(j_decompress_ptr decoder) { (void)decoder; }

static void on_progress(j_common_ptr decoder) {
    if (((j_decompress_ptr)decoder)->input_scan_number > maximum_scans) {
        fail_with(decoder, SYRINX_CODECS_DAMAGED, "the JPEG has more than 100 scans");
    }
}

// Adobe's CMYK is stored inverted: `ink` holds 255 minus each ink. The product is rounded as Pillow rounds it.
static void rgb_from_inverted_cmyk(const uint8_t *ink, uint8_t *rgb, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int light = ink[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - ink[4 * i + c]) * light + 128;
            int value = light - (((product >> 8) + product) >> 8);
            rgb[3 * i + c] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

static int read_header(Job *job) {
    struct jpeg_decompress_struct *decoder = &job->decoder;
    jpeg_create_decompress(decoder);
    decoder->src = &job->source;
    decoder->progress = &job->progress;
    if (job->memory_limit > 0) {
        decoder->mem->max_memory_to_use = (long)job->memory_limit;
    }
    jpeg_read_header(decoder, TRUE);
    int components = decoder->num_components;
    if (components == 4) {
        decoder->out_color_space = JCS_CMYK;
    } else if (components == 1 || components == 3) {
        decoder->out_color_space = JCS_RGB;
    } else {
        return syrinx_codecs_fail(job->errors.message, SYRINX_CODECS_UNSUPPORTED,
            "a JPEG with %d colour components (1, 3 and 4 are read)", components);
    }
    decoder->scale_num = 1;
    decoder->scale_denom = (unsigned)job->scale_denominator;
    jpeg_calc_output_dimensions(decoder);
    return SYRINX_CODECS_OK;
}

// Whether every scan is there: each component has had one, and of a progressive file every bit of every coefficient.
static int has_all_scans(const struct jpeg_decompress_struct *decoder) {
    for (int c = 0; c < decoder->num_components; c++) {
        // Set when the first scan of the component begins.
        if (!decoder->comp_info[c].quant_table) {
            return 0;
        }
        for (int k = 0; decoder->coef_bits && k < DCTSIZE2; k++) {
            if (decoder->coef_bits[c][k] != 0) {
                return 0;
            }
        }
    }
    return 1;
}

static int read_rows(Job *job) {
    struct jpeg_decompress_struct *decoder = &job->decoder;
    job->reads_pixels = 1;
    jpeg_start_decompress(decoder);
    size_t row_size = (size_t)decoder->output_width * 3;
    if (row_size * decoder->output_height != job->output_size) {
        return syrinx_codecs_fail(job->errors.message, SYRINX_CODECS_DAMAGED,
            "the JPEG's size changed between two readings of its header");
    }
    int cmyk = decoder->out_color_space == JCS_CMYK;
    if (cmyk) {
        job->row = decoder->mem->alloc_large(
            (j_common_ptr)decoder, JPOOL_IMAGE, (size_t)decoder->output_width * 4);
    }
    while (decoder->output_scanline < decoder->output_height) {
        uint8_t *target = job->output + decoder->output_scanline * row_size;
        JSAMPROW row = cmyk ? job->row : target;
        if (jpeg_read_scanlines(decoder, &row, 1) == 1 && cmyk) {
            rgb_from_inverted_cmyk(job->row, target, decoder->output_width);
        }
    }
    // Not jpeg_finish_decompress: what stands behind the last pixel is nobody's loss.
    if (job->ran_out && !has_all_scans(decoder)) {
        return syrinx_codecs_fail(
            job->errors.message, SYRINX_CODECS_TRUNCATED, "the JPEG data end before the image does");
    }
    return SYRINX_CODECS_OK;
}

static int run(Job *job) {
    if (setjmp(job->errors.jump)) {
        return job->errors.status;
    }
    int status = read_header(job);
    if (status != SYRINX_CODECS_OK) {
        return status;
    }
    if (job->info) {
        job->info->width = (int32_t)job->decoder.image_width;
        job->info->height = (int32_t)job->decoder.image_height;
        job->info->output_width = (int32_t)job->decoder.output_width;
        job->info->output_height = (int32_t)job->decoder.output_height;
        job->info->output_channels = 3;
        return SYRINX_CODECS_OK;
    }
    return read_rows(job);
}

static int start(Job *job, const uint8_t *bytes, size_t count, int scale_denominator, char *message) {
    job->decoder.err = jpeg_std_error(&job->errors.base);
    job->errors.base.error_exit = on_error;
    job->errors.base.emit_message = on_message;
    job->errors.base.output_message = on_output;
    job->errors.message = message;
    job->source.next_input_byte = bytes;
    job->source.bytes_in_buffer = count;
    job->source.init_source = source_start;
    job->source.fill_input_buffer = source_refill;
    job->source.skip_input_data = source_skip;
    job->source.resync_to_restart = jpeg_resync_to_restart;
    job->source.term_source = source_end;
    job->progress.progress_monitor = on_progress;
    job->scale_denominator = scale_denominator;
    int status = run(job);
    jpeg_destroy_decompress(&job->decoder);
    return status;
}

int syrinx_codecs_jpeg_info(
    const uint8_t *bytes, size_t count, int scale_denominator, syrinx_codecs_info *info, char *message
) {
    Job job;
    memset(&job, 0, sizeof job);
    job.info = info;
    return start(&job, bytes, count, scale_denominator, message);
}

int syrinx_codecs_jpeg_decode(
    const uint8_t *bytes, size_t count, int scale_denominator, size_t memory_limit, uint8_t *output,
    size_t output_size, char *message
) {
    Job job;
    memset(&job, 0, sizeof job);
    job.memory_limit = memory_limit;
    job.output = output;
    job.output_size = output_size;
    return start(&job, bytes, count, scale_denominator, message);
}
