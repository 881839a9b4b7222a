// Life, creation and reading of tensors; errors; devices and threads.
#include "Support.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <cstring>

namespace syrinx {

std::atomic<int64_t> live_tensors{0};
thread_local int64_t thread_tensor_balance = 0;

namespace {
struct ErrorSlot {
    std::string message;
    int32_t kind = SYRINX_ERROR_NONE;
    int32_t scope_depth = 0;
};
ErrorSlot &slot() {
    thread_local ErrorSlot value;
    return value;
}
}  // namespace

void record_error(const char *message, int32_t kind) noexcept {
    try {
        slot().message = message;
    } catch (...) {
        slot().message.clear();
    }
    slot().kind = kind;
}

}  // namespace syrinx

using namespace syrinx;

const char *syrinx_torch_error_message(void) { return slot().message.c_str(); }
int32_t syrinx_torch_error_kind(void) { return slot().kind; }
int32_t syrinx_torch_scope_depth(void) { return slot().scope_depth; }
void syrinx_torch_scope_enter(void) { slot().scope_depth += 1; }
void syrinx_torch_scope_leave(void) { slot().scope_depth -= 1; }

const char *syrinx_torch_version(void) { return TORCH_VERSION; }

const char *syrinx_torch_build_info(void) {
    static const std::string text = guard<std::string>(std::string(), [] { return at::show_config(); });
    return text.c_str();
}

const char *syrinx_torch_cpu_capability(void) {
    static const std::string text = guard<std::string>(std::string(), [] { return at::get_cpu_capability(); });
    return text.c_str();
}

int32_t syrinx_torch_thread_count(void) { return guard<int32_t>(1, [] { return at::get_num_threads(); }); }

void syrinx_torch_set_thread_count(int32_t count) {
    status_guard([&] { at::set_num_threads(count); });
}

int64_t syrinx_torch_thread_tensor_balance(void) { return thread_tensor_balance; }

int64_t syrinx_torch_live_tensor_count(void) { return live_tensors.load(std::memory_order_relaxed); }

bool syrinx_torch_load_cuda(void) {
    // The operators register themselves when the library is loaded; nothing here refers to its symbols.
    static const bool loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr;
    return loaded;
}

bool syrinx_torch_cuda_compiled(void) {
    return guard<bool>(false, [] { return at::globalContext().hasCUDA(); });
}

int32_t syrinx_torch_cuda_device_count(void) {
    return guard<int32_t>(0, [] {
        return at::globalContext().hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0;
    });
}

bool syrinx_torch_mps_available(void) {
    return guard<bool>(false, [] { return at::globalContext().hasMPS(); });
}

bool syrinx_torch_synchronize(int32_t device_type, int32_t device_index) {
    return status_guard([&] {
        const c10::Device device = device_of(device_type, device_index);
        if (device.is_cuda()) {
            at::detail::getCUDAHooks().deviceSynchronize(device.index());
        } else if (device.is_mps()) {
            at::detail::getMPSHooks().deviceSynchronize();
        }
    });
}

void syrinx_torch_set_deterministic(bool on) {
    status_guard([&] { at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/true); });
}

void syrinx_torch_release(SyrinxTensor self) {
    live_tensors.fetch_sub(1, std::memory_order_relaxed);
    thread_tensor_balance -= 1;
    status_guard([&] {
        c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(
            reinterpret_cast<c10::TensorImpl *>(self));
    });
}

SyrinxTensor syrinx_torch_alias(SyrinxTensor self) {
    return tensor_guard([&] { return borrow(self); });
}

static const c10::TensorImpl *impl(SyrinxTensor self) { return reinterpret_cast<c10::TensorImpl *>(self); }

int64_t syrinx_torch_dim(SyrinxTensor self) { return impl(self)->dim(); }
int64_t syrinx_torch_size(SyrinxTensor self, int64_t dim) { return impl(self)->sizes()[static_cast<size_t>(dim)]; }
int64_t syrinx_torch_numel(SyrinxTensor self) { return impl(self)->numel(); }
int32_t syrinx_torch_dtype(SyrinxTensor self) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(impl(self)->dtype()));
}
int32_t syrinx_torch_device_type(SyrinxTensor self) { return static_cast<int32_t>(impl(self)->device().type()); }
int32_t syrinx_torch_device_index(SyrinxTensor self) { return impl(self)->device().index(); }
bool syrinx_torch_is_contiguous(SyrinxTensor self) { return impl(self)->is_contiguous(); }
bool syrinx_torch_requires_grad(SyrinxTensor self) { return borrow(self).requires_grad(); }

void *syrinx_torch_data_pointer(SyrinxTensor self) {
    return guard<void *>(nullptr, [&] { return borrow(self).data_ptr(); });
}

bool syrinx_torch_item(SyrinxTensor self, double *result) {
    return status_guard([&] { *result = borrow(self).item().toDouble(); });
}

SyrinxTensor syrinx_torch_full(
    const int64_t *sizes, int64_t count, double value, int32_t dtype, int32_t device_type, int32_t device_index) {
    return tensor_guard(
        [&] { return at::full(sizes_ref(sizes, count), value, options(dtype, device_type, device_index)); });
}

SyrinxTensor syrinx_torch_empty(
    const int64_t *sizes, int64_t count, int32_t dtype, int32_t device_type, int32_t device_index) {
    return tensor_guard([&] { return at::empty(sizes_ref(sizes, count), options(dtype, device_type, device_index)); });
}

SyrinxTensor syrinx_torch_arange(
    double start, double end, double step, int32_t dtype, int32_t device_type, int32_t device_index) {
    return tensor_guard([&] { return at::arange(start, end, step, options(dtype, device_type, device_index)); });
}

SyrinxTensor syrinx_torch_from_bytes(const void *bytes, const int64_t *sizes, int64_t count, int32_t dtype) {
    return tensor_guard([&] {
        at::Tensor result = at::empty(sizes_ref(sizes, count), options(dtype, 0, -1));
        if (result.nbytes() > 0) std::memcpy(result.data_ptr(), bytes, result.nbytes());
        return result;
    });
}

SyrinxTensor syrinx_torch_from_blob(
    void *data, const int64_t *sizes, int64_t count, int32_t dtype, void (*release_context)(void *), void *context) {
    return tensor_guard([&] {
        return at::from_blob(
            data, sizes_ref(sizes, count), [release_context, context](void *) { release_context(context); },
            options(dtype, 0, -1));
    });
}
