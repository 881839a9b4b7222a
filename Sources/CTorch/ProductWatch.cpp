// Which products of 16-bit tensors libtorch was asked for on the CPU: tests see so that none ends in its scalar loop.

// The header's debug checks ask for what only a debug build of libtorch sets.
#ifndef NDEBUG
#define NDEBUG
#endif
#include <ATen/record_function.h>

#include <set>

#include "Support.h"

namespace {

thread_local std::set<std::string> seen;
thread_local at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;

bool is_product(const std::string &name) {
    for (const char *part : {"mm", "mv", "dot", "conv", "linear", "matmul"}) {
        if (name.find(part) != std::string::npos) return true;
    }
    return false;
}

bool is_narrow(const c10::IValue &value) {
    if (!value.isTensor()) return false;
    const at::Tensor &tensor = value.toTensor();
    return tensor.defined() && tensor.device().is_cpu()
        && (tensor.scalar_type() == at::kBFloat16 || tensor.scalar_type() == at::kHalf);
}

std::unique_ptr<at::ObserverContext> note(const at::RecordFunction &function) {
    const std::string name = function.name();
    const auto inputs = function.inputs();
    if (is_product(name) && std::any_of(inputs.begin(), inputs.end(), is_narrow)) seen.insert(name);
    return nullptr;
}

}  // namespace

void syrinx_torch_watch_products(bool on) {
    if (on && handle == at::INVALID_CALLBACK_HANDLE) {
        seen.clear();
        handle = at::addThreadLocalCallback(
            at::RecordFunctionCallback(note).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
    } else if (!on && handle != at::INVALID_CALLBACK_HANDLE) {
        at::removeCallback(handle);
        handle = at::INVALID_CALLBACK_HANDLE;
    }
}

const char *syrinx_torch_watched_products(void) {
    thread_local std::string names;
    names.clear();
    for (const std::string &name : seen) names += (names.empty() ? "" : " ") + name;
    return names.c_str();
}
