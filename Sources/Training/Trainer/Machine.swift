public import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What this process has used.
package enum ProcessMemory {
    /// The largest resident set so far, in bytes.
    package static var peakResidentBytes: Int {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss * 1024
        #else
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #endif
    }
}

/// How fast this machine multiplies matrices, measured.
public enum MachinePeak {
    /// The best of several products of 2048 x 2048 matrices, in floating-point operations a second.
    ///
    /// Takes a fraction of a second. It is what libtorch reaches here at best, so utilisation against it is a share of
    /// the attainable, not of the data sheet.
    public static func operationsPerSecond(dtype: DType, device: Device = .cpu) -> Double {
        withoutGrad {
            let size = 2048
            let a = Tensor.ones([size, size], dtype: dtype, device: device)
            var best = Double.infinity
            for _ in 0..<4 {
                let began = ContinuousClock.now
                // Reading one element waits for devices that run ahead.
                _ = a.matmul(a).select(dim: 0, index: 0).select(dim: 0, index: 0).item()
                best = min(best, (ContinuousClock.now - began).seconds)
            }
            return 2 * Double(size * size * size) / best
        }
    }
}
