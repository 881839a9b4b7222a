#pragma once

// The C face of libsentencepiece: load a model, encode, decode, look pieces up, train a vocabulary.
//
// No C++ exception leaves this file. A function that can fail returns NULL on success, or the reason as a
// zero-terminated string that the caller releases with syrinx_sp_release. A loaded model never changes, so every function
// that takes a const model may be called from several threads at once.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A loaded model.
typedef struct syrinx_sp_model syrinx_sp_model;

/// What a vocabulary entry is for.
typedef enum {
    syrinx_sp_kind_normal = 0,
    syrinx_sp_kind_unknown = 1,
    syrinx_sp_kind_control = 2,
    syrinx_sp_kind_unused = 3,
    syrinx_sp_kind_byte = 4,
} syrinx_sp_kind;

/// Loads a serialised model; `*model` is released with syrinx_sp_free.
char *syrinx_sp_load(const void *bytes, size_t count, syrinx_sp_model **model);

/// Releases a model; NULL is allowed.
void syrinx_sp_free(syrinx_sp_model *model);

/// Encodes UTF-8 text; `*ids` is released with syrinx_sp_release.
char *syrinx_sp_encode(const syrinx_sp_model *model, const char *text, size_t count, int32_t **ids, size_t *id_count);

/// Decodes ids, all of them within the vocabulary, to UTF-8; `*text` is released with syrinx_sp_release.
char *syrinx_sp_decode(const syrinx_sp_model *model, const int32_t *ids, size_t id_count, char **text, size_t *count);

/// How many pieces the vocabulary has.
int32_t syrinx_sp_size(const syrinx_sp_model *model);

/// The UTF-8 of a piece, which the model owns; NULL when the id is outside the vocabulary.
const char *syrinx_sp_piece(const syrinx_sp_model *model, int32_t id, size_t *count);

/// The id of a piece, -1 when the vocabulary does not have it.
int32_t syrinx_sp_id(const syrinx_sp_model *model, const char *piece, size_t count);

/// What a piece is for; user-defined pieces count as normal here. The id must be within the vocabulary.
syrinx_sp_kind syrinx_sp_piece_kind(const syrinx_sp_model *model, int32_t id);

/// The ids of the special pieces, -1 where the model has none.
int32_t syrinx_sp_unknown_id(const syrinx_sp_model *model);
int32_t syrinx_sp_begin_id(const syrinx_sp_model *model);
int32_t syrinx_sp_end_id(const syrinx_sp_model *model);
int32_t syrinx_sp_padding_id(const syrinx_sp_model *model);

/// Where training sentences come from: one buffer cut at `ends`, or the lines of the files at `paths`.
typedef struct {
    const char *bytes;
    const size_t *ends;
    size_t sentence_count;
    const char *const *paths;
    size_t path_count;
} syrinx_sp_sentences;

/// Trains a model with the trainer's own option names; `*model_bytes` is released with syrinx_sp_release.
///
/// Runs one at a time in the process, on a thread of its own, so that the seed alone decides what is random.
char *syrinx_sp_train(const syrinx_sp_sentences *sentences, const char *const *keys, const char *const *values,
                      size_t option_count, uint32_t seed, char **model_bytes, size_t *count);

/// Releases what the functions above handed out.
void syrinx_sp_release(void *pointer);

#ifdef __cplusplus
}
#endif
