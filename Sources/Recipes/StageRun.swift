import DataPipeline
import Digests
import NN
import SyrinxModels
import Torch
import Training

/// Runs the stages of a recipe, one after the other, on the same weights.
struct StageRun {
    let recipe: Recipe
    let built: RecipeModel
    let data: RecipeData
    let weights: MasterWeights
    let machine: RecipeMachine
    let checkpoints: CheckpointStore
    let observers: [any TrainingObserver]
    let say: (String) -> Void
    /// What every checkpoint carries besides tensors and state.
    let files: [String: [UInt8]]

    /// Runs the stages that are left: all of them, or those from where `saved` is.
    ///
    /// - Returns: one report for each.
    func run(resuming saved: CheckpointStore.Saved?) throws -> [EndReport] {
        var reports: [EndReport] = []
        var step = saved?.state.step ?? 0
        var first = saved?.state.stageIndex ?? 0
        if saved?.state.isStageFinished == true { first += 1 }
        for index in recipe.stages.indices.dropFirst(first) {
            let report = try run(
                index, step: step, resuming: saved.flatMap { $0.state.stageIndex == index ? $0 : nil })
            reports.append(report)
            step = report.step
        }
        return reports
    }

    /// Runs stage `index`, from its start or from a checkpoint.
    private func run(_ index: Int, step: Int, resuming saved: CheckpointStore.Saved?) throws -> EndReport {
        let stage = recipe.stages[index]
        let objective = try ObjectiveRegistry.objective(
            stage.objective, at: "\(recipe.name), stages.\(index).objective")
        try built.freeze(stage.freeze, at: "\(recipe.name), stages.\(index).freeze")
        if stage.copiesTextBranch, saved == nil { try copyTextBranch() }
        let optimizers = try OptimizerSet(
            stage.optimizer, weights, nonEmbeddingParameterCount: built.nonEmbeddingParameterCount)
        if let saved { try optimizers.restore(saved.optimizerState) }
        return try objective.train(
            ObjectiveRun(run: self, stageIndex: index, optimizers: optimizers, stepsBefore: step, saved: saved))
    }
}

extension StageRun {
    /// What the decoder has for images becomes what it has for text.
    private func copyTextBranch() throws {
        let weights = weights.stateDict
        try self.weights.restore { weights[built.shape.textBranch(of: $0) ?? $0] }
        say("the decoder's branch for images starts as a copy of the branch for text")
    }
}

/// One number for all weights.
enum WeightsHash {
    /// SHA-256 over names and bytes, in order.
    static func of(_ dictionary: StateDict) -> String {
        var hasher = SHA256Hasher()
        for (name, tensor) in dictionary.pairs {
            hasher.update(name)
            tensor.to(.cpu).contiguous().withUnsafeBytes { hasher.update($0) }
        }
        return hasher.finalize().hex
    }
}
