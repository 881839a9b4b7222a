import NN
import SyrinxModels
import TestSupport
import Testing
import Torch
import Training

/// Terms of the loss that are normalised by weights of their own.
@Suite struct AuxiliaryLossTests {
    /// The toy task with a term over some rows alone, so that its weight is another share of each micro-batch than the main one's.
    private static func objective(_ model: ToyModel) -> Objective<ToyItem> {
        let plain = Objective.squaredError(model)
        return Objective(
            name: "toy", weight: plain.weight, auxiliaryWeights: { ["balance": Double(rows($0).elementCount)] }
        ) { item in
            var loss = try plain.loss(item)
            let rows = rows(item)
            let hidden = model.encoder(item.x.indexSelect(dim: 0, rows))
            loss.auxiliary = [
                AuxiliaryLoss(
                    name: "balance", sum: hidden.logsumexp(dim: -1).square().sum() * 0.3,
                    weight: Double(rows.elementCount))
            ]
            return loss
        }
    }

    /// The rows that the term is about.
    private static func rows(_ item: ToyItem) -> Tensor {
        let values = item.x.select(dim: 1, index: 0).array(of: Float.self)
        return Tensor(values.indices.filter { values[$0] > 0 }.map(Int64.init))
    }

    /// Rows of one step, cut in micro-batches of `rowCount`.
    private func run(rowCount: Int, steps: Int = 4) throws -> ToyRun {
        let pieces = 16 / rowCount
        var run = try ToyRun(
            steps: steps, accumulationSteps: pieces,
            source: ToySource { index in
                let whole = ToyItem.make(index / pieces, rowCount: 16)
                return ToyItem(
                    x: whole.x.narrow(dim: 0, start: index % pieces * rowCount, length: rowCount),
                    y: whole.y.narrow(dim: 0, start: index % pieces * rowCount, length: rowCount))
            })
        run.objective = Self.objective(run.model)
        return run
    }

    private func expectEqual(_ run: ToyRun, _ reference: ToyRun) throws {
        #expect(run.recorder.steps.count == 4)
        for (a, b) in try pairs(run.recorder.steps, reference.recorder.steps) {
            #expect(abs(a.loss - b.loss) < 1e-5 * b.loss)
            #expect(abs(a.gradientNorm - b.gradientNorm) < 1e-5 * b.gradientNorm)
            for name in ["squared", "balance"] {
                let (part, expected) = (try #require(a.parts[name]), try #require(b.parts[name]))
                #expect(expected > 0 && abs(part - expected) < 1e-5 * expected, "\(name)")
            }
        }
        for (a, b) in try pairs(run.weights.trained, reference.weights.trained) {
            #expect((a - b).abs().max().item() < 1e-5)
        }
    }

    @Test func `The loss is the sum of its terms, each over its own weight in the whole global batch`() throws {
        let run = try run(rowCount: 4, steps: 1)
        let model = ToyModel()
        let whole = ToyItem.make(0, rowCount: 16)
        let rows = Self.rows(whole)
        #expect(rows.elementCount > 0 && rows.elementCount < 16)
        let main = (model(whole.x) - whole.y).square().sum().item() / 16
        let hidden = model.encoder(whole.x.indexSelect(dim: 0, rows))
        let balance = hidden.logsumexp(dim: -1).square().sum().item() * 0.3 / Double(rows.elementCount)
        try run.trainer().run()
        let step = run.recorder.steps[0]
        #expect(abs(step.loss - main - balance) < 1e-5 * step.loss)
        #expect(abs(try #require(step.parts["balance"]) - balance) < 1e-5)
    }

    @Test(arguments: [8, 4, 2, 1])
    func `Accumulation over micro-batches has the loss, gradients and weights of one batch`(rowCount: Int) throws {
        let whole = try run(rowCount: 16), parts = try run(rowCount: rowCount)
        try whole.trainer().run()
        try parts.trainer().run()
        try expectEqual(parts, whole)
    }

    @Test(arguments: [1, 2, 4])
    func `Halved micro-batches have the loss, gradients and weights of the whole`(halvings: Int) throws {
        let whole = try run(rowCount: 16), halved = try run(rowCount: 16)
        try whole.trainer().run()
        var state = TrainerState(stageIndex: 0, stage: "toy", step: 0)
        state.halvings = halvings
        state.sourcePosition = "0"
        try halved.trainer().run(resuming: state)
        try expectEqual(halved, whole)
    }

    @Test func `Held-out losses have the auxiliary terms, too`() throws {
        var run = try run(rowCount: 16, steps: 1)
        let first = ToyItem.make(0, rowCount: 16)
        run.validation = [ValidationSet(name: "same", maximumBatches: 1) { ToySource { _ in first }.source }]
        try run.trainer().run()
        let loss = try #require(run.recorder.validations.first?.sources.first?.loss)
        #expect(abs(loss - run.recorder.steps[0].loss) < 1e-5 * loss)
    }

    @Test func `A term whose weight was not told, or was another, ends the run with its name`() throws {
        var untold = try run(rowCount: 16)
        untold.objective.auxiliaryWeights = { _ in [:] }
        let first = #expect(throws: TrainingError.self) { try untold.trainer().run() }
        #expect(
            first?.description.contains("an auxiliary term 'balance' whose weight the objective did not give") == true)
        var wrong = try run(rowCount: 16)
        wrong.objective.auxiliaryWeights = { ["balance": Double($0.rowCount)] }
        let second = #expect(throws: TrainingError.self) { try wrong.trainer().run() }
        #expect(second?.description.contains("'balance' of the loss was summed over a weight of") == true)
        #expect(second?.description.contains("but the objective gave 16.0") == true)
        #expect(untold.recorder.steps.isEmpty && wrong.recorder.steps.isEmpty)
    }
}
