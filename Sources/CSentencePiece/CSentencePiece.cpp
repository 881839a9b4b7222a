#include "include/CSentencePiece.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

struct syrinx_sp_model {
    sentencepiece::SentencePieceProcessor processor;
};

namespace {

char *copied(std::string_view text) {
    char *copy = static_cast<char *>(std::malloc(text.size() + 1));
    if (copy == nullptr) std::abort();
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = 0;
    return copy;
}

// The library prefixes its messages with the source line and the failed condition: "file.cc(12) [a == b] Reason".
char *reason(const sentencepiece::util::Status &status) {
    std::string message = status.error_message();
    size_t condition = message.find(") [");
    size_t end = message.rfind("] ");
    if (condition != std::string::npos && end != std::string::npos && end > condition) {
        std::string explanation = message.substr(end + 2);
        message = explanation.empty() ? "the library expects " + message.substr(condition + 3, end - condition - 3)
                                      : explanation;
    }
    return copied(message.empty() ? "the library gave no reason" : message);
}

// Runs the body and turns whatever it throws into a reason.
template <typename Body> char *guarded(Body body) noexcept {
    try {
        return body();
    } catch (const std::exception &error) {
        return copied(error.what());
    } catch (...) {
        return copied("unknown C++ exception");
    }
}

// Hands the trainer one sentence after the other, from memory or from the lines of files.
class Sentences final : public sentencepiece::SentenceIterator {
  public:
    explicit Sentences(const syrinx_sp_sentences &source) : source_(source) { Next(); }

    bool done() const override { return done_; }
    const std::string &value() const override { return value_; }
    sentencepiece::util::Status status() const override { return status_; }

    void Next() override {
        if (index_ < source_.sentence_count) {
            size_t start = index_ == 0 ? 0 : source_.ends[index_ - 1];
            value_.assign(source_.bytes + start, source_.ends[index_] - start);
            index_ += 1;
            return;
        }
        while (true) {
            if (file_.is_open() && std::getline(file_, value_)) {
                if (!value_.empty() && value_.back() == '\r') value_.pop_back();
                return;
            }
            if (file_.is_open() && file_.bad()) return fail("cannot read ", path_ - 1);
            if (path_ == source_.path_count) break;
            file_ = std::ifstream(source_.paths[path_], std::ios::binary);
            path_ += 1;
            if (!file_.is_open()) return fail("cannot open ", path_ - 1);
        }
        value_.clear();
        done_ = true;
    }

  private:
    void fail(const char *what, size_t path) {
        std::string message = std::string(what) + source_.paths[path];
        status_ = sentencepiece::util::Status(sentencepiece::util::StatusCode::kNotFound, message);
        value_.clear();
        done_ = true;
    }

    const syrinx_sp_sentences &source_;
    size_t index_ = 0;
    size_t path_ = 0;
    std::ifstream file_;
    std::string value_;
    sentencepiece::util::Status status_;
    bool done_ = false;
};

std::mutex training;

}  // namespace

char *syrinx_sp_load(const void *bytes, size_t count, syrinx_sp_model **model) {
    *model = nullptr;
    return guarded([&]() -> char * {
        auto loaded = std::make_unique<syrinx_sp_model>();
        auto status =
            loaded->processor.LoadFromSerializedProto(std::string_view(static_cast<const char *>(bytes), count));
        if (!status.ok()) return reason(status);
        *model = loaded.release();
        return nullptr;
    });
}

void syrinx_sp_free(syrinx_sp_model *model) {
    delete model;
}

char *syrinx_sp_encode(const syrinx_sp_model *model, const char *text, size_t count, int32_t **ids, size_t *id_count) {
    *ids = nullptr;
    *id_count = 0;
    return guarded([&]() -> char * {
        std::vector<int> encoded;
        auto status = model->processor.Encode(std::string_view(text, count), &encoded);
        if (!status.ok()) return reason(status);
        if (encoded.empty()) return nullptr;
        *ids = static_cast<int32_t *>(std::malloc(encoded.size() * sizeof(int32_t)));
        if (*ids == nullptr) return copied("no memory for the ids");
        std::copy(encoded.begin(), encoded.end(), *ids);
        *id_count = encoded.size();
        return nullptr;
    });
}

char *syrinx_sp_decode(const syrinx_sp_model *model, const int32_t *ids, size_t id_count, char **text, size_t *count) {
    *text = nullptr;
    *count = 0;
    return guarded([&]() -> char * {
        std::string decoded;
        auto status = model->processor.Decode(std::vector<int>(ids, ids + id_count), &decoded);
        if (!status.ok()) return reason(status);
        *text = copied(decoded);
        *count = decoded.size();
        return nullptr;
    });
}

int32_t syrinx_sp_size(const syrinx_sp_model *model) {
    return model->processor.GetPieceSize();
}

const char *syrinx_sp_piece(const syrinx_sp_model *model, int32_t id, size_t *count) {
    *count = 0;
    if (id < 0 || id >= model->processor.GetPieceSize()) return nullptr;
    const std::string &piece = model->processor.IdToPiece(id);
    *count = piece.size();
    return piece.data();
}

int32_t syrinx_sp_id(const syrinx_sp_model *model, const char *piece, size_t count) {
    // The library answers with the unknown piece's id for what it does not have.
    std::string_view wanted(piece, count);
    int32_t id = model->processor.PieceToId(wanted);
    if (id < 0 || id >= model->processor.GetPieceSize()) return -1;
    return model->processor.IdToPiece(id) == wanted ? id : -1;
}

syrinx_sp_kind syrinx_sp_piece_kind(const syrinx_sp_model *model, int32_t id) {
    if (model->processor.IsUnknown(id)) return syrinx_sp_kind_unknown;
    if (model->processor.IsControl(id)) return syrinx_sp_kind_control;
    if (model->processor.IsUnused(id)) return syrinx_sp_kind_unused;
    if (model->processor.IsByte(id)) return syrinx_sp_kind_byte;
    return syrinx_sp_kind_normal;
}

int32_t syrinx_sp_unknown_id(const syrinx_sp_model *model) {
    return model->processor.unk_id();
}

int32_t syrinx_sp_begin_id(const syrinx_sp_model *model) {
    return model->processor.bos_id();
}

int32_t syrinx_sp_end_id(const syrinx_sp_model *model) {
    return model->processor.eos_id();
}

int32_t syrinx_sp_padding_id(const syrinx_sp_model *model) {
    return model->processor.pad_id();
}

char *syrinx_sp_train(const syrinx_sp_sentences *sentences, const char *const *keys, const char *const *values,
                      size_t option_count, uint32_t seed, char **model_bytes, size_t *count) {
    *model_bytes = nullptr;
    *count = 0;
    return guarded([&]() -> char * {
        std::unordered_map<std::string, std::string> options;
        for (size_t i = 0; i < option_count; i++) options[keys[i]] = values[i];
        std::lock_guard<std::mutex> lock(training);
        sentencepiece::SetRandomGeneratorSeed(seed);
        char *failure = nullptr;
        // The library's random generator belongs to a thread and is seeded when first used there.
        std::thread([&] {
            failure = guarded([&]() -> char * {
                Sentences iterator(*sentences);
                std::string serialised;
                auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &serialised);
                if (!status.ok()) return reason(status);
                *model_bytes = copied(serialised);
                *count = serialised.size();
                return nullptr;
            });
        }).join();
        return failure;
    });
}

void syrinx_sp_release(void *pointer) {
    std::free(pointer);
}
