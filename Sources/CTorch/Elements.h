// What the element-wise kernels share: elements of float32 and bfloat16 as floats, and one loop per type and processor.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "Kernels.h"

namespace syrinx {

/// bfloat16 as the loops see it.
using Half = uint16_t;

inline bool fits(const at::Tensor &tensor) {
    const auto type = tensor.scalar_type();
    return tensor.device().is_cpu() && (type == at::kFloat || type == at::kBFloat16);
}

#define INLINE __attribute__((always_inline)) inline

INLINE float get(float value) { return value; }
INLINE float get(Half value) {
    const uint32_t bits = static_cast<uint32_t>(value) << 16;
    float result;
    __builtin_memcpy(&result, &bits, sizeof result);
    return result;
}
INLINE void put(float *place, float value) { *place = value; }
/// To the nearest, ties to even; a NaN stays one.
INLINE void put(Half *place, float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    *place = static_cast<Half>(value != value ? 0x7fc0 : rounded);
}

template <class Element>
const Element *pointer(const at::Tensor &tensor) {
    return static_cast<const Element *>(tensor.const_data_ptr());
}
template <class Element>
Element *pointer(at::Tensor &tensor) {
    return static_cast<Element *>(tensor.mutable_data_ptr());
}

/// [B, H, T, D] whose heads' coordinates lie side by side.
inline at::Tensor with_adjacent_coordinates(const at::Tensor &x) { return x.stride(3) == 1 ? x : x.contiguous(); }

/// Calls `body` with a value of the tensor's element type.
template <class Body>
void with_element(const at::Tensor &tensor, Body &&body) {
    if (tensor.scalar_type() == at::kFloat) return body(float());
    body(Half());
}

/// e^x to about 2 units in the last place: range reduction by ln 2 and a polynomial of degree 6, so that it vectorises.
INLINE float exponential(float x) {
    x = std::min(std::max(x, -87.0f), 88.0f);
    const float n = std::floor(x * 1.44269504f + 0.5f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
    float power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return p * power;
}

// A loop for both element types: a template that is inlined into one function per type and class of processors.
#define FOR_BOTH_TYPES(name, parameters, arguments) \
    FOR_EACH_CLASS(name, parameters(float), arguments) \
    FOR_EACH_CLASS(name, parameters(Half), arguments)

}  // namespace syrinx
