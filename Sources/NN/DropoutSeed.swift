import Synchronization
import Torch

/// Where the dropout of a store's layers comes from: off, or a seed that the trainer sets for every pass.
///
/// Each layer draws from a generator made of the seed and its own name. So a pass that is computed a second time (activation
/// checkpointing, a resumed run) drops the same elements, and no generator's state has to be saved.
final class DropoutSeed: Sendable {
    private let seed = Mutex<UInt64?>(nil)

    var value: UInt64? {
        get { seed.withLock { $0 } }
        set { seed.withLock { $0 = newValue } }
    }

    /// Runs `body` with another seed.
    func with<Result>(_ other: UInt64?, _ body: () -> Result) -> Result {
        let before = value
        value = other
        defer { value = before }
        return body()
    }

    /// The generator of one layer in this pass; nil while dropout is off.
    func generator(for name: String, on device: Device) -> Generator? {
        value.map { Generator(seed: ParameterStore.seed($0, of: name), device: device) }
    }
}
