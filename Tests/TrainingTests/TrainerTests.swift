import NN
import TestSupport
import Testing
import Torch
import Training

@Suite("Trainer", .serialized)
struct TrainerTests {
    @Test("The loss falls, and every step is reported with its rate, norm and fingerprint")
    func lossFalls() throws {
        var run = try ToyRun(steps: 60)
        run.config.validationInterval = 20
        run.validation = [
            ValidationSet(name: "held-out", maximumBatches: 3) { ToySource { ToyItem.make($0, seed: 99) }.source }
        ]
        let end = try run.trainer().run()
        let steps = run.recorder.steps
        #expect(steps.count == 60 && end.reason == .finished && end.stageStep == 60)
        #expect(steps[59].loss < steps[0].loss / 2)
        #expect(steps[0].learningRate == 0.005 && steps[1].learningRate == 0.01)
        #expect(steps.allSatisfy { $0.fingerprint.count == 16 && $0.gradientNorm > 0 && $0.skipped == nil })
        #expect(steps[0].parts["squared"] == steps[0].loss)
        // At the start, after steps 20 and 40, and at the end.
        #expect(run.recorder.validations.map(\.step) == [0, 20, 40, 60])
        let losses = run.recorder.validations.compactMap { $0.sources.first?.loss }
        #expect(losses[3] < losses[0] / 3)
    }

    @Test("Two runs of the same recipe agree to the bit")
    func sameResult() throws {
        let runs = try (0..<2).map { _ in try ToyRun(steps: 12) }
        for run in runs { try run.trainer().run() }
        #expect(runs[0].recorder.fingerprints.count == 12)
        #expect(runs[0].recorder.fingerprints == runs[1].recorder.fingerprints)
        #expect(runs[0].weightBytes == runs[1].weightBytes)
    }

    @Test("Accumulation over four micro-batches equals one batch of the same rows")
    func accumulation() throws {
        let large = try ToyRun(steps: 10, source: ToySource { ToyItem.make($0, rowCount: 16) })
        let small = try ToyRun(
            steps: 10, accumulationSteps: 4,
            source: ToySource { index in
                let whole = ToyItem.make(index / 4, rowCount: 16)
                return ToyItem(
                    x: whole.x.narrow(dim: 0, start: index % 4 * 4, length: 4),
                    y: whole.y.narrow(dim: 0, start: index % 4 * 4, length: 4))
            })
        try large.trainer().run()
        try small.trainer().run()
        #expect(large.recorder.steps.count == 10)
        for (a, b) in try pairs(large.recorder.steps, small.recorder.steps) {
            #expect(abs(a.loss - b.loss) < 1e-5 * a.loss)
        }
        for (a, b) in try pairs(large.weights.trained, small.weights.trained) {
            #expect((a - b).abs().max().item() < 1e-5)
        }
    }

    @Test("Micro-batches of unequal weight are averaged over all their rows, not over the micro-batches")
    func globalNormalisation() throws {
        let run = try ToyRun(
            steps: 1, accumulationSteps: 2, source: ToySource { ToyItem.make(0, rowCount: $0 == 0 ? 1 : 15) })
        let rows = [ToyItem.make(0, rowCount: 1), ToyItem.make(0, rowCount: 15)]
        let expected = rows.map { (run.model($0.x) - $0.y).square().sum().item() }.reduce(0, +) / 16
        try run.trainer().run()
        #expect(abs(run.recorder.steps[0].loss - expected) < 1e-5)
    }

    @Test("Frozen parts keep their bits, and the audit says what changed")
    func frozen() throws {
        let run = try ToyRun(steps: 5)
        let before = run.model.unused.weight.tensor.bytes()
        let audit = try #require(try run.trainer().run().audit)
        #expect(audit.parts.map(\.name) == ["encoder", "decoder", "other"])
        #expect(audit.parts.map(\.changed) == [true, true, false])
        #expect(audit.parts.map(\.trainableCount) == [40, 16, 0])
        #expect(audit.parts.map(\.parameterCount) == [40, 16, 4])
        #expect(run.model.unused.weight.tensor.bytes() == before)
        #expect(audit.table.contains("frozen"))
    }

    @Test("A part that is trainable but cut off from the loss is an error that names it")
    func unmoved() throws {
        var run = try ToyRun(steps: 2)
        run.model.store.unfreeze(under: "unused")
        let optimizers = try OptimizerSet(
            OptimizerConfig(peakLearningRate: 0.01), run.weights, nonEmbeddingParameterCount: 10)
        run.config.parts = ["encoder", "decoder", "unused"]
        let trainer = Trainer(run.config, run.objective, on: TrainingData(run.source.source), optimizers)
        let error = #expect(throws: TrainingError.self) { try trainer.run() }
        #expect(error?.description.contains("declared trainable but unchanged after training: unused") == true)
    }

    @Test("Everything frozen is refused before training")
    func nothingTrainable() throws {
        let model = ToyModel()
        model.store.freeze(under: "")
        let weights = MasterWeights(model.store, computeDType: .float32)
        #expect(throws: ConfigError.self) {
            try OptimizerSet(OptimizerConfig(), weights, nonEmbeddingParameterCount: 10)
        }
    }

    @Test("A step whose loss is not finite is skipped and counted, and the weights survive")
    func skipsNonFinite() throws {
        let run = try ToyRun(
            steps: 6,
            source: ToySource { index in
                let item = ToyItem.make(index)
                return index == 3 ? ToyItem(x: item.x, y: item.y * .infinity) : item
            })
        let end = try run.trainer().run()
        #expect(end.skippedSteps == 1)
        #expect(run.recorder.steps.map { $0.skipped != nil } == [false, false, false, true, false, false])
        #expect(run.recorder.messages.contains { $0.hasPrefix("step 4 was skipped: the loss is") })
        #expect(run.weights.trained.allSatisfy { $0.isFinite().all().item() == 1 })
    }

    @Test("Too many skipped steps in a row stop the run with advice")
    func stopsAfterSkips() throws {
        var run = try ToyRun(
            steps: 50, source: ToySource { ToyItem(x: ToyItem.make($0).x, y: ToyItem.make($0).y * .nan) })
        run.config.maximumSkippedSteps = 3
        let error = #expect(throws: TrainingError.self) { try run.trainer().run() }
        #expect(error?.description.hasPrefix("3 steps in a row were skipped") == true)
        #expect(run.recorder.steps.count == 3)
        #expect(run.recorder.ends.map(\.reason) == [.failed])
    }

    @Test("bfloat16 working copies over float32 masters do not lose small updates")
    func masters() throws {
        var run = try ToyRun(
            steps: 200, computeDType: .bfloat16, optimizer: OptimizerConfig(peakLearningRate: 1e-4),
            source: ToySource { _ in ToyItem.make(0) })
        run.config.schedule = Schedule(warmupSteps: 0, decay: .constant)
        let before = run.weights.trained[0].clone()
        try run.trainer().run()
        #expect(run.weights.trained[0].dtype == .float32)
        #expect(run.model.encoder.weight.tensor.dtype == .bfloat16)
        // 200 steps of 1e-4 move a weight by up to 0.02; one step is far below bfloat16's spacing near 0.5 (0.002).
        #expect((run.weights.trained[0] - before).abs().max().item() > 5e-3)
        let copy = run.model.encoder.weight.tensor.detach()
        #expect(copy.bytes() == run.weights.trained[0].to(.bfloat16).bytes(), "the working copy is the rounded master")
        #expect(run.recorder.steps[199].loss < run.recorder.steps[0].loss)
    }

    @Test("Muon and AdamW share the parameters: block matrices here, the rest there")
    func muonGroups() throws {
        let run = try ToyRun(steps: 30, optimizer: OptimizerConfig(algorithm: .muon, peakLearningRate: 0.01))
        #expect(run.optimizers.groups.map(\.name) == ["adamW", "muon"])
        #expect(run.optimizers.groups[1].optimizer.parameterNames == ["decoder.layers.0.weight"])
        #expect(run.optimizers.groups[0].optimizer.parameterNames == ["encoder.weight", "encoder.bias"])
        try run.trainer().run()
        #expect(run.recorder.steps[29].loss < run.recorder.steps[0].loss)
    }

    @Test("Learning-rate factors apply by the longest prefix, and an unknown prefix is refused")
    func factors() throws {
        let model = ToyModel()
        let weights = MasterWeights(model.store, computeDType: .float32)
        let config = OptimizerConfig(peakLearningRate: 1, learningRateFactors: ["encoder": 0.1, "encoder.bias": 0.5])
        let group = try OptimizerSet(config, weights, nonEmbeddingParameterCount: 10).groups[0]
        #expect(group.factors == [0.1, 0.5, 1])
        let error = #expect(throws: ConfigError.self) {
            try OptimizerSet(
                OptimizerConfig(learningRateFactors: ["encodr": 0.1]), weights, nonEmbeddingParameterCount: 10)
        }
        #expect(error?.description.contains("did you mean 'encoder'") == true)
    }

    @Test(
        "Layer-wise decay slows layers from the last to the first, what stands before them most, and nothing behind them"
    )
    func layerDecay() throws {
        let store = ParameterStore()
        let encoder = store.root / "encoder"
        _ = Linear(2, 2, bias: false, at: encoder / "patches")
        for index in 0..<3 { _ = Linear(2, 2, bias: true, at: encoder / "layers" / index) }
        _ = RMSNorm(2, at: encoder / "norm")
        _ = Linear(2, 2, bias: false, at: store.root / "decoder" / "layers" / 0)
        store.initialize(seed: 1)
        let weights = MasterWeights(store, computeDType: .float32)
        let config = OptimizerConfig(
            peakLearningRate: 1, learningRateFactors: ["encoder.layers.1": 0.1], layerDecay: ["encoder": 0.5])
        let group = try OptimizerSet(config, weights, nonEmbeddingParameterCount: 10).groups[0]
        #expect(group.factors == [1 / 16.0, 0.125, 0.125, 0.025, 0.025, 0.5, 0.5, 1, 1])
        for (prefix, expected) in [("encodr", "did you mean 'encoder'"), ("encoder.norm", "has no numbered layers")] {
            let error = #expect(throws: ConfigError.self) {
                try OptimizerSet(
                    OptimizerConfig(layerDecay: [prefix: 0.9]), weights, nonEmbeddingParameterCount: 10)
            }
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
        #expect(throws: ConfigError.self) { try OptimizerConfig(layerDecay: ["encoder": 1.5]).validate(at: "x") }
    }

    @Test("Out of memory halves the micro-batch, keeps the global batch, and says so")
    func outOfMemory() throws {
        var run = try ToyRun(steps: 3, source: ToySource { ToyItem.make($0, rowCount: 8) })
        let reference = try ToyRun(steps: 3, source: ToySource { ToyItem.make($0, rowCount: 8) })
        let objective = run.objective
        run.objective = Objective(name: objective.name, weight: objective.weight) { item in
            // More than two rows do not fit: an absurd allocation fails as a real one does.
            if item.rowCount > 2 { _ = Tensor.empty([1 << 46]) }
            return try objective.loss(item)
        }
        try run.trainer().run()
        try reference.trainer().run()
        #expect(run.recorder.messages.count == 2, "8 rows, then 4, then 2 fit")
        #expect(run.recorder.messages.first?.contains("out of memory in step 1: micro-batches are halved") == true)
        for (a, b) in try pairs(run.recorder.steps, reference.recorder.steps) {
            #expect(abs(a.loss - b.loss) < 1e-5 * b.loss)
        }
        #expect(run.recorder.steps.allSatisfy { $0.tokenCount == 8 })
    }

    @Test("One row that does not fit is one sentence")
    func outOfMemoryForGood() throws {
        var run = try ToyRun(steps: 3)
        let objective = run.objective
        run.objective = Objective(name: objective.name, weight: objective.weight) { item in
            _ = Tensor.empty([1 << 46])
            return try objective.loss(item)
        }
        let error = #expect(throws: TrainingError.self) { try run.trainer().run() }
        #expect(error?.description.hasPrefix("out of memory in step 1 with one row per micro-batch") == true)
    }

    @Test("A run limited by time stops on time and decays its rate to the end")
    func runLimitedByTime() throws {
        // The test's own clock: every look at it takes a millisecond.
        var seconds = 0.0
        var run = try ToyRun(steps: 1)
        run.config.clock = {
            seconds += 0.001
            return seconds
        }
        run.config.limit = RunLimit(steps: nil, maximumSeconds: 0.3)
        run.config.schedule = Schedule(warmupFraction: 0.1, decay: .cosine(finalFraction: 0.1))
        let end = try run.trainer().run()
        #expect(end.elapsedSeconds >= 0.3 && end.elapsedSeconds < 0.31)
        #expect(run.recorder.steps.count > 10)
        let last = try #require(run.recorder.steps.last)
        #expect(last.learningRate < 0.0015)
        #expect(last.progress > 0.9)
    }

    @Test("The end of the data ends the stage")
    func endOfData() throws {
        let run = try ToyRun(steps: 10, source: ToySource(count: 4) { ToyItem.make($0) })
        #expect(try run.trainer().run().reason == .endOfData)
        #expect(run.recorder.steps.count == 4)
    }

    /// This thread's tensors, counted now and then.
    private final class Usage: TrainingObserver {
        var tensors: [Int] = []
        func onStep(_ report: StepReport) throws {
            if report.step % 1000 == 0 { tensors.append(TorchRuntime.threadTensorBalance) }
        }
    }

    @Test("Live tensors stay the same over 10,000 steps")
    func manySteps() throws {
        let run = try ToyRun(steps: 10_000)
        let usage = Usage()
        try Trainer(
            run.config, run.objective, on: TrainingData(run.source.source), run.optimizers,
            TrainingHooks(observers: [usage])
        ).run()
        #expect(usage.tensors.count == 10 && Set(usage.tensors).count == 1, "\(usage.tensors)")
    }

    @Test("Steps leave no tensors behind")
    func liveTensors() throws {
        let run = try ToyRun(steps: 3)
        try run.trainer().run()
        let counts = try (0..<2).map { _ in
            let again = Trainer(run.config, run.objective, on: TrainingData(run.source.source), run.optimizers)
            try again.run()
            return TorchRuntime.threadTensorBalance
        }
        #expect(counts[0] == counts[1])
    }
}
