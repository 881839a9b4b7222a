import DataPipeline
import Digests
import NN
import Processors
import SyrinxModels
import Torch
import Training

extension Recipe.Objective {
    /// The next token of packed sequences.
    public static let nextToken = Self(rawValue: "nextToken")
}

extension RecipeObjective {
    /// Next-token prediction on packed sequences: the mean over supervised tokens, plus the z-loss.
    static let nextToken = Self(
        name: "nextToken", summary: "Predicts the next token of packed sequences.", data: .packedSequences,
        trainsText: true,
        load: { recipe, count in
            let positions = count * recipe.data.contextLength
            // At the most, every position is an image's or is scored; a few words come with each image.
            return Load(
                positions: positions, images: 0...(positions / (recipe.model.outline.imageEncoder.tokenCount + 32)),
                scored: positions)
        },
        train: { run in try run.train(run.nextToken(), on: run.packedSequences()) })
}

extension ObjectiveRun {
    fileprivate func nextToken() -> Objective<Batch> {
        let (model, computeDType, device) = (model, computeDType, device)
        let (seed, zLossScale) = (recipe.seed, stage.zLossScale)
        let hasDropout = recipe.lora.map { $0.dropout > 0 } ?? false
        return Objective(
            name: "nextToken", division: hasDropout ? .redrawing("LoRA's dropout") : .exact,
            weight: { Double($0.supervisedTokenCount) },
            auxiliaryWeights: { model.auxiliaryWeights($0.input) }
        ) { batch in
            let input = batch.input.to(device).castingMedia(to: computeDType)
            // From the batch alone: a resumed run drops the same inputs of LoRA's terms, and validation drops none.
            var context = ForwardContext.current
            if isGradEnabled { context.dropoutSeed = seed ^ stableHash64(batch.itemIDs.joined(separator: " ")) }
            let loss = context.run {
                model.nextTokenLoss(input, labels: batch.labels.to(device), zLossScale: zLossScale)
            }
            return StepLoss(
                total: loss.total, parts: loss.parts, auxiliary: loss.auxiliary, tokenCount: batch.filledTokenCount,
                imageCount: batch.imageCount,
                floatingPointOperations: operations(
                    tokens: batch.filledTokenCount, scored: loss.count, images: batch.imageCount))
        }
    }
}
