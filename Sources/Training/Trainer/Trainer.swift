import Terminal
import Torch

/// Runs one stage: micro-batches from a source through an objective, clip, optimizer, schedule, validation, checkpoints.
///
/// Synchronous on the calling thread, which owns the model's weights; sources may prefetch on threads of their own.
/// Limited by steps, a stage is bit-reproducible on the same machine, threads and libtorch, also across an interruption;
/// limited by time it is not (see `RunLimit`).
public final class Trainer<Item: TrainingItem> {
    public let config: Config
    public let optimizers: OptimizerSet
    let objective: Objective<Item>
    let data: TrainingData<Item>
    let hooks: TrainingHooks
    let accumulator: GradientAccumulator

    var state: TrainerState
    private var clockStart = 0.0
    private var secondsBefore = 0.0
    var savedStep: Int?
    var updates = 0
    var lastLoss: Double?

    /// Prepares a stage on the weights that `optimizers` train; nothing runs yet.
    public init(
        _ config: Config, _ objective: Objective<Item>, on data: TrainingData<Item>, _ optimizers: OptimizerSet,
        _ hooks: TrainingHooks = TrainingHooks()
    ) {
        precondition(config.accumulationSteps > 0, "a step needs at least one micro-batch")
        self.config = config
        self.objective = objective
        self.data = data
        self.optimizers = optimizers
        self.hooks = hooks
        accumulator = GradientAccumulator(optimizers.weights, indices: optimizers.trainableIndices)
        state = TrainerState(stageIndex: config.stageIndex, stage: config.stage, step: config.stepsBefore)
    }

    public var weights: MasterWeights { optimizers.weights }

    /// Trains until the limit, the end of the data, a signal or an error.
    ///
    /// - Parameter resuming: the state of a checkpoint whose weights and optimizer state have been restored.
    /// - Returns: the report that observers got.
    /// - Throws: `Interrupted` after a signal (a checkpoint has been saved), `TrainingError`, or what the source,
    ///   the objective or an observer threw.
    @discardableResult
    public func run(resuming saved: TrainerState? = nil) throws -> EndReport {
        if let saved { try resume(saved) }
        clockStart = config.clock()
        secondsBefore = state.elapsedSeconds
        var audit = TrainableAudit(weights, optimizers, prefixes: config.parts)
        let start = StartReport(
            stage: config.stage, stageIndex: config.stageIndex, stageCount: config.stageCount, step: state.step,
            stageStep: state.stageStep, limit: config.limit, audit: audit,
            isResumed: saved != nil, elapsedSeconds: secondsBefore)
        for observer in hooks.observers { try observer.onStart(start) }
        do {
            let reason = try loop(validatesFirst: saved == nil)
            audit.close(weights, prefixes: config.parts)
            let report = end(reason, audit)
            for observer in hooks.observers { try observer.onEnd(report) }
            if updates > 0 { try audit.verify() }
            return report
        } catch {
            let report = end(error is Interrupted ? .interrupted : .failed, nil)
            for observer in hooks.observers { try? observer.onEnd(report) }
            throw error
        }
    }

    private func resume(_ saved: TrainerState) throws {
        try data.source.restore(saved.sourcePosition)
        for (name, generator) in hooks.generators {
            guard let bytes = saved.generators[name] else {
                throw TrainingError(
                    "the checkpoint has no state of the generator '\(name)'; another version saved it")
            }
            generator.state = bytes.bytes
        }
        state = saved
        savedStep = saved.step
    }

    private func loop(validatesFirst: Bool) throws -> EndReport.Reason {
        if validatesFirst { try validate() }
        var reason = EndReport.Reason.finished
        while !config.limit.isReached(step: state.stageStep, seconds: elapsed) {
            guard try step() else {
                reason = .endOfData
                break
            }
            if InterruptFlag.isRaised {
                try checkpoint()
                throw Interrupted(exitCode: InterruptFlag.exitCode ?? 130)
            }
            let isLast = config.limit.isReached(step: state.stageStep, seconds: elapsed)
            if let interval = config.validationInterval, state.stageStep % interval == 0, !isLast { try validate() }
            if let interval = config.checkpointInterval, state.stageStep % interval == 0, !isLast { try checkpoint() }
        }
        if updates > 0 || !validatesFirst { try validate() }
        state.isStageFinished = true
        savedStep = nil  // the same step again, but now with the stage marked as finished
        try checkpoint()
        return reason
    }

    var elapsed: Double { secondsBefore + (config.clock() - clockStart) }

    func say(_ text: String) { for observer in hooks.observers { observer.onMessage(text) } }
}
