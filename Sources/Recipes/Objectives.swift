public import DataPipeline
import Digests
import NN
import Processors
import SyrinxModels
import Torch
public import Training

/// The objectives of recipes over the two kinds of micro-batch.
struct Objectives {
    let model: any MultimodalLanguageModel
    let recomputation: Recomputation
    let seed: UInt64
    let computeDType: DType
    let device: Device
    /// Whether LoRA's terms drop inputs.
    let hasDropout: Bool

    /// Next-token prediction on packed sequences: the mean over supervised tokens, plus the z-loss.
    func nextToken(zLossScale: Double) -> Objective<Batch> {
        Objective(
            name: "nextToken", division: hasDropout ? .redrawing("LoRA's dropout") : .exact,
            weight: { Double($0.supervisedTokenCount) }
        ) { batch in
            let input = batch.input.to(device).castingMedia(to: computeDType)
            // From the batch alone: a resumed run drops the same inputs of LoRA's terms, and validation drops none.
            let context = ForwardContext(
                dropoutSeed: isGradEnabled ? seed ^ stableHash64(batch.itemIDs.joined(separator: " ")) : nil,
                recomputation: recomputation)
            let loss = context.run {
                model.nextTokenLoss(input, labels: batch.labels.to(device), zLossScale: zLossScale)
            }
            return StepLoss(
                total: loss.total, parts: loss.parts, tokenCount: batch.filledTokenCount, imageCount: batch.imageCount,
                floatingPointOperations: operations(
                    tokens: batch.filledTokenCount, scored: loss.count, images: batch.imageCount))
        }
    }

    /// The caption's distinct tokens from the mean image token: the mean over images.
    func bagOfWords() -> Objective<CaptionedImages> {
        Objective(name: "bagOfWords", weight: { Double($0.itemIDs.count) }) { images in
            let loss = ForwardContext(recomputation: recomputation).run {
                model.bagOfWordsLoss(
                    pixelValues: images.pixelValues.to(device).to(computeDType), captions: images.captionTokenIDs)
            }
            return step(loss.total, loss.parts, images)
        }
    }

    /// Images and captions find each other within the micro-batch, both ways (the symmetric loss of CLIP, arXiv
    /// 2103.00020), with the mean embedding of the caption's distinct tokens for a text encoder.
    func contrastive(temperature: Double = 0.07) -> Objective<CaptionedImages> {
        Objective(
            name: "contrastive", division: .refused("the contrastive loss compares all images of a micro-batch"),
            weight: { Double($0.itemIDs.count) }
        ) { images in
            let pooled = ForwardContext(recomputation: recomputation).run {
                model.pooledImages(images.pixelValues.to(device).to(computeDType)).to(.float32)
            }
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
            return step(loss, ["contrastive": loss], images)
        }
    }

    private func unit(_ rows: Tensor) -> Tensor {
        rows * (rows.square().sum(dims: [-1], keepDim: true) + 1e-12).rsqrt()
    }

    private func step(_ total: Tensor, _ parts: [String: Tensor], _ images: CaptionedImages) -> StepLoss {
        let count = images.itemIDs.count
        return StepLoss(
            total: total, parts: parts, tokenCount: count * (model.tokenContract.tokenCount(of: .image) ?? 0),
            imageCount: count,
            floatingPointOperations: operations(tokens: 0, scored: count, images: count))
    }

    /// Forward and twice as much backward; attention's own products, a few percent at these lengths, are left out.
    private func operations(tokens: Int, scored: Int, images: Int) -> Double {
        3 * model.forwardOperations(ForwardWork(tokenCount: tokens, scoredCount: scored, itemCounts: [.image: images]))
    }
}

extension Batch: TrainingItem {
    /// The first and the second half of the rows, each with its own media.
    public func halves() -> (Batch, Batch)? {
        let rows = labels.size(0)
        guard rows > 1 else { return nil }
        func part(_ range: Range<Int>) -> Batch {
            var part = self
            part.labels = labels.narrow(dim: 0, start: range.lowerBound, length: range.count)
            part.input = input.rows(range)
            part.rowSources = Array(rowSources[range])
            part.itemIDs = zip(itemIDs, input.layout.segments).filter { range.contains($1.row) }.map(\.0)
            part.imageCount = part.input.itemCount(of: .image)
            part.supervisedTokenCount = Int(part.labels.notEqual(to: Double(ignoreIndex)).sum().item())
            part.filledTokenCount = part.input.layout.segments.reduce(0) { $0 + $1.length }
            part.textTokenCount = part.filledTokenCount - part.input.mediaTokenCount
            return part
        }
        return (part(0..<rows / 2), part(rows / 2..<rows))
    }
}

extension CaptionedImages: TrainingItem {
    /// The first and the second half of the images.
    public func halves() -> (CaptionedImages, CaptionedImages)? {
        let count = itemIDs.count
        guard count > 1 else { return nil }
        func part(_ range: Range<Int>) -> CaptionedImages {
            CaptionedImages(
                pixelValues: pixelValues.narrow(dim: 0, start: range.lowerBound, length: range.count),
                captionTokenIDs: Array(captionTokenIDs[range]), itemIDs: Array(itemIDs[range]))
        }
        return (part(0..<count / 2), part(count / 2..<count))
    }
}
