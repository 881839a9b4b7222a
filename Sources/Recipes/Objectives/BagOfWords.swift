import DataPipeline
import SyrinxModels
import Torch
import Training

extension Recipe.Objective {
    /// The mean image token predicts which tokens the caption has: an encoder's warm start without a text encoder.
    public static let bagOfWords = Self(rawValue: "bagOfWords")
}

extension RecipeObjective {
    /// The caption's distinct tokens from the mean image token: the mean over images.
    static let bagOfWords = Self(
        name: "bagOfWords", summary: "Predicts from an image which tokens its caption has.", data: .captionedImages,
        load: { _, count in .images(count) },
        train: { run in try run.train(run.bagOfWords(), on: run.captionedImages()) })
}

extension ObjectiveRun {
    fileprivate func bagOfWords() -> Objective<CaptionedImages> {
        Objective(name: "bagOfWords", weight: { Double($0.itemIDs.count) }) { images in
            let loss = model.bagOfWordsLoss(
                pixelValues: images.pixelValues.to(device).to(computeDType), captions: images.captionTokenIDs)
            return step(loss.total, named: "bag_of_words", images)
        }
    }
}
