public import Torch

/// What a forward pass is for, as far as its layers must know. It is handed down from whoever starts the pass to every layer,
/// without passing through the signatures between them, and ends with the pass.
///
///     ForwardContext(dropoutSeed: 7, recomputation: .layers).run { model.nextTokenLoss(input, labels: labels) }
public struct ForwardContext: Sendable {
    /// Where dropout's draws come from; nil leaves every layer whole, as in validation and in use.
    ///
    /// Each layer draws from a generator made of the seed and its own name. So a pass that is computed a second time
    /// (activation checkpointing, a resumed run) drops the same elements, and no generator's state has to be saved.
    public var dropoutSeed: UInt64?
    /// Which activations are kept for backward.
    public var recomputation: Recomputation

    public init(dropoutSeed: UInt64? = nil, recomputation: Recomputation = .none) {
        self.dropoutSeed = dropoutSeed
        self.recomputation = recomputation
    }

    @TaskLocal private static var value = ForwardContext()

    /// The context of the pass that the calling thread is in; outside of any, one without dropout or recomputation.
    public static var current: ForwardContext { value }

    /// Runs a pass in this context.
    public func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        try Self.$value.withValue(self, operation: body)
    }

    /// The generator of one layer in this pass; nil while dropout is off.
    func generator(for name: String, on device: Device) -> Generator? {
        dropoutSeed.map { Generator(seed: ParameterStore.seed($0, of: name), device: device) }
    }
}
