// Which class of kernels this processor can run, and which of them it may.
#include "KernelClass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "Kernels.h"
#include "include/CTorch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

using syrinx::KernelClass;

namespace {

/// A class, and what keeps libtorch, oneDNN and MKL below the instructions of the classes above it.
struct Description {
    KernelClass value;
    const char *name, *aten, *onednn, *mkl;
};

#if defined(__x86_64__)

constexpr Description descriptions[] = {
    {KernelClass::portable, "portable", "default", "SSE41", "SSE4_2"},
    {KernelClass::avx2, "avx2", "avx2", "AVX2", "AVX2"},
    {KernelClass::avx512, "avx512", "avx512", "AVX512_CORE", "AVX512"},
    {KernelClass::avx512_bf16, "avx512_bf16", "avx512", "AVX512_CORE_BF16", "AVX512"},
    {KernelClass::amx, "amx", nullptr, nullptr, nullptr},
};

/// Registers of CPUID leaf 7 with a subleaf; zeros where there is no such leaf.
struct Leaf7 {
    unsigned a = 0, b = 0, c = 0, d = 0;
    explicit Leaf7(unsigned subleaf) { __get_cpuid_count(7, subleaf, &a, &b, &c, &d); }
};

KernelClass detected_class() {
    // The compiler's check also asks whether the operating system saves the wide registers.
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return KernelClass::portable;
    const bool is_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (!is_wide) return KernelClass::avx2;
    if ((Leaf7(1).a & (1u << 5)) == 0) return KernelClass::avx512;
    const unsigned tiles = (1u << 22) | (1u << 24);
    return (Leaf7(0).d & tiles) == tiles ? KernelClass::amx : KernelClass::avx512_bf16;
}

bool detect_float16_products() { return (Leaf7(0).d & (1u << 23)) != 0 || (Leaf7(1).a & (1u << 21)) != 0; }

#else

#if defined(__aarch64__)
constexpr Description descriptions[] = {{KernelClass::neon, "neon", nullptr, nullptr, nullptr}};
KernelClass detected_class() { return KernelClass::neon; }
#else
constexpr Description descriptions[] = {{KernelClass::portable, "portable", nullptr, nullptr, nullptr}};
KernelClass detected_class() { return KernelClass::portable; }
#endif
bool detect_float16_products() { return false; }

#endif

constexpr const char *kVariable = "SYRINX_KERNEL_CLASS";

const Description &description(KernelClass wanted) {
    for (const Description &each : descriptions) {
        if (each.value == wanted) return each;
    }
    return descriptions[0];
}

/// Ends the program: nothing may go on in another class than was asked for.
[[noreturn]] void refuse(const char *wanted, KernelClass highest) {
    std::fprintf(stderr, "error: %s is '%.40s'; unset it or give a class that this processor runs:", kVariable, wanted);
    for (const Description &each : descriptions) {
        if (each.value <= highest) std::fprintf(stderr, " %s", each.name);
    }
    std::fputc('\n', stderr);
    std::exit(2);
}

/// Before libtorch, oneDNN and MKL look at the processor: they read these once, at their first use. What is set stays.
void limit_libraries(const Description &to) {
    if (to.aten != nullptr) setenv("ATEN_CPU_CAPABILITY", to.aten, 0);
    if (to.onednn != nullptr) setenv("ONEDNN_MAX_CPU_ISA", to.onednn, 0);
    if (to.mkl != nullptr) setenv("MKL_ENABLE_INSTRUCTIONS", to.mkl, 0);
}

KernelClass chosen_class() {
    const KernelClass highest = detected_class();
    const char *wanted = std::getenv(kVariable);
    if (wanted == nullptr || *wanted == '\0') return highest;
    for (const Description &each : descriptions) {
        if (std::strcmp(each.name, wanted) != 0 || each.value > highest) continue;
        if (each.value < highest) limit_libraries(each);
        return each.value;
    }
    refuse(wanted, highest);
}

const KernelClass own_class = chosen_class();

// Of the thread that calls: a test that limits it must not reach the tests beside it.
thread_local KernelClass limit = KernelClass::amx;

}  // namespace

KernelClass syrinx::machine_class() { return own_class; }

KernelClass syrinx::kernel_class() { return std::min(own_class, limit); }

KernelClass syrinx::ClassLimit::current() { return limit; }

syrinx::ClassLimit::ClassLimit(KernelClass highest) : outer(limit) { limit = highest; }

syrinx::ClassLimit::~ClassLimit() { limit = outer; }

bool syrinx::has_bfloat16_dot_products() { return kernel_class() >= KernelClass::avx512_bf16; }

bool syrinx::has_matrix_units() { return kernel_class() == KernelClass::amx; }

bool syrinx::prefers_onednn_for_floats() {
#if defined(__x86_64__)
    static const bool is_from_another_maker = !__builtin_cpu_is("intel") && at::hasMKL();
    return is_from_another_maker && kernel_class() >= KernelClass::avx512;
#else
    return false;
#endif
}

bool syrinx::multiplies_fast(at::ScalarType type) {
    if (type == at::kBFloat16) return has_bfloat16_dot_products();
    if (type != at::kHalf) return true;
    static const bool found = detect_float16_products();
    return found && has_bfloat16_dot_products();
}

const char *syrinx_torch_kernel_class(void) { return description(syrinx::kernel_class()).name; }

const char *syrinx_torch_kernel_class_at(int32_t index) {
    constexpr int32_t count = sizeof descriptions / sizeof *descriptions;
    const bool is_there = index >= 0 && index < count && descriptions[index].value <= own_class;
    return is_there ? descriptions[index].name : nullptr;
}

void *syrinx_torch_limit_kernel_class(const char *name) {
    for (const Description &each : descriptions) {
        if (std::strcmp(each.name, name) == 0 && each.value <= own_class) return new syrinx::ClassLimit(each.value);
    }
    return nullptr;
}

void syrinx_torch_lift_kernel_class_limit(void *limit) { delete static_cast<syrinx::ClassLimit *>(limit); }
