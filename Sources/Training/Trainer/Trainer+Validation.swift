import Torch

// Validation, checkpoints, and the end of a stage.
extension Trainer {
    func validate() throws {
        if data.validation.isEmpty { return }
        let began = ContinuousClock.now
        var report = ValidationReport(stage: config.stage, step: state.step, sources: [], seconds: 0)
        for set in data.validation {
            if let result = try validate(set) { report.sources.append(result) }
        }
        report.seconds = (ContinuousClock.now - began).seconds
        for observer in hooks.observers { try observer.onValidation(report) }
    }

    /// The loss on one set; nil where nothing in it is supervised.
    private func validate(_ set: ValidationSet<Item>) throws -> ValidationReport.Source? {
        let source = try set.open()
        var tally = LossTally(), weights = LossWeights(), count = 0
        while count < set.maximumBatches ?? .max, let item = try source.next() {
            guard objective.weight(item) > 0 else { continue }
            tally.add(try withTorchErrors { try withoutGrad { try objective.loss(item) } })
            weights.add(item, objective)
            count += 1
        }
        guard count > 0 else { return nil }
        try tally.check(weights)
        return .init(name: set.name, loss: tally.loss(over: weights), batchCount: count)
    }

    func checkpoint() throws {
        guard let save = hooks.save, savedStep != state.step else { return }
        state.elapsedSeconds = elapsed
        state.sourcePosition = try data.source.position()
        state.generators = hooks.generators.mapValues { TrainerState.Bytes($0.state) }
        let report = try save(state)
        savedStep = state.step
        for observer in hooks.observers { try observer.onCheckpoint(report) }
    }

    func end(_ reason: EndReport.Reason, _ audit: TrainableAudit?) -> EndReport {
        EndReport(
            stage: config.stage, reason: reason, step: state.step, stageStep: state.stageStep,
            skippedSteps: state.skippedSteps, elapsedSeconds: elapsed, loss: lastLoss, audit: audit,
            peakResidentBytes: ProcessMemory.peakResidentBytes)
    }
}
