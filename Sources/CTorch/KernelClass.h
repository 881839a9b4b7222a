// Classes of processors, by the widest instructions that our kernels use there, and one version of a loop for each.
#pragma once

#include <cstdint>

namespace syrinx {

/// In ascending order: each x86-64 class has the instructions of those before it.
enum class KernelClass : int32_t { portable = 0, neon = 1, avx2 = 2, avx512 = 3, avx512_bf16 = 4, amx = 5 };

/// The machine's own class, or the lower one that `SYRINX_KERNEL_CLASS` names.
KernelClass machine_class();

/// The class whose kernels this thread runs: the machine's, unless a scope limits it.
KernelClass kernel_class();

/// Limits the calling thread to a class while it lives; our parallel loops hand the limit on.
class ClassLimit {
  public:
    explicit ClassLimit(KernelClass highest);
    ~ClassLimit();
    ClassLimit(const ClassLimit &) = delete;
    ClassLimit &operator=(const ClassLimit &) = delete;
    /// The calling thread's limit.
    static KernelClass current();

  private:
    const KernelClass outer;
};

}  // namespace syrinx

#if defined(__x86_64__)
#define SYRINX_AVX2 __attribute__((target("arch=haswell")))
#define SYRINX_AVX512 __attribute__((target("avx512f")))
#define SYRINX_AVX512_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

/// Defines `name_of`, which runs the inlined function `name` compiled for the calling thread's class.
#define FOR_EACH_CLASS(name, parameters, arguments) \
    SYRINX_AVX512 void name##_avx512 parameters { name arguments; } \
    SYRINX_AVX2 void name##_avx2 parameters { name arguments; } \
    void name##_portable parameters { name arguments; } \
    void name##_of parameters { \
        const auto chosen = syrinx::kernel_class(); \
        if (chosen >= syrinx::KernelClass::avx512) return name##_avx512 arguments; \
        if (chosen == syrinx::KernelClass::avx2) return name##_avx2 arguments; \
        name##_portable arguments; \
    }
#else
// Elsewhere the compiler's default target has the vectors that there are (NEON on arm64).
#define FOR_EACH_CLASS(name, parameters, arguments) \
    void name##_of parameters { name arguments; }
#endif
