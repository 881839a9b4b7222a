import CTorch

// Element-wise arithmetic follows PyTorch's broadcasting and type promotion.

extension Tensor {
    // An operator cannot carry its caller's file and line; a failure names the operation and both shapes instead.
    @inline(__always)
    private static func operate(
        _ a: Tensor, _ b: Tensor, _ body: (OpaquePointer, OpaquePointer) -> OpaquePointer?
    ) -> Tensor { a.binary(b, #fileID, #line, body) }

    @inline(__always)
    private static func operate(_ a: Tensor, _ body: (OpaquePointer) -> OpaquePointer?) -> Tensor {
        a.unary(#fileID, #line, body)
    }

    public static func + (a: Tensor, b: Tensor) -> Tensor { operate(a, b, syrinx_torch_add) }
    public static func - (a: Tensor, b: Tensor) -> Tensor { operate(a, b, syrinx_torch_sub) }
    public static func * (a: Tensor, b: Tensor) -> Tensor { operate(a, b, syrinx_torch_mul) }
    public static func / (a: Tensor, b: Tensor) -> Tensor { operate(a, b, syrinx_torch_div) }
    public static func + (a: Tensor, b: Double) -> Tensor { operate(a) { syrinx_torch_add_scalar($0, b) } }
    public static func - (a: Tensor, b: Double) -> Tensor { operate(a) { syrinx_torch_sub_scalar($0, b) } }
    public static func * (a: Tensor, b: Double) -> Tensor { operate(a) { syrinx_torch_mul_scalar($0, b) } }
    public static func / (a: Tensor, b: Double) -> Tensor { operate(a) { syrinx_torch_div_scalar($0, b) } }
    public static func + (a: Double, b: Tensor) -> Tensor { b + a }
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }
    public static func - (a: Double, b: Tensor) -> Tensor { -b + a }
    public static func / (a: Double, b: Tensor) -> Tensor { b.reciprocal() * a }
    public static prefix func - (a: Tensor) -> Tensor { operate(a, syrinx_torch_neg) }

    public func abs(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_abs) }
    public func sign(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_sign)
    }
    public func sqrt(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_sqrt)
    }
    public func rsqrt(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_rsqrt)
    }
    public func square(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_square)
    }
    public func reciprocal(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_reciprocal)
    }
    public func exp(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_exp) }
    public func log(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_log) }
    public func log1p(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_log1p)
    }
    public func sin(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_sin) }
    public func cos(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_cos) }
    public func tanh(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_tanh)
    }
    public func erf(file: StaticString = #fileID, line: UInt = #line) -> Tensor { unary(file, line, syrinx_torch_erf) }
    public func sigmoid(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_sigmoid)
    }
    public func silu(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_silu)
    }
    public func relu(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_relu)
    }
    public func floor(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_floor)
    }
    public func ceil(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_ceil)
    }
    public func round(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_round)
    }

    /// x Phi(x) with the exact error function, or its tanh approximation.
    public func gelu(
        tanhApproximation: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { unary(file, line) { syrinx_torch_gelu($0, tanhApproximation) } }

    /// x sigmoid(1.702 x), the activation of OpenAI's CLIP.
    public func quickGELU(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_quick_gelu)
    }

    public func pow(_ exponent: Double, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_pow_scalar($0, exponent) }
    }

    /// Values limited to `low ... high`; nil leaves a side open.
    public func clamp(
        low: Double? = nil, high: Double? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        unary(file, line) { handle in
            withUnsafePointer(to: low ?? 0) { lowPointer in
                withUnsafePointer(to: high ?? 0) { highPointer in
                    syrinx_torch_clamp(handle, low == nil ? nil : lowPointer, high == nil ? nil : highPointer)
                }
            }
        }
    }

    public func maximum(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, syrinx_torch_maximum)
    }
    public func minimum(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, syrinx_torch_minimum)
    }

    /// self + value * a * b.
    public func addcmul(
        _ a: Tensor, _ b: Tensor, value: Double = 1, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { ternary(a, b, file, line) { syrinx_torch_addcmul($0, $1, $2, value) } }

    /// The matrix product over the last two dimensions, broadcasting the others.
    public func matmul(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, syrinx_torch_matmul)
    }

    /// The batched product of [B, N, M] and [B, M, P].
    public func bmm(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, syrinx_torch_bmm)
    }
}

// MARK: - Comparisons and choices

extension Tensor {
    public func equal(to other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_eq) }
    public func equal(to value: Double) -> Tensor { unary(#fileID, #line) { syrinx_torch_eq_scalar($0, value) } }
    public func notEqual(to other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_ne) }
    public func notEqual(to value: Double) -> Tensor { unary(#fileID, #line) { syrinx_torch_ne_scalar($0, value) } }
    public func less(than other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_lt) }
    public func less(than value: Double) -> Tensor { unary(#fileID, #line) { syrinx_torch_lt_scalar($0, value) } }
    public func lessOrEqual(to value: Double) -> Tensor { unary(#fileID, #line) { syrinx_torch_le_scalar($0, value) } }
    public func lessOrEqual(to other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_le) }
    public func greater(than other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_gt) }
    public func greater(than value: Double) -> Tensor { unary(#fileID, #line) { syrinx_torch_gt_scalar($0, value) } }
    public func greaterOrEqual(to other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_ge) }
    public func greaterOrEqual(to value: Double) -> Tensor {
        unary(#fileID, #line) { syrinx_torch_ge_scalar($0, value) }
    }
    public func logicalNot() -> Tensor { unary(#fileID, #line, syrinx_torch_logical_not) }
    public func logicalAnd(_ other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_logical_and) }
    public func logicalOr(_ other: Tensor) -> Tensor { binary(other, #fileID, #line, syrinx_torch_logical_or) }
    public func isNaN() -> Tensor { unary(#fileID, #line, syrinx_torch_isnan) }
    public func isFinite() -> Tensor { unary(#fileID, #line, syrinx_torch_isfinite) }
    /// Whether every element is true (non-zero), as a bool scalar.
    public func all() -> Tensor { unary(#fileID, #line, syrinx_torch_all) }
    /// Whether any element is true (non-zero), as a bool scalar.
    public func any() -> Tensor { unary(#fileID, #line, syrinx_torch_any) }

    /// Elements of `a` where the bool condition is true, of `b` elsewhere.
    public static func `where`(
        _ condition: Tensor, _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { condition.ternary(a, b, file, line, syrinx_torch_where) }

    /// `value` where the bool mask is true.
    public func maskedFill(
        _ mask: Tensor, value: Double, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { binary(mask, file, line) { syrinx_torch_masked_fill($0, $1, value) } }
}

// MARK: - Reductions

extension Tensor {
    /// The sum over `dims`, or over everything when none are named.
    public func sum(
        dims: [Int] = [], keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_sum($0, $1, $2, keepDim) } }

    public func mean(
        dims: [Int] = [], keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_mean($0, $1, $2, keepDim) } }

    public func variance(
        dims: [Int] = [], unbiased: Bool = true, keepDim: Bool = false, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_var($0, $1, $2, unbiased, keepDim) } }

    public func max(
        dims: [Int] = [], keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_amax($0, $1, $2, keepDim) } }

    public func min(
        dims: [Int] = [], keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_amin($0, $1, $2, keepDim) } }

    /// The vector norm of the given order.
    public func norm(
        order: Double = 2, dims: [Int] = [], keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { reduce(dims, file, line) { syrinx_torch_norm($0, order, $1, $2, keepDim) } }

    /// The int64 index of the largest element along `dim`; the first of equals on the CPU.
    public func argmax(
        dim: Int, keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { unary(file, line) { syrinx_torch_argmax($0, Int64(dim), keepDim) } }

    public func argmin(
        dim: Int, keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { unary(file, line) { syrinx_torch_argmin($0, Int64(dim), keepDim) } }

    public func softmax(dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_softmax($0, Int64(dim)) }
    }
    public func logSoftmax(dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_log_softmax($0, Int64(dim)) }
    }
    public func logsumexp(
        dim: Int, keepDim: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { unary(file, line) { syrinx_torch_logsumexp($0, Int64(dim), keepDim) } }

    /// Running sums along `dim`.
    public func cumsum(dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_cumsum($0, Int64(dim)) }
    }

    /// The `k` largest (or smallest) elements along `dim`, best first, and their int64 indices.
    public func topK(
        _ k: Int, dim: Int = -1, largest: Bool = true, file: StaticString = #fileID, line: UInt = #line
    ) -> (values: Tensor, indices: Tensor) {
        pair(file, line) { syrinx_torch_topk($0, Int64(k), Int64(dim), largest, $1, $2) }
    }

    /// The elements along `dim` in order (equal ones keep theirs), and their int64 indices.
    public func sort(
        dim: Int = -1, descending: Bool = false, file: StaticString = #fileID, line: UInt = #line
    ) -> (values: Tensor, indices: Tensor) {
        pair(file, line) { syrinx_torch_sort($0, Int64(dim), descending, $1, $2) }
    }

    private func reduce(
        _ dims: [Int], _ file: StaticString, _ line: UInt,
        _ body: (OpaquePointer, UnsafePointer<Int64>?, Int64) -> OpaquePointer?
    ) -> Tensor {
        let order = dims.map(Int64.init)
        return unary(file, line) { handle in
            order.withUnsafeBufferPointer { body(handle, $0.baseAddress, Int64($0.count)) }
        }
    }

    private func pair(
        _ file: StaticString, _ line: UInt,
        _ body: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<OpaquePointer?>) -> Bool
    ) -> (values: Tensor, indices: Tensor) {
        withExtendedLifetime(self) {
            guard let handle else { return (.poisoned, .poisoned) }
            var values: OpaquePointer?
            var indices: OpaquePointer?
            guard body(handle, &values, &indices) else {
                recordOrTrap(.current, file, line)
                return (.poisoned, .poisoned)
            }
            return (Tensor(owning: values), Tensor(owning: indices))
        }
    }
}

// MARK: - Conversions

extension Tensor {
    /// The same values in another dtype; the same tensor when nothing changes.
    public func to(_ dtype: DType, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        if self.dtype == dtype { return self }
        let device = device
        return unary(file, line) {
            syrinx_torch_to($0, dtype.rawValue, device.kind.rawValue, Int32(device.index))
        }
    }

    /// The same values on another device; the same tensor when nothing changes.
    public func to(_ device: Device, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        if self.device == device { return self }
        let dtype = dtype
        return unary(file, line) {
            syrinx_torch_to($0, dtype.rawValue, device.kind.rawValue, Int32(device.index))
        }
    }

    /// The same values in memory of their own.
    public func clone(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_clone)
    }
}
