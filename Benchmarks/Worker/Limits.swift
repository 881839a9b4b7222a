import Foundation
import Torch

/// What this machine can do at most, as far as libtorch shows it: the yardsticks of the other works.
struct Limits {
    /// Measures once for each `run` and says `limit NAME VALUE` for each yardstick.
    func serve(_ conversation: Conversation) throws {
        let square = 2048
        let floats = Tensor.ones([square, square])
        let halves = floats.to(.bfloat16)
        let large = Tensor.ones([96 << 20])  // 384 MiB, beyond every cache
        conversation.say("class \(KernelClass.current)")
        for (name, value) in libraryLimits { conversation.say("setting \(name) \(value)") }
        conversation.ready()
        while conversation.isAskedToRun() {
            withoutGrad {
                let operations = 2 * pow(Double(square), 3)
                report(conversation, "fp32", operations / best(of: 3) { _ = linear(floats, floats) } / 1e9)
                report(conversation, "bf16", operations / best(of: 3) { _ = linear(halves, halves) } / 1e9)
                report(conversation, "read", Double(large.byteCount) / best(of: 4) { _ = large.sum() } / 1e9)
            }
            conversation.report(seconds: 0)
        }
    }

    /// What keeps libtorch's own kernels to a class that was asked for; the peers get the same.
    private var libraryLimits: [String: String] {
        let names: Set = ["ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS"]
        return ProcessInfo.processInfo.environment.filter { names.contains($0.key) }
    }

    private func report(_ conversation: Conversation, _ name: String, _ value: Double) {
        conversation.say("limit \(name) \(value)")
    }

    private func best(of repetitions: Int, _ body: () -> Void) -> Double {
        (0..<repetitions).map { _ in
            let start = ContinuousClock.now
            body()
            return (ContinuousClock.now - start).seconds
        }.min() ?? .infinity
    }
}
