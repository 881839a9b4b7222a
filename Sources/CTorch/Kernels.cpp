// Which kernels of our own this processor can run.
#include "Kernels.h"

#include "include/CTorch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

// Of the thread that calls: a test that forbids them must not reach the tests beside it.
thread_local bool allowed = true;

#if defined(__x86_64__)

/// Registers of CPUID leaf 7 with a subleaf; zeros where there is no such leaf.
struct Leaf7 {
    unsigned a = 0, b = 0, c = 0, d = 0;
    explicit Leaf7(unsigned subleaf) { __get_cpuid_count(7, subleaf, &a, &b, &c, &d); }
};

bool detect_dot_products() {
    // The compiler's check also asks whether the operating system saves the wide registers.
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && (Leaf7(1).a & (1u << 5)) != 0;
}

bool detect_matrix_units() { return (Leaf7(0).d & (1u << 22)) != 0; }

bool detect_slow_floats() {
    return __builtin_cpu_supports("avx512f") && !__builtin_cpu_is("intel") && at::hasMKL();
}

#else
bool detect_dot_products() { return false; }
bool detect_matrix_units() { return false; }
bool detect_slow_floats() { return false; }
#endif

}  // namespace

bool syrinx::vector_kernels_allowed() { return allowed; }

bool syrinx::has_bfloat16_dot_products() {
    static const bool found = detect_dot_products();
    return found && vector_kernels_allowed();
}

bool syrinx::has_matrix_units() {
    static const bool found = detect_matrix_units();
    return found;
}

bool syrinx::prefers_onednn_for_floats() {
    static const bool found = detect_slow_floats();
    return found && vector_kernels_allowed();
}

void syrinx_torch_allow_vector_kernels(bool on) { allowed = on; }
