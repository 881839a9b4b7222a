// Threads for our own kernels: those of libtorch, whichever it was built with.
#include "Kernels.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "include/CTorch.h"

namespace {

/// One byte for each part of the work, so that a part knows its number; nobody reads or writes them.
constexpr int64_t kMaximumParts = 1024;
char places[kMaximumParts];

}  // namespace

void syrinx::parallel_for(
    int64_t begin, int64_t end, int64_t grain, c10::function_ref<void(int64_t from, int64_t to)> body) {
    const int64_t count = end - begin;
    if (count <= 0) return;
    const int64_t wanted = std::min<int64_t>((count + grain - 1) / grain, at::get_num_threads());
    const int64_t length = (count + std::min(wanted, kMaximumParts) - 1) / std::min(wanted, kMaximumParts);
    const int64_t parts = (count + length - 1) / length;
    if (parts <= 1 || at::in_parallel_region()) return body(begin, end);
    // `at::parallel_for` is a template that stays on one thread unless its caller is compiled with OpenMP, which a Swift package
    // cannot ask for. An iterator's loop is compiled into libtorch.
    auto iterator = at::TensorIteratorConfig()
                        .check_all_same_dtype(false)
                        .set_check_mem_overlap(false)
                        .resize_outputs(false)
                        .add_owned_output(at::from_blob(places, {parts}, at::kByte))
                        .build();
    const KernelClass limit = ClassLimit::current();
    iterator.for_each(
        [&](char **data, const int64_t *strides, int64_t size) {
            const ClassLimit same(limit);
            for (int64_t i = 0; i < size; ++i) {
                const int64_t from = begin + (data[0] + i * strides[0] - places) * length;
                body(from, std::min(end, from + length));
            }
        },
        1);
}

int64_t syrinx_torch_kernel_thread_count(void) {
    std::mutex lock;
    std::set<std::thread::id> threads;
    syrinx::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
        const std::lock_guard<std::mutex> guard(lock);
        threads.insert(std::this_thread::get_id());
    });
    return static_cast<int64_t>(threads.size());
}
