import DataPipeline
import SyrinxModels
import Torch
import Training

extension Recipe.Objective {
    /// The mean image token finds its caption's mean token embedding among the micro-batch's.
    public static let contrastive = Self(rawValue: "contrastive")
}

extension RecipeObjective {
    /// Images and captions find each other within the micro-batch, both ways (the symmetric loss of CLIP, arXiv
    /// 2103.00020), with the mean embedding of the caption's distinct tokens for a text encoder.
    static let contrastive = Self(
        name: "contrastive",
        summary: "Finds the caption of each image among those of the micro-batch, and the reverse.",
        data: .captionedImages, load: { _, count in .images(count) },
        mistake: { stage, _ in
            stage.microbatchSize > 1
                ? nil
                : Mistake(
                    key: "microbatchSize",
                    problem: "a contrastive loss needs at least 2 images per micro-batch, got \(stage.microbatchSize)")
        },
        train: { run in try run.train(run.contrastive(), on: run.captionedImages()) })
}

extension ObjectiveRun {
    fileprivate func contrastive(temperature: Double = 0.07) -> Objective<CaptionedImages> {
        Objective(
            name: "contrastive", division: .refused("the contrastive loss compares all images of a micro-batch"),
            weight: { Double($0.itemIDs.count) }
        ) { images in
            let pooled = model.pooledImages(images.pixelValues.to(device).to(computeDType)).to(.float32)
            let texts = Tensor.stack(
                images.captionTokenIDs.map { caption in
                    let distinct = Set(caption).sorted().map(Int64.init)
                    return model.embed(tokenIDs: Tensor(distinct, shape: [1, distinct.count]).to(device)).mean(dims: [
                        0, 1,
                    ])
                }, dim: 0
            ).to(.float32)  // [N, D]
            let scores = unit(pooled).matmul(unit(texts).transpose(0, 1)) * (1 / temperature)  // [N, N]
            let labels = Tensor.arange(images.itemIDs.count, device: device)
            let loss =
                (crossEntropy(scores, labels, reduction: .sum)
                    + crossEntropy(scores.transpose(0, 1), labels, reduction: .sum)) * 0.5
            return step(loss, named: "contrastive", images)
        }
    }

    private func unit(_ rows: Tensor) -> Tensor {
        rows * (rows.square().sum(dims: [-1], keepDim: true) + 1e-12).rsqrt()
    }
}
