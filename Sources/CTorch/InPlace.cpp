// What changes tensors in place: optimizers, key-value caches, parameter loading. Never public in Swift.
#include "Support.h"

using namespace syrinx;

bool syrinx_torch_copy_(SyrinxTensor self, SyrinxTensor source) {
    return status_guard([&] { borrow(self).copy_(borrow(source)); });
}

bool syrinx_torch_add_(SyrinxTensor self, SyrinxTensor other, double alpha) {
    return status_guard([&] { borrow(self).add_(borrow(other), at::Scalar(alpha)); });
}

bool syrinx_torch_mul_scalar_(SyrinxTensor self, double factor) {
    return status_guard([&] { borrow(self).mul_(at::Scalar(factor)); });
}

bool syrinx_torch_fused_adamw_(
    SyrinxTensorList parameters, SyrinxTensorList gradients, SyrinxTensorList first_moments,
    SyrinxTensorList second_moments, SyrinxTensorList steps, int64_t count, double learning_rate, double beta1,
    double beta2, double weight_decay, double epsilon) {
    return status_guard([&] {
        const auto first = borrow_list(first_moments, count), second = borrow_list(second_moments, count);
        const std::vector<at::Tensor> no_maxima;
        at::_fused_adamw_(
            borrow_list(parameters, count), borrow_list(gradients, count), first, second, no_maxima,
            borrow_list(steps, count), learning_rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false,
            /*maximize=*/false);
    });
}

bool syrinx_torch_foreach_copy_(SyrinxTensorList destinations, SyrinxTensorList sources, int64_t count) {
    return status_guard([&] { at::_foreach_copy_(borrow_list(destinations, count), borrow_list(sources, count)); });
}

bool syrinx_torch_foreach_mul_(SyrinxTensorList tensors, int64_t count, double factor) {
    return status_guard([&] { at::_foreach_mul_(borrow_list(tensors, count), at::Scalar(factor)); });
}

bool syrinx_torch_foreach_add_(SyrinxTensorList tensors, SyrinxTensorList others, int64_t count, double alpha) {
    return status_guard([&] {
        at::_foreach_add_(borrow_list(tensors, count), borrow_list(others, count), at::Scalar(alpha));
    });
}

SyrinxTensor syrinx_torch_global_norm(SyrinxTensorList tensors, int64_t count) {
    return tensor_guard([&] {
        const std::vector<at::Tensor> norms = at::_foreach_norm(borrow_list(tensors, count), 2);
        return at::linalg_vector_norm(at::stack(norms).to(at::kFloat), 2);
    });
}
