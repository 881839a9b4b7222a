import CTorch

// Shapes: B batch, T time, D width, H heads, N items, C classes or channels.

/// x W^T + b for x [..., in], W [out, in] and b [out].
public func linear(
    _ input: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    input.binary(weight, file, line) { x, w in Tensor.withOptional(bias) { syrinx_torch_linear(x, w, $0) } }
}

/// Rows of `weight` [V, D] picked by int64 indices [...]; the result is [..., D].
public func embedding(
    _ weight: Tensor, _ indices: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor { weight.binary(indices, file, line, syrinx_torch_embedding) }

/// Layer normalisation over the last dimension.
public func layerNorm(
    _ input: Tensor, weight: Tensor?, bias: Tensor?, epsilon: Double, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor {
    let width = Int64(input.size(-1))
    return input.unary(file, line) { x in
        Tensor.withOptional(weight) { w in
            Tensor.withOptional(bias) { b in syrinx_torch_layer_norm(x, width, w, b, epsilon) }
        }
    }
}

/// Root-mean-square normalisation over the last dimension (Zhang and Sennrich, 2019).
public func rmsNorm(
    _ input: Tensor, weight: Tensor?, epsilon: Double, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let width = Int64(input.size(-1))
    return input.unary(file, line) { x in
        Tensor.withOptional(weight) { syrinx_torch_rms_norm(x, width, $0, epsilon) }
    }
}

/// silu(gate) * up (Shazeer, 2020), for two tensors of one shape.
public func swiGLU(
    gate: Tensor, up: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor { gate.binary(up, file, line, syrinx_torch_swiglu) }

/// The convolution of [N, C, H, W] with kernels [out, C / groups, kH, kW].
public func conv2d(
    _ input: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    input.binary(weight, file, line) { x, w in
        Tensor.withOptional(bias) { syrinx_torch_conv2d(x, w, $0, Int64(stride), Int64(padding), Int64(groups)) }
    }
}

/// The filter ``interpolate(_:height:width:mode:alignCorners:antialias:file:line:)`` uses.
public enum InterpolationMode: Sendable {
    case bilinear
    case bicubic
}

/// [N, C, H, W] resized to [N, C, height, width].
public func interpolate(
    _ input: Tensor, height: Int, width: Int, mode: InterpolationMode, alignCorners: Bool = false,
    antialias: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    input.unary(file, line) {
        switch mode {
        case .bilinear:
            syrinx_torch_interpolate_bilinear($0, Int64(height), Int64(width), alignCorners, antialias)
        case .bicubic:
            syrinx_torch_interpolate_bicubic($0, Int64(height), Int64(width), alignCorners, antialias)
        }
    }
}

/// Averages over an output grid: cell k of n covers input rows floor(k*i/n) ..< ceil((k+1)*i/n).
public func adaptiveAvgPool2d(
    _ input: Tensor, height: Int, width: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor { input.unary(file, line) { syrinx_torch_adaptive_avg_pool2d($0, Int64(height), Int64(width)) } }

/// Sampling positions [N, H, W, 2] of the affine maps theta [N, 2, 3] over outputs of shape [N, C, H, W].
public func affineGrid(
    _ theta: Tensor, shape: [Int], file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let sizes = shape.map(Int64.init)
    return theta.unary(file, line) { syrinx_torch_affine_grid($0, sizes, Int64(sizes.count)) }
}

/// [N, C, H, W] sampled bilinearly at grid positions; outside is zero, or the border's value.
public func gridSample(
    _ input: Tensor, _ grid: Tensor, borderPadding: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor { input.binary(grid, file, line) { syrinx_torch_grid_sample($0, $1, borderPadding) } }

/// How a loss combines its items.
public enum Reduction: Int32, Sendable {
    case none = 0
    case mean = 1
    case sum = 2
}

/// The label that is left out of the loss.
public let ignoreIndex = -100

/// Cross-entropy of logits [N, C] against int64 labels [N]; `ignoreIndex` labels count for nothing.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, reduction: Reduction = .mean, ignoreIndex: Int = ignoreIndex,
    labelSmoothing: Double = 0, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    logits.binary(labels, file, line) {
        syrinx_torch_cross_entropy($0, $1, reduction.rawValue, Int64(ignoreIndex), labelSmoothing)
    }
}

/// Elements zeroed with this probability, the others scaled up, from a named generator.
public func dropout(
    _ input: Tensor, probability: Double, generator: Generator, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    if probability == 0 { return input }
    return input.unary(file, line) { x in
        generator.withHandle { syrinx_torch_dropout(x, probability, $0) }
    }
}

/// Rotary position embedding of [B, H, T, D] (Su et al., 2021).
///
/// - Parameters:
///   - cosine: cosines of the angles, [T, D/2] or [B, 1, T, D/2].
///   - sine: sines, in the same shape.
///   - interleaved: whether coordinates (2i, 2i+1) form a pair (GPT-J, AXLearn) or (i, i + D/2) do (Hugging Face Llama).
public func rotary(
    _ input: Tensor, cosine: Tensor, sine: Tensor, interleaved: Bool, file: StaticString = #fileID,
    line: UInt = #line
) -> Tensor { input.ternary(cosine, sine, file, line) { syrinx_torch_rotary($0, $1, $2, interleaved) } }
