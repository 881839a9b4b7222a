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

    /// Runs stage `index`, from its start or from a checkpoint.
    func run(_ index: Int, step: Int, resuming saved: CheckpointStore.Saved?) throws -> EndReport {
        let stage = recipe.stages[index]
        try built.freeze(stage.freeze, at: "\(recipe.name), stages.\(index).freeze")
        if stage.copiesTextBranch, saved == nil { try copyTextBranch() }
        let optimizers = try OptimizerSet(
            stage.optimizer, weights, nonEmbeddingParameterCount: built.nonEmbeddingParameterCount)
        if let saved { try optimizers.restore(saved.optimizerState) }
        let objectives = Objectives(
            model: built.model, store: built.store, seed: recipe.seed, computeDType: machine.computeDType,
            device: machine.device, hasDropout: recipe.lora.map { $0.dropout > 0 } ?? false)
        let peak = MachinePeak.operationsPerSecond(dtype: machine.computeDType, device: machine.device)
        func train<Item: TrainingItem>(
            _ source: TrainingSource<Item>, _ objective: Objective<Item>, _ validation: [ValidationSet<Item>]
        ) throws -> EndReport {
            let config = Trainer<Item>.Config(
                stage: stage.name, stageIndex: index, stageCount: recipe.stages.count, limit: stage.limit,
                accumulationSteps: stage.accumulationSteps,
                schedule: stage.schedule, clipNorm: stage.optimizer.clipNorm,
                maximumSkippedSteps: stage.optimizer.maximumSkippedSteps, validationInterval: stage.validationInterval,
                checkpointInterval: recipe.checkpoints.interval, parts: built.shape.outline.parts,
                peakOperationsPerSecond: peak
            )
            let trainer = Trainer(
                config, weights: weights, optimizers: optimizers, source: source, objective: objective,
                validation: validation, observers: observers, step: step
            ) { state in
                try checkpoints.save(
                    state, weights: weights.trainedStateDict, optimizer: optimizers.state, files: files)
            }
            return try trainer.run(resuming: saved?.state)
        }
        switch stage.objective {
        case .nextToken:
            return try train(
                data.packed(stage, say: say), objectives.nextToken(zLossScale: stage.zLossScale),
                data.validation(stage))
        case .bagOfWords:
            return try train(data.images(stage), objectives.bagOfWords(), data.imageValidation(stage))
        case .contrastive:
            return try train(data.images(stage), objectives.contrastive(), data.imageValidation(stage))
        }
    }
}

extension StageRun {
    /// What the decoder has for images becomes what it has for text.
    private func copyTextBranch() throws {
        let weights = weights.stateDict
        try self.weights.restore { weights[built.shape.textBranch(of: $0) ?? $0] }
        say("the decoder's branch for images starts as a copy of that for text")
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
