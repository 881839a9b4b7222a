// Named generators: each is a libtorch generator of its own, so that no global random state decides a result.
#include "Support.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>

using namespace syrinx;

namespace {
at::Generator &generator_of(SyrinxGenerator self) { return *reinterpret_cast<at::Generator *>(self); }

std::optional<at::Generator> optional_generator(SyrinxGenerator self) {
    if (self == nullptr) return std::nullopt;
    return generator_of(self);
}
}  // namespace

SyrinxGenerator syrinx_torch_generator(uint64_t seed, int32_t device_type, int32_t device_index) {
    return guard<SyrinxGenerator>(nullptr, [&] {
        const c10::Device device = device_of(device_type, device_index);
        at::Generator made = device.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                             : at::globalContext().defaultGenerator(device).clone();
        made.set_current_seed(seed);
        return reinterpret_cast<SyrinxGenerator>(new at::Generator(made));
    });
}

void syrinx_torch_generator_release(SyrinxGenerator self) { delete reinterpret_cast<at::Generator *>(self); }

SyrinxTensor syrinx_torch_generator_state(SyrinxGenerator self) {
    return tensor_guard([&] { return generator_of(self).get_state(); });
}

bool syrinx_torch_generator_set_state(SyrinxGenerator self, SyrinxTensor state) {
    return status_guard([&] { generator_of(self).set_state(borrow(state)); });
}

bool syrinx_torch_normal_(SyrinxTensor self, double mean, double std, SyrinxGenerator generator) {
    return status_guard([&] { borrow(self).normal_(mean, std, optional_generator(generator)); });
}

bool syrinx_torch_uniform_(SyrinxTensor self, double low, double high, SyrinxGenerator generator) {
    return status_guard([&] { borrow(self).uniform_(low, high, optional_generator(generator)); });
}

SyrinxTensor syrinx_torch_randint(
    int64_t low, int64_t high, const int64_t *sizes, int64_t count, SyrinxGenerator generator, int32_t device_type,
    int32_t device_index) {
    return tensor_guard([&] {
        return at::randint(
            low, high, sizes_ref(sizes, count), optional_generator(generator),
            options(static_cast<int32_t>(at::kLong), device_type, device_index));
    });
}

SyrinxTensor syrinx_torch_randperm(int64_t n, SyrinxGenerator generator) {
    return tensor_guard([&] { return at::randperm(n, optional_generator(generator), at::TensorOptions(at::kLong)); });
}

SyrinxTensor syrinx_torch_multinomial(SyrinxTensor self, int64_t count, bool replacement, SyrinxGenerator generator) {
    return tensor_guard([&] { return borrow(self).multinomial(count, replacement, optional_generator(generator)); });
}

SyrinxTensor syrinx_torch_dropout(SyrinxTensor self, double probability, SyrinxGenerator generator) {
    return tensor_guard([&] {
        const at::Tensor input = borrow(self);
        const at::Tensor kept =
            at::empty_like(input).bernoulli_(1.0 - probability, optional_generator(generator));
        return input * kept.div_(1.0 - probability);
    });
}
