import CTorch

extension Tensor {
    /// The same elements in another shape; one size may be -1.
    public func reshape(_ shape: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let sizes = shape.map(Int64.init)
        return unary(file, line) { syrinx_torch_reshape($0, sizes, Int64(sizes.count)) }
    }

    /// The dimensions in another order.
    public func permute(_ dims: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let order = dims.map(Int64.init)
        return unary(file, line) { syrinx_torch_permute($0, order, Int64(order.count)) }
    }

    /// Two dimensions exchanged.
    public func transpose(_ a: Int, _ b: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_transpose($0, Int64(a), Int64(b)) }
    }

    /// A dimension of size 1 inserted before `dim`.
    public func unsqueeze(_ dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_unsqueeze($0, Int64(dim)) }
    }

    /// The dimension removed when its size is 1.
    public func squeeze(_ dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_squeeze($0, Int64(dim)) }
    }

    /// Dimensions `start ... end` merged into one.
    public func flatten(_ start: Int = 0, _ end: Int = -1, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_flatten($0, Int64(start), Int64(end)) }
    }

    /// Dimensions of size 1 repeated without copying; -1 keeps a size.
    public func expand(_ shape: [Int], file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let sizes = shape.map(Int64.init)
        return unary(file, line) { syrinx_torch_expand($0, sizes, Int64(sizes.count)) }
    }

    /// `length` entries of one dimension from `start`, as a view.
    public func narrow(
        dim: Int, start: Int, length: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        unary(file, line) { syrinx_torch_narrow($0, Int64(dim), Int64(start), Int64(length)) }
    }

    /// One entry of a dimension, which disappears.
    public func select(dim: Int, index: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_select($0, Int64(dim), Int64(index)) }
    }

    /// The tensor cut along `dim` into pieces of the given sizes.
    public func split(_ sizes: [Int], dim: Int, file: StaticString = #fileID, line: UInt = #line) -> [Tensor] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return narrow(dim: dim, start: start, length: size, file: file, line: line)
        }
    }

    /// The tensor cut along `dim` into `count` equal pieces.
    ///
    /// - Precondition: the size of `dim` is a multiple of `count`.
    public func chunk(_ count: Int, dim: Int, file: StaticString = #fileID, line: UInt = #line) -> [Tensor] {
        let size = size(dim, file: file, line: line)
        guard check(size % count == 0, "chunk(\(count), dim: \(dim)) of shape \(shape)", file: file, line: line) else {
            return Array(repeating: .poisoned, count: count)
        }
        return split(Array(repeating: size / count, count: count), dim: dim, file: file, line: line)
    }

    /// Each entry of `dim` repeated `repeats` times in a row.
    public func repeatInterleave(_ repeats: Int, dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_repeat_interleave($0, Int64(repeats), Int64(dim)) }
    }

    /// The order of one dimension reversed.
    public func flip(dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_flip($0, Int64(dim)) }
    }

    /// One dimension shifted cyclically.
    public func roll(_ shift: Int, dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_roll($0, Int64(shift), Int64(dim)) }
    }

    /// The lower triangle of the last two dimensions, zero elsewhere.
    public func tril(diagonal: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_tril($0, Int64(diagonal)) }
    }

    /// Row-major memory order, copying only when needed.
    public func contiguous(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_contiguous)
    }

    /// Tensors joined along an existing dimension.
    public static func cat(
        _ tensors: [Tensor], dim: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        guard let result = withHandles(tensors, { syrinx_torch_cat($0, $1, Int64(dim)) }) else { return .poisoned }
        return wrap(result, file, line)
    }

    /// Tensors of one shape joined along a new dimension.
    public static func stack(
        _ tensors: [Tensor], dim: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        guard let result = withHandles(tensors, { syrinx_torch_stack($0, $1, Int64(dim)) }) else { return .poisoned }
        return wrap(result, file, line)
    }
}

// MARK: - Indexing

extension Tensor {
    /// The entries of `dim` that an int64 or int32 vector names, in its order.
    public func indexSelect(dim: Int, _ index: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(index, file, line) { syrinx_torch_index_select($0, Int64(dim), $1) }
    }

    /// Elements picked along `dim` by an int64 tensor of the result's shape.
    public func gather(dim: Int, _ index: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(index, file, line) { syrinx_torch_gather($0, Int64(dim), $1) }
    }

    /// A copy with `source`'s elements written along `dim` at an int64 index of the same shape.
    public func scatter(
        dim: Int, _ index: Tensor, _ source: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { ternary(index, source, file, line) { syrinx_torch_scatter($0, Int64(dim), $1, $2) } }

    /// A copy with `source`'s entries added to the entries of `dim` that `index` names.
    public func indexAdd(
        dim: Int, index: Tensor, source: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { ternary(index, source, file, line) { syrinx_torch_index_add($0, Int64(dim), $1, $2) } }

    /// A copy in which the entries of `dim` that `index` names are `source`'s.
    public func indexCopy(
        dim: Int, index: Tensor, source: Tensor, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { ternary(index, source, file, line) { syrinx_torch_index_copy($0, Int64(dim), $1, $2) } }

    /// The indices of non-zero elements, int64[N, rank].
    public func nonzero(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_nonzero)
    }

    /// int64[..., classes], one where the class is the element.
    public func oneHot(classes: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_one_hot($0, Int64(classes)) }
    }

    /// How often each integer from 0 occurs in an int64 vector.
    public func bincount(minimumLength: Int = 0, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line) { syrinx_torch_bincount($0, Int64(minimumLength)) }
    }
}
