import CTorch

/// An n-dimensional array of numbers on a device, recorded by autograd when it requires gradients.
///
/// A tensor is one Swift object owning one libtorch reference: it is freed the moment it is no longer used. It is
/// immutable as far as callers are concerned (in-place operations are package-internal), which is what makes it
/// `Sendable`. Names of operations are PyTorch's, in Swift form.
///
/// A wrong shape or dtype is a programming error and traps with libtorch's message and the call site, unless
/// ``withTorchErrors(_:)`` is in force.
public final class Tensor: @unchecked Sendable {
    /// The owned handle; nil marks a poisoned tensor, the result of a failure inside ``withTorchErrors(_:)``.
    let handle: OpaquePointer?

    init(owning handle: OpaquePointer?) { self.handle = handle }

    deinit {
        if let handle { syrinx_torch_release(handle) }
    }

    /// The tensor a failed operation returns inside an error scope; it absorbs what follows.
    static let poisoned = Tensor(owning: nil)

    /// Whether this tensor is the result of a failed operation in the current error scope.
    public var isPoisoned: Bool { handle == nil }
}

// MARK: - Calling through the C face

extension Tensor {
    /// Wraps a result, or reports the failure behind a nil one.
    @inline(__always)
    static func wrap(_ result: OpaquePointer?, _ file: StaticString, _ line: UInt) -> Tensor {
        guard let result else {
            recordOrTrap(.current, file, line)
            return .poisoned
        }
        return Tensor(owning: result)
    }

    /// Calls `body` with this tensor's handle, keeping the tensor alive meanwhile.
    @inline(__always)
    func unary(_ file: StaticString, _ line: UInt, _ body: (OpaquePointer) -> OpaquePointer?) -> Tensor {
        withExtendedLifetime(self) {
            guard let handle else { return .poisoned }
            return Tensor.wrap(body(handle), file, line)
        }
    }

    /// Calls `body` with both handles, keeping both tensors alive meanwhile.
    @inline(__always)
    func binary(
        _ other: Tensor, _ file: StaticString, _ line: UInt,
        _ body: (OpaquePointer, OpaquePointer) -> OpaquePointer?
    ) -> Tensor {
        withExtendedLifetime((self, other)) {
            guard let first = handle, let second = other.handle else { return .poisoned }
            return Tensor.wrap(body(first, second), file, line)
        }
    }

    /// Calls `body` with three handles, keeping the tensors alive meanwhile.
    @inline(__always)
    func ternary(
        _ second: Tensor, _ third: Tensor, _ file: StaticString, _ line: UInt,
        _ body: (OpaquePointer, OpaquePointer, OpaquePointer) -> OpaquePointer?
    ) -> Tensor {
        withExtendedLifetime((self, second, third)) {
            guard let a = handle, let b = second.handle, let c = third.handle else { return .poisoned }
            return Tensor.wrap(body(a, b, c), file, line)
        }
    }

    /// Calls `body` with the handle of an optional tensor (nil when absent).
    @inline(__always)
    static func withOptional<Result>(_ tensor: Tensor?, _ body: (OpaquePointer?) -> Result) -> Result {
        withExtendedLifetime(tensor) { body(tensor?.handle) }
    }

    /// Calls `body` with a list of handles; nil when any tensor is poisoned.
    static func withHandles<Result>(
        _ tensors: [Tensor], _ body: (UnsafePointer<OpaquePointer?>?, Int64) -> Result
    ) -> Result? {
        withExtendedLifetime(tensors) {
            if tensors.contains(where: \.isPoisoned) { return nil }
            return tensors.map(\.handle).withUnsafeBufferPointer { body($0.baseAddress, Int64($0.count)) }
        }
    }

    /// Calls an in-place function; false from C becomes the recorded failure.
    @inline(__always)
    func inPlace(_ file: StaticString, _ line: UInt, _ body: (OpaquePointer) -> Bool) {
        withExtendedLifetime(self) {
            guard let handle else { return }
            if !body(handle) { recordOrTrap(.current, file, line) }
        }
    }
}

// MARK: - Facts

extension Tensor {
    /// The sizes of the dimensions, outermost first; empty for a scalar.
    public var shape: [Int] {
        guard let handle else { return [] }
        return withExtendedLifetime(self) {
            (0..<syrinx_torch_dim(handle)).map { Int(syrinx_torch_size(handle, $0)) }
        }
    }

    /// The number of dimensions.
    public var rank: Int { withExtendedLifetime(self) { handle.map { Int(syrinx_torch_dim($0)) } ?? 0 } }

    /// The size of one dimension; negative numbers count from the last.
    public func size(_ dim: Int, file: StaticString = #fileID, line: UInt = #line) -> Int {
        guard let handle else { return 0 }
        let resolved = dim < 0 ? dim + rank : dim
        guard
            check(
                0 <= resolved && resolved < rank, "size(\(dim)) of a tensor of shape \(shape)", file: file, line: line)
        else { return 0 }
        return withExtendedLifetime(self) { Int(syrinx_torch_size(handle, Int64(resolved))) }
    }

    /// The product of the sizes.
    public var elementCount: Int { withExtendedLifetime(self) { handle.map { Int(syrinx_torch_numel($0)) } ?? 0 } }

    /// Bytes the elements take.
    public var byteCount: Int { elementCount * dtype.byteCount }

    public var dtype: DType {
        withExtendedLifetime(self) { handle.flatMap { DType(rawValue: syrinx_torch_dtype($0)) } ?? .float32 }
    }

    public var device: Device {
        guard let handle else { return .cpu }
        return withExtendedLifetime(self) {
            let kind = Device.Kind(rawValue: syrinx_torch_device_type(handle)) ?? .cpu
            return Device(kind: kind, index: Int(syrinx_torch_device_index(handle)))
        }
    }

    public var isContiguous: Bool { withExtendedLifetime(self) { handle.map(syrinx_torch_is_contiguous) ?? true } }
}

extension Tensor: CustomStringConvertible {
    public var description: String {
        if isPoisoned { return "Tensor(poisoned)" }
        let values = elementCount <= 8 ? ", \(array(of: Double.self))" : ""
        return "Tensor(\(dtype)\(shape), \(device)\(values))"
    }
}
