import Foundation
import Torch
import Training

/// What this machine can do at most, as far as libtorch shows it: the yardsticks of the other works.
struct Limits {
    /// Measures once for each `run` and says `limit NAME VALUE` for each yardstick; half a second each at most.
    func serve(_ conversation: Conversation) throws {
        conversation.ready()
        while conversation.isAskedToRun() {
            report(conversation, "fp32", products(.float32))
            report(conversation, "bf16", products(.bfloat16))
            report(conversation, "read", reading())
            conversation.report(seconds: 0)
        }
    }

    private func report(_ conversation: Conversation, _ name: String, _ value: Double) {
        conversation.say("limit \(name) \(value / 1e9)")
    }

    /// Operations a second of a linear layer.
    private func products(_ dtype: DType) -> Double {
        MachinePeak.operationsPerSecond { size in
            let matrix = Tensor.ones([size, size]).to(dtype)
            return { withoutGrad { _ = linear(matrix, matrix) } }
        }
    }

    /// Bytes a second of a sum over 384 MiB, which is beyond every cache; over less where that would take too long.
    private func reading() -> Double {
        let works = [6, 24, 96].map { mebi in
            BoundedMeasurement.Work(amount: Double(mebi << 22)) {
                let numbers = Tensor.ones([mebi << 20])
                return { withoutGrad { _ = numbers.sum() } }
            }
        }
        return BoundedMeasurement().bestRates(of: works).last ?? 0
    }
}
