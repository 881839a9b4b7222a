import NN
import Terminal
public import Torch

/// What a micro-batch must tell and do for the trainer.
public protocol TrainingItem {
    /// The item cut in two, rows kept whole, for machines whose memory is too small for it; nil if it has one row.
    func halves() -> (Self, Self)?
}

extension TrainingItem {
    public func halves() -> (Self, Self)? { nil }
}

/// Runs one stage: micro-batches from a source through an objective, clip, optimizer, schedule, validation, checkpoints.
///
/// Synchronous on the calling thread, which owns the model's weights; sources may prefetch on threads of their own.
/// Limited by steps, a stage is bit-reproducible on the same machine, threads and libtorch, also across an interruption;
/// limited by time it is not (see `RunLimit`).
public final class Trainer<Item: TrainingItem> {
    /// What a stage is made of besides data and model.
    public struct Config {
        /// The stage's name, its place in the run from 0, and how many stages the run has.
        public var stage: String
        public var stageIndex: Int
        public var stageCount: Int
        public var limit: RunLimit
        /// Micro-batches a step.
        public var accumulationSteps: Int
        public var schedule: Schedule
        public var clipNorm: Double?
        public var maximumSkippedSteps: Int
        /// Steps between validations; nil validates at the start and at the end only.
        public var validationInterval: Int?
        /// Steps between checkpoints; nil saves at the end and when interrupted only.
        public var checkpointInterval: Int?
        /// Name prefixes of the parts that the audit tells apart.
        public var parts: [String]
        /// The machine's measured peak in floating-point operations a second, for the utilisation; nil leaves it out.
        public var peakOperationsPerSecond: Double?
        /// Seconds from some time on, by which the limit of time is kept.
        package var clock: () -> Double = MachineClock.seconds

        public init(
            stage: String, stageIndex: Int = 0, stageCount: Int = 1, limit: RunLimit, accumulationSteps: Int = 1,
            schedule: Schedule = Schedule(),
            clipNorm: Double? = 1, maximumSkippedSteps: Int = 10, validationInterval: Int? = nil,
            checkpointInterval: Int? = nil, parts: [String] = [], peakOperationsPerSecond: Double? = nil
        ) {
            self.stage = stage
            self.stageIndex = stageIndex
            self.stageCount = stageCount
            self.limit = limit
            self.accumulationSteps = accumulationSteps
            self.schedule = schedule
            self.clipNorm = clipNorm
            self.maximumSkippedSteps = maximumSkippedSteps
            self.validationInterval = validationInterval
            self.checkpointInterval = checkpointInterval
            self.parts = parts
            self.peakOperationsPerSecond = peakOperationsPerSecond
        }
    }

    public let config: Config
    public let weights: MasterWeights
    public let optimizers: OptimizerSet
    private let source: TrainingSource<Item>
    private let objective: Objective<Item>
    private let validation: [ValidationSet<Item>]
    private let observers: [any TrainingObserver]
    private let save: ((TrainerState) throws -> CheckpointReport)?
    private let generators: [String: Generator]
    private let accumulator: GradientAccumulator

    private var state: TrainerState
    private var clockStart = 0.0
    private var secondsBefore = 0.0
    private var savedStep: Int?
    private var updates = 0
    private var lastLoss: Double?

    /// Prepares a stage; nothing runs yet.
    ///
    /// - Parameters:
    ///   - step: updates that earlier stages made.
    ///   - generators: the run's named generators; their states go into checkpoints.
    ///   - save: writes a checkpoint; nil trains without any.
    public init(
        _ config: Config, weights: MasterWeights, optimizers: OptimizerSet, source: TrainingSource<Item>,
        objective: Objective<Item>, validation: [ValidationSet<Item>] = [], observers: [any TrainingObserver] = [],
        step: Int = 0, generators: [String: Generator] = [:], save: ((TrainerState) throws -> CheckpointReport)? = nil
    ) {
        precondition(config.accumulationSteps > 0, "a step needs at least one micro-batch")
        self.config = config
        self.weights = weights
        self.optimizers = optimizers
        self.source = source
        self.objective = objective
        self.validation = validation
        self.observers = observers
        self.save = save
        self.generators = generators
        accumulator = GradientAccumulator(weights, indices: optimizers.trainableIndices)
        state = TrainerState(stageIndex: config.stageIndex, stage: config.stage, step: step)
    }

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
        for observer in observers { try observer.onStart(start) }
        do {
            let reason = try loop(validatesFirst: saved == nil)
            audit.close(weights, prefixes: config.parts)
            let report = end(reason, audit)
            for observer in observers { try observer.onEnd(report) }
            if updates > 0 { try audit.verify() }
            return report
        } catch {
            let report = end(error is Interrupted ? .interrupted : .failed, nil)
            for observer in observers { try? observer.onEnd(report) }
            throw error
        }
    }

    private func resume(_ saved: TrainerState) throws {
        try source.restore(saved.sourcePosition)
        for (name, generator) in generators {
            guard let bytes = saved.generators[name] else {
                throw TrainingError(
                    "the checkpoint lacks the state of the generator '\(name)'; it was saved by another version")
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

    private var elapsed: Double { secondsBefore + (config.clock() - clockStart) }

    private func say(_ text: String) { for observer in observers { observer.onMessage(text) } }
}

// MARK: - One step

extension Trainer {
    /// Sums over the micro-batches of a step.
    private struct Sums {
        var loss = 0.0
        var parts: [String: Double] = [:]
        var tokens = 0
        var images = 0
        var operations = 0.0
    }

    /// Makes one update; false at the end of the data.
    private func step() throws -> Bool {
        let began = ContinuousClock.now
        var items: [Item] = []
        for _ in 0..<config.accumulationSteps {
            guard let item = try source.next() else { return false }
            items.append(item)
        }
        let weight = items.reduce(0) { $0 + objective.weight($1) }
        let progress = config.limit.progress(step: state.stageStep, seconds: elapsed)
        let factor = config.schedule.factor(step: state.stageStep, of: config.limit.steps, progress: progress)
        var sums = Sums()
        var norm = 0.0
        var skipped: String?
        if weight > 0 {
            sums = try backward(items, weight: weight)
            if !sums.loss.isFinite {
                skipped = "the loss is \(sums.loss)"
            } else {
                let gradients = accumulator.gradients
                norm = clipGradNorm(gradients.compactMap { $0 }, to: config.clipNorm)
                if norm.isFinite {
                    try withTorchErrors { optimizers.update(gradients: gradients, factor: factor) }
                    updates += 1
                } else {
                    skipped = "the gradient's norm is \(norm)"
                }
            }
        } else {
            skipped = "no token of the batch is supervised"
        }
        accumulator.clear()
        state.step += 1
        state.stageStep += 1
        state.elapsedSeconds = elapsed
        lastLoss = sums.loss / max(weight, 1)
        try report(sums, weight, norm, factor, skipped, seconds: (ContinuousClock.now - began).seconds)
        try count(skipped)
        return true
    }

    /// Forward and backward over all micro-batches. When memory runs out, halves them all and starts over, where their loss
    /// allows it.
    private func backward(_ items: [Item], weight: Double) throws -> Sums {
        while true {
            do {
                return try withTorchErrors {
                    var sums = Sums()
                    for item in pieces(of: items) { try backward(item, weight, &sums) }
                    return sums
                }
            } catch let error as TorchError where error.kind == .outOfMemory {
                accumulator.clear()
                try halve(items, after: error)
            }
        }
    }

    private func halve(_ items: [Item], after error: TorchError) throws {
        let place = "out of memory in step \(state.step + 1)"
        var note = ""
        switch objective.division {
        case .exact: break
        case .redrawing(let what): note = "; \(what) is drawn anew in each half"
        case .refused(let reason):
            throw TrainingError(
                "\(place): \(reason), so its micro-batch is not halved; use a smaller microbatchSize, which is another loss, "
                    + "or a smaller model (\(error))")
        }
        state.halvings += 1
        guard items.contains(where: { $0.halves() != nil }), state.halvings < 16 else {
            throw TrainingError(
                "\(place) with one row a micro-batch; use a shorter context or a smaller model (\(error))")
        }
        say("\(place): micro-batches are halved (\(state.halvings) times now), the global batch stays\(note)")
    }

    private func pieces(of items: [Item]) -> [Item] {
        if case .refused = objective.division { return items }
        var pieces = items
        for _ in 0..<state.halvings {
            pieces = pieces.flatMap { item in item.halves().map { [$0.0, $0.1] } ?? [item] }
        }
        return pieces
    }

    private func backward(_ item: Item, _ weight: Double, _ sums: inout Sums) throws {
        let loss = try objective.loss(item)
        (loss.total * (1 / weight)).backward()
        accumulator.collect()
        sums.loss += loss.total.item()
        for (name, part) in loss.parts { sums.parts[name, default: 0] += part.item() }
        sums.tokens += loss.tokenCount
        sums.images += loss.imageCount
        sums.operations += loss.floatingPointOperations
    }

    private func report(
        _ sums: Sums, _ weight: Double, _ norm: Double, _ factor: Double, _ skipped: String?, seconds: Double
    ) throws {
        let loss = sums.loss / max(weight, 1)
        let progress = config.limit.progress(step: state.stageStep, seconds: state.elapsedSeconds)
        let utilization = config.peakOperationsPerSecond.flatMap { peak in
            sums.operations > 0 && seconds > 0 ? sums.operations / seconds / peak : nil
        }
        let report = StepReport(
            stage: config.stage, step: state.step, stageStep: state.stageStep, progress: progress, loss: loss,
            fingerprint: String(loss.bitPattern, radix: 16).leftPadded(to: 16),
            parts: sums.parts.mapValues { $0 / max(weight, 1) }, gradientNorm: norm,
            learningRate: (optimizers.groups.first?.peakLearningRate ?? 0) * factor, tokenCount: sums.tokens,
            imageCount: sums.images, seconds: seconds, elapsedSeconds: state.elapsedSeconds,
            remainingSeconds: progress > 0 ? state.elapsedSeconds * (1 - progress) / progress : nil,
            modelFLOPsUtilization: utilization, skipped: skipped)
        for observer in observers { try observer.onStep(report) }
    }

    private func count(_ skipped: String?) throws {
        guard let skipped else {
            state.consecutiveSkips = 0
            return
        }
        state.skippedSteps += 1
        state.consecutiveSkips += 1
        say("step \(state.step) was skipped: \(skipped)")
        guard state.consecutiveSkips < config.maximumSkippedSteps else {
            throw TrainingError(
                "\(state.consecutiveSkips) steps in a row were skipped, the last (step \(state.step)) because \(skipped); "
                    + "lower the learning rate, or look at the data from there with `syrinx data inspect`")
        }
    }
}

// MARK: - Validation, checkpoints, end

extension Trainer {
    private func validate() throws {
        if validation.isEmpty { return }
        let began = ContinuousClock.now
        var report = ValidationReport(stage: config.stage, step: state.step, sources: [], seconds: 0)
        for set in validation {
            let source = try set.open()
            var loss = 0.0, weight = 0.0, count = 0
            while count < set.maximumBatches ?? .max, let item = try source.next() {
                let itemWeight = objective.weight(item)
                guard itemWeight > 0 else { continue }
                loss += try withTorchErrors { try withoutGrad { try objective.loss(item).total.item() } }
                weight += itemWeight
                count += 1
            }
            if count > 0 { report.sources.append(.init(name: set.name, loss: loss / weight, batchCount: count)) }
        }
        report.seconds = (ContinuousClock.now - began).seconds
        for observer in observers { try observer.onValidation(report) }
    }

    private func checkpoint() throws {
        guard let save, savedStep != state.step else { return }
        state.elapsedSeconds = elapsed
        state.sourcePosition = try source.position()
        state.generators = generators.mapValues { TrainerState.Bytes($0.state) }
        let report = try save(state)
        savedStep = state.step
        for observer in observers { try observer.onCheckpoint(report) }
    }

    private func end(_ reason: EndReport.Reason, _ audit: TrainableAudit?) -> EndReport {
        EndReport(
            stage: config.stage, reason: reason, step: state.step, stageStep: state.stageStep,
            skippedSteps: state.skippedSteps, elapsedSeconds: elapsed, loss: lastLoss, audit: audit,
            peakResidentBytes: ProcessMemory.peakResidentBytes)
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
