import CTorch

/// A named source of random numbers whose state can be saved; nothing in Syrinx draws from a global one.
///
/// Drawing changes the generator's state: share one between threads only under a lock.
public final class Generator: @unchecked Sendable {
    private let handle: OpaquePointer
    public let device: Device

    public init(seed: UInt64, device: Device = .cpu) {
        guard let handle = syrinx_torch_generator(seed, device.kind.rawValue, Int32(device.index)) else {
            fatalError("torch: no generator on \(device): \(TorchError.current.message)")
        }
        self.handle = handle
        self.device = device
    }

    deinit { syrinx_torch_generator_release(handle) }

    /// The whole state as bytes; assigning restores a saved one exactly.
    public var state: [UInt8] {
        get { Tensor.wrap(syrinx_torch_generator_state(handle), #fileID, #line).bytes() }
        set {
            Tensor(newValue).inPlace(#fileID, #line) { syrinx_torch_generator_set_state(handle, $0) }
        }
    }

    func withHandle<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        withExtendedLifetime(self) { body(handle) }
    }
}

extension Tensor {
    /// Normally distributed numbers.
    public static func randn(
        _ shape: [Int], generator: Generator, mean: Double = 0, standardDeviation: Double = 1, dtype: DType = .float32,
        device: Device? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let tensor = empty(shape, dtype: dtype, device: generator.device, file: file, line: line)
        tensor.inPlace(file, line) { x in
            generator.withHandle { syrinx_torch_normal_(x, mean, standardDeviation, $0) }
        }
        return tensor.to(device ?? generator.device)
    }

    /// Uniform numbers in `low ..< high`.
    public static func rand(
        _ shape: [Int], generator: Generator, low: Double = 0, high: Double = 1, dtype: DType = .float32,
        device: Device? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        let tensor = empty(shape, dtype: dtype, device: generator.device, file: file, line: line)
        tensor.inPlace(file, line) { x in generator.withHandle { syrinx_torch_uniform_(x, low, high, $0) } }
        return tensor.to(device ?? generator.device)
    }

    /// int64 numbers in `low ..< high`.
    public static func randint(
        low: Int = 0, high: Int, _ shape: [Int], generator: Generator, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Tensor {
        let sizes = shape.map(Int64.init)
        let device = generator.device
        return generator.withHandle {
            wrap(
                syrinx_torch_randint(
                    Int64(low), Int64(high), sizes, Int64(sizes.count), $0, device.kind.rawValue, Int32(device.index)),
                file, line)
        }
    }

    /// A random order of `0 ..< count`, int64.
    public static func randperm(
        _ count: Int, generator: Generator, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor { generator.withHandle { wrap(syrinx_torch_randperm(Int64(count), $0), file, line) } }

    /// Indices drawn in proportion to non-negative weights [..., C]; int64[..., count].
    public func multinomial(
        count: Int, replacement: Bool = false, generator: Generator, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        unary(file, line) { x in
            generator.withHandle { syrinx_torch_multinomial(x, Int64(count), replacement, $0) }
        }
    }
}
