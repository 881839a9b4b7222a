// The C face of libtorch: the operations Syrinx calls, and no others.
//
// Rules that hold for every function here:
//  - A handle is a TensorImpl pointer that owns one reference. Functions borrow their arguments and return new handles.
//  - No C++ exception leaves. A failing function returns NULL (or false, or -1) and leaves its message and kind in a
//    thread-local slot, read with syrinx_torch_error_message / syrinx_torch_error_kind.
//  - An optional tensor argument is NULL when absent.
//  - dtypes are c10::ScalarType values; devices are (c10::DeviceType, index) pairs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct syrinx_torch_tensor_impl *SyrinxTensor;
typedef struct syrinx_torch_generator_impl *SyrinxGenerator;
typedef const SyrinxTensor *SyrinxTensorList;

enum { SYRINX_ERROR_NONE = 0, SYRINX_ERROR_USAGE = 1, SYRINX_ERROR_OUT_OF_MEMORY = 2, SYRINX_ERROR_OTHER = 3 };

// --- Errors -------------------------------------------------------------------------------------------------------
const char *syrinx_torch_error_message(void);
int32_t syrinx_torch_error_kind(void);
// A scope in which failures are recorded rather than trapped; scopes nest. `enter` returns the outer scope's state.
int32_t syrinx_torch_scope_depth(void);
void syrinx_torch_scope_enter(void);
void syrinx_torch_scope_leave(void);

// --- Build, threads, devices --------------------------------------------------------------------------------------
const char *syrinx_torch_version(void);
const char *syrinx_torch_build_info(void);
const char *syrinx_torch_cpu_capability(void);
int32_t syrinx_torch_thread_count(void);
void syrinx_torch_set_thread_count(int32_t count);
int64_t syrinx_torch_live_tensor_count(void);
// Handles made on this thread less handles released on it.
int64_t syrinx_torch_thread_tensor_balance(void);
bool syrinx_torch_cuda_compiled(void);
int32_t syrinx_torch_cuda_device_count(void);
bool syrinx_torch_mps_available(void);
// Loads libtorch_cuda when it lies beside libtorch_cpu; false when there is none.
bool syrinx_torch_load_cuda(void);
bool syrinx_torch_synchronize(int32_t device_type, int32_t device_index);
void syrinx_torch_set_deterministic(bool on);
// The class of kernels that this thread runs (`avx2`), and the classes this process can run by index, in ascending order;
// NULL behind the last.
const char *syrinx_torch_kernel_class(void);
const char *syrinx_torch_kernel_class_at(int32_t index);
// Limits this thread to a class until the result is given back on the same thread; NULL for a class that is not there.
void *syrinx_torch_limit_kernel_class(const char *name);
void syrinx_torch_lift_kernel_class_limit(void *limit);
// Notes the products of 16-bit tensors on the CPU that libtorch is asked for from this thread while on, and their names.
void syrinx_torch_watch_products(bool on);
const char *syrinx_torch_watched_products(void);
// Threads that a kernel of ours with enough work runs on.
int64_t syrinx_torch_kernel_thread_count(void);

// --- Tensors: life, creation, reading -----------------------------------------------------------------------------
void syrinx_torch_release(SyrinxTensor self);
// A second handle to the same tensor.
SyrinxTensor syrinx_torch_alias(SyrinxTensor self);
int64_t syrinx_torch_dim(SyrinxTensor self);
int64_t syrinx_torch_size(SyrinxTensor self, int64_t dim);
int64_t syrinx_torch_numel(SyrinxTensor self);
int32_t syrinx_torch_dtype(SyrinxTensor self);
int32_t syrinx_torch_device_type(SyrinxTensor self);
int32_t syrinx_torch_device_index(SyrinxTensor self);
bool syrinx_torch_is_contiguous(SyrinxTensor self);
bool syrinx_torch_requires_grad(SyrinxTensor self);
void *syrinx_torch_data_pointer(SyrinxTensor self);
bool syrinx_torch_item(SyrinxTensor self, double *result);
SyrinxTensor syrinx_torch_full(
    const int64_t *sizes, int64_t count, double value, int32_t dtype, int32_t device_type, int32_t device_index);
SyrinxTensor syrinx_torch_empty(
    const int64_t *sizes, int64_t count, int32_t dtype, int32_t device_type, int32_t device_index);
SyrinxTensor syrinx_torch_arange(
    double start, double end, double step, int32_t dtype, int32_t device_type, int32_t device_index);
SyrinxTensor syrinx_torch_from_bytes(const void *bytes, const int64_t *sizes, int64_t count, int32_t dtype);
// No copy: `release(context)` runs once, on any thread, after the last tensor or view over `data` is gone.
SyrinxTensor syrinx_torch_from_blob(
    void *data, const int64_t *sizes, int64_t count, int32_t dtype, void (*release)(void *), void *context);

// --- Random numbers -----------------------------------------------------------------------------------------------
SyrinxGenerator syrinx_torch_generator(uint64_t seed, int32_t device_type, int32_t device_index);
void syrinx_torch_generator_release(SyrinxGenerator self);
SyrinxTensor syrinx_torch_generator_state(SyrinxGenerator self);
bool syrinx_torch_generator_set_state(SyrinxGenerator self, SyrinxTensor state);
bool syrinx_torch_normal_(SyrinxTensor self, double mean, double std, SyrinxGenerator generator);
bool syrinx_torch_uniform_(SyrinxTensor self, double low, double high, SyrinxGenerator generator);
SyrinxTensor syrinx_torch_randint(
    int64_t low, int64_t high, const int64_t *sizes, int64_t count, SyrinxGenerator generator, int32_t device_type,
    int32_t device_index);
SyrinxTensor syrinx_torch_randperm(int64_t n, SyrinxGenerator generator);
SyrinxTensor syrinx_torch_multinomial(SyrinxTensor self, int64_t count, bool replacement, SyrinxGenerator generator);
SyrinxTensor syrinx_torch_dropout(SyrinxTensor self, double probability, SyrinxGenerator generator);

// --- Element-wise -------------------------------------------------------------------------------------------------
#define SYRINX_TORCH_UNARY(X) \
    X(neg) X(abs) X(sign) X(sqrt) X(rsqrt) X(exp) X(log) X(log1p) X(sin) X(cos) X(tanh) X(sigmoid) X(silu) X(relu) \
    X(floor) X(ceil) X(round) X(reciprocal) X(square) X(isnan) X(isfinite) X(logical_not) X(detach) X(clone) \
    X(contiguous) X(erf) X(isinf)
#define SYRINX_TORCH_BINARY(X) \
    X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(eq) X(ne) X(lt) X(le) X(gt) X(ge) \
    X(logical_and) X(logical_or) X(atan2)
#define SYRINX_TORCH_SCALAR(X) \
    X(add) X(sub) X(mul) X(div) X(pow) X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(remainder)
#define SYRINX_TORCH_DECLARE(name) SyrinxTensor syrinx_torch_##name(SyrinxTensor self);
SYRINX_TORCH_UNARY(SYRINX_TORCH_DECLARE)
#undef SYRINX_TORCH_DECLARE
#define SYRINX_TORCH_DECLARE(name) SyrinxTensor syrinx_torch_##name(SyrinxTensor self, SyrinxTensor other);
SYRINX_TORCH_BINARY(SYRINX_TORCH_DECLARE)
#undef SYRINX_TORCH_DECLARE
#define SYRINX_TORCH_DECLARE(name) SyrinxTensor syrinx_torch_##name##_scalar(SyrinxTensor self, double other);
SYRINX_TORCH_SCALAR(SYRINX_TORCH_DECLARE)
#undef SYRINX_TORCH_DECLARE
SyrinxTensor syrinx_torch_matmul(SyrinxTensor self, SyrinxTensor other);
SyrinxTensor syrinx_torch_bmm(SyrinxTensor self, SyrinxTensor other);
SyrinxTensor syrinx_torch_gelu(SyrinxTensor self, bool tanh_approximation);
SyrinxTensor syrinx_torch_clamp(SyrinxTensor self, const double *low, const double *high);
SyrinxTensor syrinx_torch_to(SyrinxTensor self, int32_t dtype, int32_t device_type, int32_t device_index);
SyrinxTensor syrinx_torch_where(SyrinxTensor condition, SyrinxTensor self, SyrinxTensor other);
SyrinxTensor syrinx_torch_masked_fill(SyrinxTensor self, SyrinxTensor mask, double value);
SyrinxTensor syrinx_torch_addcmul(SyrinxTensor self, SyrinxTensor a, SyrinxTensor b, double value);

// --- Shape --------------------------------------------------------------------------------------------------------
SyrinxTensor syrinx_torch_reshape(SyrinxTensor self, const int64_t *sizes, int64_t count);
SyrinxTensor syrinx_torch_permute(SyrinxTensor self, const int64_t *dims, int64_t count);
SyrinxTensor syrinx_torch_transpose(SyrinxTensor self, int64_t a, int64_t b);
SyrinxTensor syrinx_torch_unsqueeze(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_squeeze(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_flatten(SyrinxTensor self, int64_t start, int64_t end);
SyrinxTensor syrinx_torch_expand(SyrinxTensor self, const int64_t *sizes, int64_t count);
SyrinxTensor syrinx_torch_narrow(SyrinxTensor self, int64_t dim, int64_t start, int64_t length);
SyrinxTensor syrinx_torch_select(SyrinxTensor self, int64_t dim, int64_t index);
SyrinxTensor syrinx_torch_repeat_interleave(SyrinxTensor self, int64_t repeats, int64_t dim);
SyrinxTensor syrinx_torch_flip(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_roll(SyrinxTensor self, int64_t shift, int64_t dim);
SyrinxTensor syrinx_torch_tril(SyrinxTensor self, int64_t diagonal);
SyrinxTensor syrinx_torch_cat(SyrinxTensorList tensors, int64_t count, int64_t dim);
SyrinxTensor syrinx_torch_stack(SyrinxTensorList tensors, int64_t count, int64_t dim);
SyrinxTensor syrinx_torch_index_select(SyrinxTensor self, int64_t dim, SyrinxTensor index);
SyrinxTensor syrinx_torch_gather(SyrinxTensor self, int64_t dim, SyrinxTensor index);
SyrinxTensor syrinx_torch_scatter(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source);
SyrinxTensor syrinx_torch_index_add(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source);
SyrinxTensor syrinx_torch_index_copy(SyrinxTensor self, int64_t dim, SyrinxTensor index, SyrinxTensor source);
SyrinxTensor syrinx_torch_nonzero(SyrinxTensor self);
SyrinxTensor syrinx_torch_one_hot(SyrinxTensor self, int64_t classes);
SyrinxTensor syrinx_torch_bincount(SyrinxTensor self, int64_t minimum_length);

// --- Reductions ---------------------------------------------------------------------------------------------------
SyrinxTensor syrinx_torch_sum(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep);
SyrinxTensor syrinx_torch_mean(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep);
SyrinxTensor syrinx_torch_var(SyrinxTensor self, const int64_t *dims, int64_t count, bool unbiased, bool keep);
SyrinxTensor syrinx_torch_amax(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep);
SyrinxTensor syrinx_torch_amin(SyrinxTensor self, const int64_t *dims, int64_t count, bool keep);
SyrinxTensor syrinx_torch_argmax(SyrinxTensor self, int64_t dim, bool keep);
SyrinxTensor syrinx_torch_argmin(SyrinxTensor self, int64_t dim, bool keep);
SyrinxTensor syrinx_torch_all(SyrinxTensor self);
SyrinxTensor syrinx_torch_any(SyrinxTensor self);
SyrinxTensor syrinx_torch_softmax(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_log_softmax(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_logsumexp(SyrinxTensor self, int64_t dim, bool keep);
SyrinxTensor syrinx_torch_cumsum(SyrinxTensor self, int64_t dim);
SyrinxTensor syrinx_torch_norm(SyrinxTensor self, double order, const int64_t *dims, int64_t count, bool keep);
bool syrinx_torch_topk(
    SyrinxTensor self, int64_t k, int64_t dim, bool largest, SyrinxTensor *values, SyrinxTensor *indices);
bool syrinx_torch_sort(SyrinxTensor self, int64_t dim, bool descending, SyrinxTensor *values, SyrinxTensor *indices);

// --- Neural network functions -------------------------------------------------------------------------------------
SyrinxTensor syrinx_torch_linear(SyrinxTensor input, SyrinxTensor weight, SyrinxTensor bias);
SyrinxTensor syrinx_torch_embedding(SyrinxTensor weight, SyrinxTensor indices);
SyrinxTensor syrinx_torch_layer_norm(
    SyrinxTensor input, int64_t width, SyrinxTensor weight, SyrinxTensor bias, double epsilon);
SyrinxTensor syrinx_torch_rms_norm(SyrinxTensor input, int64_t width, SyrinxTensor weight, double epsilon);
// silu(gate) * up, in one pass each way on the CPU.
SyrinxTensor syrinx_torch_swiglu(SyrinxTensor gate, SyrinxTensor up);
// x * sigmoid(1.702 x), in one pass each way on the CPU.
SyrinxTensor syrinx_torch_quick_gelu(SyrinxTensor self);
SyrinxTensor syrinx_torch_conv2d(
    SyrinxTensor input, SyrinxTensor weight, SyrinxTensor bias, int64_t stride, int64_t padding, int64_t groups);
SyrinxTensor syrinx_torch_adaptive_avg_pool2d(SyrinxTensor input, int64_t height, int64_t width);
SyrinxTensor syrinx_torch_interpolate_bicubic(
    SyrinxTensor input, int64_t height, int64_t width, bool align_corners, bool antialias);
SyrinxTensor syrinx_torch_interpolate_bilinear(
    SyrinxTensor input, int64_t height, int64_t width, bool align_corners, bool antialias);
SyrinxTensor syrinx_torch_affine_grid(SyrinxTensor theta, const int64_t *sizes, int64_t count);
SyrinxTensor syrinx_torch_grid_sample(SyrinxTensor input, SyrinxTensor grid, bool border_padding);
// reduction: 0 none, 1 mean, 2 sum. logits [N, C], labels int64 [N].
SyrinxTensor syrinx_torch_cross_entropy(
    SyrinxTensor logits, SyrinxTensor labels, int32_t reduction, int64_t ignore_index, double label_smoothing);
// Key and value heads may be a divisor of the query heads: each then serves as many.
SyrinxTensor syrinx_torch_scaled_dot_product_attention(
    SyrinxTensor query, SyrinxTensor key, SyrinxTensor value, SyrinxTensor mask, bool causal, const double *scale);
// Rotary position embedding on [B, H, T, D]; cosine and sine are [T, D/2] or [B, 1, T, D/2], interleaved or half-split.
SyrinxTensor syrinx_torch_rotary(SyrinxTensor input, SyrinxTensor cosine, SyrinxTensor sine, bool interleaved);

// --- Autograd -----------------------------------------------------------------------------------------------------
bool syrinx_torch_set_requires_grad(SyrinxTensor self, bool on);
bool syrinx_torch_backward(SyrinxTensor self, SyrinxTensor gradient);
// The accumulated gradient; *present tells whether there is one (NULL with *present true means failure).
SyrinxTensor syrinx_torch_grad(SyrinxTensor self, bool *present);
bool syrinx_torch_set_grad(SyrinxTensor self, SyrinxTensor gradient);
bool syrinx_torch_grad_enabled(void);
void syrinx_torch_set_grad_enabled(bool on);
void *syrinx_torch_inference_guard(void);
void syrinx_torch_inference_guard_release(void *guard);
// Takes over one tensor of a list.
typedef void (*SyrinxTensorReceiver)(void *receiver, SyrinxTensor tensor);
// Runs `forward` without recording, and again with recording during backward (activation checkpointing). `forward` gets
// borrowed inputs, hands its results to `receive` one after the other and tells whether it succeeded; the results of the
// whole go to `receive` in the same order. `release` runs when no backward can need `context` any more.
bool syrinx_torch_checkpoint(
    SyrinxTensorList inputs, int64_t count,
    bool (*forward)(
        void *context, SyrinxTensorList inputs, int64_t count, SyrinxTensorReceiver receive, void *receiver),
    void (*release)(void *), void *context, SyrinxTensorReceiver receive, void *receiver);

// --- In place (optimizers, caches) --------------------------------------------------------------------------------
bool syrinx_torch_copy_(SyrinxTensor self, SyrinxTensor source);
bool syrinx_torch_add_(SyrinxTensor self, SyrinxTensor other, double alpha);
bool syrinx_torch_mul_scalar_(SyrinxTensor self, double factor);
bool syrinx_torch_fused_adamw_(
    SyrinxTensorList parameters, SyrinxTensorList gradients, SyrinxTensorList first_moments,
    SyrinxTensorList second_moments, SyrinxTensorList steps, int64_t count, double learning_rate, double beta1,
    double beta2, double weight_decay, double epsilon);
bool syrinx_torch_foreach_copy_(SyrinxTensorList destinations, SyrinxTensorList sources, int64_t count);
bool syrinx_torch_foreach_mul_(SyrinxTensorList tensors, int64_t count, double factor);
bool syrinx_torch_foreach_add_(SyrinxTensorList tensors, SyrinxTensorList others, int64_t count, double alpha);
SyrinxTensor syrinx_torch_global_norm(SyrinxTensorList tensors, int64_t count);

#ifdef __cplusplus
}
#endif
