import DataPipeline
import Processors
import SyrinxModels
import Torch
import Training

// What the objectives over images with captions share.

extension RecipeObjective.Load {
    /// `count` images, each scored once.
    static func images(_ count: Int) -> Self { Self(positions: 0, images: count...count, scored: count) }
}

extension ObjectiveRun {
    /// A loss summed over images, as the trainer takes it.
    func step(_ loss: Tensor, named name: String, _ images: CaptionedImages) -> StepLoss {
        let count = images.itemIDs.count
        return StepLoss(
            total: loss, parts: [name: loss], tokenCount: count * (model.tokenContract.tokenCount(of: .image) ?? 0),
            imageCount: count,
            floatingPointOperations: operations(tokens: 0, scored: count, images: count))
    }
}
