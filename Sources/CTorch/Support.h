// What every file of this target shares: borrowing handles, and the guard no C++ exception passes.
#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "include/CTorch.h"

namespace syrinx {

extern std::atomic<int64_t> live_tensors;
extern thread_local int64_t thread_tensor_balance;

void record_error(const char *message, int32_t kind) noexcept;

/// Runs `body`; a C++ exception becomes the thread's recorded error and `failure` is returned instead.
template <class Result, class Body>
Result guard(Result failure, Body &&body) noexcept {
    try {
        return body();
    } catch (const c10::OutOfMemoryError &error) {
        record_error(error.what_without_backtrace(), SYRINX_ERROR_OUT_OF_MEMORY);
    } catch (const c10::Error &error) {
        const char *message = error.what_without_backtrace();
        // The CPU allocator reports a shortage as an ordinary error: tell it apart by its fixed wording.
        const bool shortage = std::string(message).find("can't allocate memory") != std::string::npos;
        record_error(message, shortage ? SYRINX_ERROR_OUT_OF_MEMORY : SYRINX_ERROR_USAGE);
    } catch (const std::bad_alloc &) {
        record_error("out of memory", SYRINX_ERROR_OUT_OF_MEMORY);
    } catch (const std::exception &error) {
        record_error(error.what(), SYRINX_ERROR_OTHER);
    } catch (...) {
        record_error("an unknown C++ exception", SYRINX_ERROR_OTHER);
    }
    return failure;
}

/// A new reference to the tensor behind a borrowed handle.
inline at::Tensor borrow(SyrinxTensor handle) {
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::unsafe_reclaim_from_nonowning(
        reinterpret_cast<c10::TensorImpl *>(handle)));
}

inline std::optional<at::Tensor> borrow_optional(SyrinxTensor handle) {
    if (handle == nullptr) return std::nullopt;
    return borrow(handle);
}

/// Hands the tensor's reference to the caller.
inline SyrinxTensor release(at::Tensor tensor) {
    live_tensors.fetch_add(1, std::memory_order_relaxed);
    thread_tensor_balance += 1;
    return reinterpret_cast<SyrinxTensor>(tensor.unsafeReleaseTensorImpl());
}

template <class Body>
SyrinxTensor tensor_guard(Body &&body) noexcept {
    return guard<SyrinxTensor>(nullptr, [&] { return release(body()); });
}

template <class Body>
bool status_guard(Body &&body) noexcept {
    return guard<bool>(false, [&] {
        body();
        return true;
    });
}

inline std::vector<at::Tensor> borrow_list(SyrinxTensorList handles, int64_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) tensors.push_back(borrow(handles[i]));
    return tensors;
}

inline at::IntArrayRef sizes_ref(const int64_t *sizes, int64_t count) {
    return at::IntArrayRef(sizes, static_cast<size_t>(count));
}

inline at::OptionalIntArrayRef dims_ref(const int64_t *dims, int64_t count) {
    if (count == 0) return std::nullopt;
    return at::OptionalIntArrayRef(at::IntArrayRef(dims, static_cast<size_t>(count)));
}

inline c10::Device device_of(int32_t type, int32_t index) {
    return c10::Device(static_cast<c10::DeviceType>(type), static_cast<c10::DeviceIndex>(index));
}

inline at::TensorOptions options(int32_t dtype, int32_t device_type, int32_t device_index) {
    return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(device_of(device_type, device_index));
}

}  // namespace syrinx
