public import DataPipeline
public import NN
import Processors
public import SyrinxModels
public import Tokenizers
public import Torch
public import Training

/// A stage that is about to be trained, as its objective sees it.
public struct ObjectiveRun {
    let run: StageRun
    /// The stage's place in the recipe.
    public let stageIndex: Int
    let optimizers: OptimizerSet
    /// Updates that earlier stages made.
    let stepsBefore: Int
    /// Where the stage is taken up again; nil at its start.
    let saved: CheckpointStore.Saved?

    public var recipe: Recipe { run.recipe }
    public var stage: Recipe.Stage { recipe.stages[stageIndex] }
    public var model: any MultimodalLanguageModel { run.built.model }
    /// The model's parameters.
    public var store: ParameterStore { run.built.store }
    public var tokenizer: any Tokenizer { run.data.tokenizer }
    /// What the model computes in, and where.
    public var computeDType: DType { run.machine.computeDType }
    public var device: Device { run.machine.device }

    /// Sequences packed from examples, of which the stage's mixture says how many of each kind.
    public func packedSequences() throws -> TrainingData<Batch> {
        TrainingData(try run.data.packed(stage, say: run.say), validation: run.data.validation(stage))
    }

    /// Images with captions.
    public func captionedImages() throws -> TrainingData<CaptionedImages> {
        TrainingData(try run.data.images(stage), validation: run.data.imageValidation(stage))
    }

    /// Floating-point operations of forward and twice as much backward; attention's own products, a few percent at these
    /// lengths, are left out.
    public func operations(tokens: Int, scored: Int, images: Int) -> Double {
        3
            * model.forwardOperations(
                ForwardWork(tokenCount: tokens, scoredCount: scored, itemCounts: [.image: images]))
    }

    /// Trains the stage to its end, with the recipe's batch sizes, schedule, validations and checkpoints.
    public func train<Item: TrainingItem>(
        _ objective: Objective<Item>, on data: TrainingData<Item>
    ) throws -> EndReport {
        let hooks = TrainingHooks(observers: run.observers) { state in
            try run.checkpoints.save(
                state, weights: run.weights.trainedStateDict, optimizer: optimizers.state, files: run.files)
        }
        var objective = objective
        let (loss, context) = (objective.loss, ForwardContext(recomputation: recipe.recompute))
        objective.loss = { item in try context.run { try loss(item) } }
        return try Trainer(config(), objective, on: data, optimizers, hooks).run(resuming: saved?.state)
    }

    private func config<Item: TrainingItem>() -> Trainer<Item>.Config {
        .init(
            stage: stage.name, stageIndex: stageIndex, stageCount: recipe.stages.count, stepsBefore: stepsBefore,
            limit: stage.limit, accumulationSteps: stage.accumulationSteps,
            schedule: stage.schedule, clipNorm: stage.optimizer.clipNorm,
            maximumSkippedSteps: stage.optimizer.maximumSkippedSteps, validationInterval: stage.validationInterval,
            checkpointInterval: recipe.checkpoints.interval, parts: run.built.shape.outline.parts,
            peakOperationsPerSecond: MachinePeak.operationsPerSecond(dtype: computeDType, device: device))
    }
}
