import CTorch

/// A class of processors, by the widest instructions that our CPU kernels use there.
///
/// The environment variable `SYRINX_KERNEL_CLASS` names a lower class than the processor's own: our kernels and those of libtorch,
/// oneDNN and MKL then run as on a processor of that class. A class that the processor cannot run ends the program with status 2.
public enum KernelClass: String, Sendable, CaseIterable, CustomStringConvertible {
    /// What every processor runs.
    case portable
    /// Vectors of 128 bits on arm64.
    case neon
    /// AVX2 and FMA: vectors of 256 bits.
    case avx2
    /// AVX-512 with F, BW, DQ and VL: vectors of 512 bits.
    case avx512
    /// AVX-512 with dot products of bfloat16 numbers.
    case avx512BF16 = "avx512_bf16"
    /// Matrix units for bfloat16 (Intel AMX).
    case amx

    /// Whether bfloat16 matrices are multiplied by instructions for them; elsewhere they are widened to float32, block by block.
    public var multipliesBFloat16: Bool { self == .avx512BF16 || self == .amx }

    /// The name, as the environment variable takes it.
    public var description: String { rawValue }

    /// The class whose kernels the calling thread runs: the processor's own, or the lower one that the environment names.
    public static var current: KernelClass { named(syrinx_torch_kernel_class()) }

    /// Every class that this process can run, in ascending order; the last is its own.
    package static var available: [KernelClass] {
        var classes: [KernelClass] = []
        while let name = syrinx_torch_kernel_class_at(Int32(classes.count)) { classes.append(named(name)) }
        return classes
    }

    /// Runs `body` with our kernels of this class, which must be ``available``, as on a processor of that class: for tests.
    package func limiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        guard let limit = syrinx_torch_limit_kernel_class(rawValue) else {
            preconditionFailure("this process cannot run kernels of class \(self)")
        }
        defer { syrinx_torch_lift_kernel_class_limit(limit) }
        return try body()
    }

    private static func named(_ name: UnsafePointer<CChar>) -> KernelClass {
        guard let found = KernelClass(rawValue: String(cString: name)) else {
            preconditionFailure("CTorch names a kernel class that Swift does not know: \(String(cString: name))")
        }
        return found
    }
}
