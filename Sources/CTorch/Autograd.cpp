// Gradients: recording modes, backward, and recomputation of a segment's activations.
#include "Support.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

using namespace syrinx;

bool syrinx_torch_set_requires_grad(SyrinxTensor self, bool on) {
    return status_guard([&] { borrow(self).set_requires_grad(on); });
}

bool syrinx_torch_backward(SyrinxTensor self, SyrinxTensor gradient) {
    return status_guard([&] {
        std::vector<at::Tensor> seeds;
        if (gradient != nullptr) seeds.push_back(borrow(gradient));
        torch::autograd::backward({borrow(self)}, seeds);
    });
}

SyrinxTensor syrinx_torch_grad(SyrinxTensor self, bool *present) {
    *present = true;
    return guard<SyrinxTensor>(nullptr, [&]() -> SyrinxTensor {
        const at::Tensor gradient = borrow(self).grad();
        *present = gradient.defined();
        return gradient.defined() ? release(gradient) : nullptr;
    });
}

bool syrinx_torch_set_grad(SyrinxTensor self, SyrinxTensor gradient) {
    return status_guard([&] {
        at::Tensor tensor = borrow(self);
        tensor.mutable_grad() = gradient == nullptr ? at::Tensor() : borrow(gradient);
    });
}

bool syrinx_torch_grad_enabled(void) { return at::GradMode::is_enabled(); }
void syrinx_torch_set_grad_enabled(bool on) { at::GradMode::set_enabled(on); }

void *syrinx_torch_inference_guard(void) {
    return guard<void *>(nullptr, [] { return new c10::InferenceMode(true); });
}

void syrinx_torch_inference_guard_release(void *inference_guard) {
    delete static_cast<c10::InferenceMode *>(inference_guard);
}

namespace {

using Forward = bool (*)(void *, SyrinxTensorList, int64_t, SyrinxTensorReceiver, void *);

/// Takes over a result of a segment.
void collect(void *results, SyrinxTensor handle) {
    static_cast<std::vector<at::Tensor> *>(results)->push_back(borrow(handle));
    syrinx_torch_release(handle);
}

/// The caller's closure, kept alive by whoever may still need to run it.
struct Segment {
    Forward forward;
    void (*release_context)(void *);
    void *context;
    Segment(Forward forward, void (*release_context)(void *), void *context)
        : forward(forward), release_context(release_context), context(context) {}
    Segment(const Segment &) = delete;
    Segment &operator=(const Segment &) = delete;
    ~Segment() { release_context(context); }

    std::vector<at::Tensor> run(const std::vector<at::Tensor> &inputs) const {
        std::vector<SyrinxTensor> handles;
        handles.reserve(inputs.size());
        for (const at::Tensor &input : inputs) {
            handles.push_back(reinterpret_cast<SyrinxTensor>(input.unsafeGetTensorImpl()));
        }
        std::vector<at::Tensor> results;
        if (!forward(context, handles.data(), static_cast<int64_t>(handles.size()), collect, &results)) {
            const std::string message = syrinx_torch_error_message();
            if (syrinx_torch_error_kind() == SYRINX_ERROR_OUT_OF_MEMORY) {
                TORCH_CHECK_WITH(OutOfMemoryError, false, message);
            }
            TORCH_CHECK(false, "a checkpointed segment failed: ", message);
        }
        return results;
    }
};

/// Keeps only the inputs; backward runs the segment again with recording and differentiates that run.
struct Checkpoint : torch::autograd::Function<Checkpoint> {
    static torch::autograd::variable_list forward(
        torch::autograd::AutogradContext *context, at::TensorList inputs, std::shared_ptr<Segment> segment) {
        context->save_for_backward(inputs.vec());
        // A result that the loss does not use has no gradient, rather than one of zeros.
        context->set_materialize_grads(false);
        context->saved_data["segment"] = c10::IValue::make_capsule(c10::make_intrusive<Holder>(segment));
        // Recorded, and the record dropped at once: the kernels for passes without gradients round differently, and the
        // gradients would belong to other activations than the loss.
        const at::AutoGradMode recording(true);
        torch::autograd::variable_list results, constants;
        for (const at::Tensor &result : segment->run(copies(inputs.vec()))) {
            results.push_back(result.detach());
            if (!result.requires_grad()) constants.push_back(results.back());
        }
        context->mark_non_differentiable(constants);
        return results;
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        const std::vector<at::Tensor> inputs = copies(context->get_saved_variables());
        {
            const at::AutoGradMode recording(true);
            const std::vector<at::Tensor> results = context_segment(context)->run(inputs);
            TORCH_CHECK(results.size() == gradients.size(), "a checkpointed segment gave ", gradients.size(),
                        " results first and ", results.size(), " in backward");
            torch::autograd::variable_list used, seeds;
            for (size_t i = 0; i < results.size(); ++i) {
                if (!results[i].requires_grad() || !gradients[i].defined()) continue;
                used.push_back(results[i]);
                seeds.push_back(gradients[i]);
            }
            if (!used.empty()) torch::autograd::backward(used, seeds);
        }
        torch::autograd::variable_list result;
        for (const at::Tensor &input : inputs) result.push_back(input.grad());
        result.push_back(at::Tensor());
        return result;
    }

  private:
    /// The same tensors as leaves of a record of their own.
    static std::vector<at::Tensor> copies(const std::vector<at::Tensor> &tensors) {
        std::vector<at::Tensor> leaves;
        for (const at::Tensor &tensor : tensors) {
            at::Tensor leaf = tensor.detach();
            leaf.set_requires_grad(tensor.requires_grad());
            leaves.push_back(leaf);
        }
        return leaves;
    }

    struct Holder : torch::CustomClassHolder {
        std::shared_ptr<Segment> segment;
        explicit Holder(std::shared_ptr<Segment> segment) : segment(std::move(segment)) {}
    };
    static std::shared_ptr<Segment> context_segment(torch::autograd::AutogradContext *context) {
        return c10::static_intrusive_pointer_cast<Holder>(context->saved_data["segment"].toCapsule())->segment;
    }
};

}  // namespace

bool syrinx_torch_checkpoint(
    SyrinxTensorList inputs, int64_t count, Forward forward, void (*release_context)(void *), void *context,
    SyrinxTensorReceiver receive, void *receiver) {
    return status_guard([&] {
        auto segment = std::make_shared<Segment>(forward, release_context, context);
        const std::vector<at::Tensor> tensors = borrow_list(inputs, count);
        for (const at::Tensor &result : Checkpoint::apply(at::TensorList(tensors), std::move(segment))) {
            receive(receiver, release(result));
        }
    });
}
