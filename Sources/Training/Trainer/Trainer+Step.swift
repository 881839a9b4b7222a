import NN
import Torch

// One update.
extension Trainer {
    /// What a step did.
    private struct Outcome {
        var tally = LossTally()
        /// The joint norm of all gradients before clipping.
        var norm = 0.0
        /// Why nothing was updated; nil if something was.
        var skipped: String?
    }

    /// Makes one update; false at the end of the data.
    func step() throws -> Bool {
        let began = ContinuousClock.now
        guard let items = try nextItems() else { return false }
        let weights = LossWeights(items, objective)
        let progress = config.limit.progress(step: state.stageStep, seconds: elapsed)
        let factor = config.schedule.factor(step: state.stageStep, of: config.limit.steps, progress: progress)
        let outcome = try update(items, weights, factor)
        accumulator.clear()
        state.step += 1
        state.stageStep += 1
        state.elapsedSeconds = elapsed
        lastLoss = outcome.tally.loss(over: weights)
        try report(outcome, weights, factor, seconds: (ContinuousClock.now - began).seconds)
        try count(outcome.skipped)
        return true
    }

    /// The micro-batches of a step; nil where the data end before.
    private func nextItems() throws -> [Item]? {
        var items: [Item] = []
        for _ in 0..<config.accumulationSteps {
            guard let item = try data.source.next() else { return nil }
            items.append(item)
        }
        return items
    }

    /// Gradients, clipping and the optimizers' update, unless something in them is not finite.
    private func update(_ items: [Item], _ weights: LossWeights, _ factor: Double) throws -> Outcome {
        guard weights.main > 0 else { return Outcome(skipped: "no token of the batch is supervised") }
        var outcome = Outcome(tally: try backward(items, weights))
        try outcome.tally.check(weights)
        let loss = outcome.tally.loss(over: weights)
        guard loss.isFinite else {
            outcome.skipped = "the loss is \(loss)"
            return outcome
        }
        let gradients = accumulator.gradients
        outcome.norm = clipGradNorm(gradients.compactMap { $0 }, to: config.clipNorm)
        guard outcome.norm.isFinite else {
            outcome.skipped = "the gradient's norm is \(outcome.norm)"
            return outcome
        }
        try withTorchErrors { optimizers.update(gradients: gradients, factor: factor) }
        updates += 1
        return outcome
    }

    private func report(_ outcome: Outcome, _ weights: LossWeights, _ factor: Double, seconds: Double) throws {
        let tally = outcome.tally, loss = tally.loss(over: weights)
        let progress = config.limit.progress(step: state.stageStep, seconds: state.elapsedSeconds)
        let utilization = config.peakOperationsPerSecond.flatMap { peak in
            tally.operations > 0 && seconds > 0 ? tally.operations / seconds / peak : nil
        }
        let report = StepReport(
            stage: config.stage, step: state.step, stageStep: state.stageStep, progress: progress, loss: loss,
            fingerprint: String(loss.bitPattern, radix: 16).leftPadded(to: 16),
            parts: tally.parts(over: weights), gradientNorm: outcome.norm,
            learningRate: (optimizers.groups.first?.peakLearningRate ?? 0) * factor, tokenCount: tally.tokens,
            imageCount: tally.images, seconds: seconds, elapsedSeconds: state.elapsedSeconds,
            remainingSeconds: progress > 0 ? state.elapsedSeconds * (1 - progress) / progress : nil,
            modelFLOPsUtilization: utilization, skipped: outcome.skipped)
        for observer in hooks.observers { try observer.onStep(report) }
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

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
