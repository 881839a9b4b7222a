import CTorch

extension Tensor {
    /// A tensor of one repeated value.
    public static func full(
        _ shape: [Int], value: Double, dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        let sizes = shape.map(Int64.init)
        return wrap(
            syrinx_torch_full(
                sizes, Int64(sizes.count), value, dtype.rawValue, device.kind.rawValue, Int32(device.index)),
            file, line)
    }

    /// A tensor of zeros.
    public static func zeros(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor { full(shape, value: 0, dtype: dtype, device: device, file: file, line: line) }

    /// A tensor of ones.
    public static func ones(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor { full(shape, value: 1, dtype: dtype, device: device, file: file, line: line) }

    /// A tensor whose elements are whatever the memory held.
    public static func empty(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        let sizes = shape.map(Int64.init)
        return wrap(
            syrinx_torch_empty(sizes, Int64(sizes.count), dtype.rawValue, device.kind.rawValue, Int32(device.index)),
            file, line)
    }

    /// `0 ..< count` as int64, or another dtype.
    public static func arange(
        _ count: Int, dtype: DType = .int64, device: Device = .cpu, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        wrap(
            syrinx_torch_arange(
                0, Double(count), 1, dtype.rawValue, device.kind.rawValue, Int32(device.index)),
            file, line)
    }

    /// A copy of Swift values, in row-major order.
    ///
    /// - Precondition: the shape's product equals the number of values.
    public convenience init<Element: TensorElement>(
        _ values: [Element], shape: [Int], file: StaticString = #fileID, line: UInt = #line
    ) {
        let product = shape.reduce(1, *)
        guard
            check(
                product == values.count,
                "a tensor of shape \(shape) has \(product) elements, but \(values.count) values were given", file: file,
                line: line)
        else {
            self.init(owning: nil)
            return
        }
        let sizes = shape.map(Int64.init)
        let handle = values.withUnsafeBytes {
            syrinx_torch_from_bytes($0.baseAddress, sizes, Int64(sizes.count), Element.dtype.rawValue)
        }
        if handle == nil { recordOrTrap(.current, file, line) }
        self.init(owning: handle)
    }

    /// A one-dimensional copy of Swift values.
    public convenience init<Element: TensorElement>(_ values: [Element]) { self.init(values, shape: [values.count]) }

    /// A copy of raw little-endian bytes.
    ///
    /// - Precondition: the bytes are exactly those the shape and dtype need.
    public convenience init(
        bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, file: StaticString = #fileID, line: UInt = #line
    ) {
        let needed = shape.reduce(1, *) * dtype.byteCount
        guard
            check(
                needed == bytes.count, "\(dtype)\(shape) takes \(needed) bytes, but \(bytes.count) were given",
                file: file, line: line)
        else {
            self.init(owning: nil)
            return
        }
        let sizes = shape.map(Int64.init)
        let handle = syrinx_torch_from_bytes(bytes.baseAddress, sizes, Int64(sizes.count), dtype.rawValue)
        if handle == nil { recordOrTrap(.current, file, line) }
        self.init(owning: handle)
    }

    /// A zero-dimensional tensor.
    public convenience init(scalar: Double, dtype: DType = .float32, device: Device = .cpu) {
        self.init(
            owning: syrinx_torch_full(
                nil, 0, scalar, dtype.rawValue, device.kind.rawValue, Int32(device.index)))
    }

    /// A tensor over memory that someone else owns; nothing is copied.
    ///
    /// `owner` is retained until the last tensor or view over the memory is gone, and may be released on any thread.
    /// - Precondition: `memory` stays valid, and aligned for `dtype`, as long as `owner` lives.
    public convenience init(
        mapped memory: UnsafeMutableRawPointer, shape: [Int], dtype: DType, owner: AnyObject,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        let sizes = shape.map(Int64.init)
        let context = Unmanaged.passRetained(owner).toOpaque()
        let handle = syrinx_torch_from_blob(
            memory, sizes, Int64(sizes.count), dtype.rawValue,
            { context in if let context { Unmanaged<AnyObject>.fromOpaque(context).release() } }, context)
        if handle == nil { recordOrTrap(.current, file, line) }
        self.init(owning: handle)
    }
}

// MARK: - Reading

extension Tensor {
    /// The single element of a one-element tensor.
    public func item(file: StaticString = #fileID, line: UInt = #line) -> Double {
        withExtendedLifetime(self) {
            guard let handle else { return .nan }
            var value = 0.0
            if !syrinx_torch_item(handle, &value) { recordOrTrap(.current, file, line) }
            return value
        }
    }

    /// All elements in row-major order, converted to `Element`.
    public func array<Element: TensorElement>(of type: Element.Type) -> [Element] {
        if isPoisoned { return [] }
        let ready = detach().to(Element.dtype).to(.cpu).contiguous()
        guard let handle = ready.handle else { return [] }
        return withExtendedLifetime(ready) {
            let count = ready.elementCount
            guard count > 0, let pointer = syrinx_torch_data_pointer(handle) else { return [] }
            return Array(UnsafeRawBufferPointer(start: pointer, count: ready.byteCount).bindMemory(to: Element.self))
        }
    }

    /// Calls `body` with the element bytes of a contiguous CPU tensor.
    ///
    /// - Precondition: the tensor is contiguous and on the CPU.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        precondition(
            isContiguous && device == .cpu, "withUnsafeBytes needs a contiguous tensor on the CPU, not \(self)")
        return try withExtendedLifetime(self) {
            let pointer = handle.flatMap { elementCount > 0 ? syrinx_torch_data_pointer($0) : nil }
            return try body(UnsafeRawBufferPointer(start: pointer, count: pointer == nil ? 0 : byteCount))
        }
    }

    /// A copy of the element bytes, little-endian, row-major.
    public func bytes() -> [UInt8] { detach().to(.cpu).contiguous().withUnsafeBytes { Array($0) } }
}
