import Testing
import Torch
import Training

/// Losses that halves of a micro-batch do not add up to.
@Suite struct OutOfMemoryTests {
    /// A run in which more than two rows do not fit: an absurd allocation fails as a real one does.
    private func run(_ division: MicrobatchDivision) throws -> ToyRun {
        var run = try ToyRun(steps: 2, source: ToySource { ToyItem.make($0, rowCount: 8) })
        let objective = run.objective
        run.objective = Objective(name: "toy", division: division, weight: objective.weight) { item in
            if item.rowCount > 2 { _ = Tensor.empty([1 << 46]) }
            return try objective.loss(item)
        }
        return run
    }

    @Test func `A loss that depends on the whole micro-batch is never halved, and says why and what to do`() throws {
        let run = try run(.refused("the loss compares all rows"))
        let error = #expect(throws: TrainingError.self) { try run.trainer().run() }
        #expect(
            error?.description.hasPrefix(
                "out of memory in step 1: the loss compares all rows, so its micro-batch cannot be halved; use a smaller "
                    + "microbatchSize") == true, "\(error as Any)")
        #expect(run.recorder.steps.isEmpty && run.recorder.messages.isEmpty)
    }

    @Test func `A checkpoint with halvings does not halve such a loss either`() throws {
        var state = TrainerState(stageIndex: 0, stage: "toy", step: 0)
        state.halvings = 2
        state.sourcePosition = "0"
        var whole = try ToyRun(steps: 1, source: ToySource { ToyItem.make($0, rowCount: 8) })
        var rowCounts: [Int] = []
        let objective = whole.objective
        whole.objective = Objective(name: "toy", division: .refused("all rows"), weight: objective.weight) { item in
            rowCounts.append(item.rowCount)
            return try objective.loss(item)
        }
        try whole.trainer().run(resuming: state)
        #expect(rowCounts == [8])
    }

    @Test func `What is drawn anew in the halves is said`() throws {
        let run = try run(.redrawing("the dropout"))
        try run.trainer().run()
        #expect(run.recorder.steps.count == 2 && run.recorder.messages.count == 2)
        #expect(
            run.recorder.messages.allSatisfy {
                $0.hasSuffix("the global batch stays; each half draws the dropout again")
            })
    }
}
