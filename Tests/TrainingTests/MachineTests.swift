import TestSupport
import Testing
import Torch
import Training

/// The machine's speed, on machines of any speed: the clock and the products are the test's own.
@Suite struct MachineTests {
    /// A clock that only the work moves.
    private final class Clock {
        var seconds = 100.0
    }

    private func measure(operationsPerSecond rate: Double) -> (rate: Double, sizes: [Int], seconds: Double) {
        let clock = Clock()
        var sizes: [Int] = []
        let measured = MachinePeak.operationsPerSecond(seconds: { clock.seconds }) { size in
            {
                clock.seconds += 2 * Double(size * size * size) / rate
                sizes.append(size)
            }
        }
        return (measured, sizes, clock.seconds - 100)
    }

    @Test(arguments: [1e8, 1e9, 1e10, 3e10, 1e11, 1e12])
    func `A product of any speed is measured within half a second`(rate: Double) throws {
        let result = measure(operationsPerSecond: rate)
        #expect(result.seconds <= 0.5)
        #expect(abs(result.rate - rate) < 1e-6 * rate)
        #expect(!result.sizes.isEmpty)
    }

    @Test func `A fast machine is measured with large matrices, one with a scalar loop with small ones`() {
        #expect(measure(operationsPerSecond: 1e12).sizes.last == 2048)
        #expect(measure(operationsPerSecond: 3e8).sizes.last == 256)
    }

    @Test func `Of runs that something else slowed down the fastest counts`() {
        let clock = Clock()
        var count = 0
        let work = BoundedMeasurement.Work(amount: 6) {
            {
                count += 1
                clock.seconds += count == 2 ? 0.01 : 0.02
            }
        }
        let rates = BoundedMeasurement(seconds: { clock.seconds }).bestRates(of: [work])
        #expect(rates.count == 1 && abs(rates[0] - 600) < 1e-6)
        #expect(count == 4)
    }

    @Test func `This machine multiplies, and is asked only once`() {
        let first = MachinePeak.operationsPerSecond(dtype: .float32)
        #expect(first > 0 && first.isFinite)
        #expect(MachinePeak.operationsPerSecond(dtype: .float32) == first)
    }
}
