import Synchronization
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
    /// The best of several products of square matrices of up to 2048 x 2048, in floating-point operations a second.
    ///
    /// Takes half a second at most, once for each dtype, device and number of threads: where products are slow the matrices
    /// stay small. It is what libtorch reaches here at best, so utilisation against it is a share of the attainable, not of
    /// the data sheet.
    public static func operationsPerSecond(dtype: DType, device: Device = .cpu) -> Double {
        let key = Key(dtype: dtype, device: "\(device)", threadCount: TorchRuntime.threadCount)
        if let known = known.withLock({ $0[key] }) { return known }
        let rate = measured(dtype, device)
        known.withLock { $0[key] = rate }
        return rate
    }

    private struct Key: Hashable {
        let dtype: DType
        let device: String
        let threadCount: Int
    }
    private static let known = Mutex<[Key: Double]>([:])

    private static func measured(_ dtype: DType, _ device: Device) -> Double {
        operationsPerSecond { size in
            let matrix = Tensor.ones([size, size], dtype: dtype, device: device)
            return {
                withoutGrad {
                    // Reading one element waits for devices that run ahead.
                    _ = matrix.matmul(matrix).select(dim: 0, index: 0).select(dim: 0, index: 0).item()
                }
            }
        }
    }

    /// The same of any product.
    /// - Parameters:
    ///   - seconds: the time now; in use the machine's clock.
    ///   - product: gives, for matrices of a size, what multiplies two of them.
    package static func operationsPerSecond(
        seconds: @escaping () -> Double = MachineClock.seconds, of product: @escaping (_ size: Int) -> () -> Void
    ) -> Double {
        // Eight times the work each time, two megaflop to 17 gigaflop.
        let sizes = [64, 128, 256, 512, 1024, 2048]
        let works = sizes.map { size in
            BoundedMeasurement.Work(amount: 2 * Double(size * size * size)) { product(size) }
        }
        return BoundedMeasurement(seconds: seconds).bestRates(of: works).max() ?? 0
    }
}

/// The machine's clock.
package enum MachineClock {
    private static let start = ContinuousClock.now

    /// Seconds since it was first asked.
    package static func seconds() -> Double { (ContinuousClock.now - start).seconds }
}

/// A measurement of the machine that ends in time on any of them.
package struct BoundedMeasurement {
    /// Something that can be done, and how much it is.
    package struct Work {
        var amount: Double
        var prepare: () -> () -> Void

        /// - Parameters:
        ///   - amount: in any unit.
        ///   - prepare: gives what is timed.
        package init(amount: Double, prepare: @escaping () -> () -> Void) {
            self.amount = amount
            self.prepare = prepare
        }
    }

    /// Seconds that a measurement may take.
    package static let budget = 0.5

    private let seconds: () -> Double

    package init(seconds: @escaping () -> Double = MachineClock.seconds) { self.seconds = seconds }

    /// The most that was done in a second by each of the works that there was time for; by the first one always.
    ///
    /// The works grow, and each is done up to `repetitions` times. One is begun only while it would end within the budget
    /// at the pace of the one before, and half as slow again to be safe.
    package func bestRates(of works: [Work], repetitions: Int = 4) -> [Double] {
        let end = seconds() + Self.budget
        var pace = 0.0
        var rates: [Double] = []
        for work in works {
            guard seconds() + 1.5 * pace * work.amount <= end else { break }
            let run = work.prepare()
            var best = Double.infinity
            for _ in 0..<repetitions {
                let began = seconds()
                guard best == .infinity || began + 1.5 * pace * work.amount <= end else { break }
                run()
                pace = (seconds() - began) / work.amount
                best = min(best, pace)
            }
            rates.append(1 / best)
        }
        return rates
    }
}
