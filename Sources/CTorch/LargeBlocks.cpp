// Memory of large CPU tensors on Linux. libtorch's default asks the system for each activation and gives it back, and the
// system clears every page again; and its pages are small, so that reading weights waits for address translation. Here
// large blocks lie in large pages and are kept for the next tensor of their size.
#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#if defined(__linux__)
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

namespace {

/// Smaller tensors are libtorch's affair; sizes are rounded up to the grain, so that similar ones can follow each other.
constexpr size_t kSmallest = 256 << 10, kGrain = 64 << 10, kLargePage = 2 << 20;
/// The most that lies idle.
constexpr size_t kMostIdle = size_t{1} << 30;

/// Blocks in use and idle. In use and idle together never take more than the most that was in use at a time, so keeping
/// blocks raises no peak.
class LargeBlocks final : public c10::Allocator {
  public:
    c10::DataPtr allocate(size_t count) override {
        if (count < kSmallest) return c10::GetDefaultCPUAllocator()->allocate(count);
        void *data = take((count + kGrain - 1) / kGrain * kGrain);
        return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
    void copy_data(void *destination, const void *source, size_t count) const override {
        default_copy_data(destination, source, count);
    }

    static LargeBlocks &shared() {
        // Never destroyed: tensors may outlive every destructor.
        static auto *blocks = new LargeBlocks;
        return *blocks;
    }

  private:
    std::mutex mutex_;
    std::unordered_map<void *, size_t> used_;
    std::multimap<size_t, void *> idle_;
    size_t used_bytes_ = 0, idle_bytes_ = 0, most_used_ = 0;

    void *take(size_t size) {
        const std::lock_guard lock(mutex_);
        void *data = nullptr;
        if (const auto found = idle_.find(size); found != idle_.end()) {
            data = found->second;
            idle_.erase(found);
            idle_bytes_ -= size;
        } else {
            most_used_ = std::max(most_used_, used_bytes_ + size);
            shrink(most_used_ - used_bytes_ - size);
            data = map(size);
            if (data == nullptr) {
                shrink(0);
                data = map(size);
            }
            TORCH_CHECK(data != nullptr, "can't allocate memory: ", size, " bytes were asked for");
        }
        used_[data] = size;
        used_bytes_ += size;
        most_used_ = std::max(most_used_, used_bytes_);
        return data;
    }

    void free(void *data) {
        const std::lock_guard lock(mutex_);
        const auto found = used_.find(data);
        if (found == used_.end()) {  // a small one, through `raw_deleter`
            c10::GetDefaultCPUAllocator()->raw_deleter()(data);
            return;
        }
        const size_t size = found->second;
        used_.erase(found);
        used_bytes_ -= size;
        idle_.emplace(size, data);
        idle_bytes_ += size;
        shrink(kMostIdle);
    }

    /// Gives idle blocks back to the system, largest first, until at most `limit` bytes are left.
    void shrink(size_t limit) {
        while (idle_bytes_ > limit) {
            const auto last = std::prev(idle_.end());
            munmap(last->second, last->first);
            idle_bytes_ -= last->first;
            idle_.erase(last);
        }
    }

    /// Fresh memory, in large pages as far as it fills them; nil when there is none.
    static void *map(size_t size) {
        const size_t align = size < kLargePage ? 0 : kLargePage, room = size + align;
        void *start = room < size ? MAP_FAILED
                                  : mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED) return nullptr;
        char *first = static_cast<char *>(start);
        if (align == 0) return first;
        const size_t before = (align - reinterpret_cast<uintptr_t>(first) % align) % align;
        if (before > 0) munmap(first, before);
        if (before < align) munmap(first + before + size, align - before);
        madvise(first + before, size / kLargePage * kLargePage, MADV_HUGEPAGE);
        return first + before;
    }

    static void give_back(void *data) { shared().free(data); }
};

__attribute__((constructor)) void install() {
    constexpr uint8_t priority = 1;
    c10::SetAllocator(c10::DeviceType::CPU, &LargeBlocks::shared(), priority);
}

}  // namespace
#endif
