public import Processors
public import Torch

/// A loss summed over its items, with the number of items, so that micro-batches of any size add up exactly.
public struct LossSum {
    /// float32 scalar: the sum over all items, regularisers included.
    public var total: Tensor
    /// float32 scalars that add up to `total`, by name.
    public var parts: [String: Tensor]
    /// How many items were summed.
    public var count: Int
    /// What the model adds, each a sum over a weight of its own; not in `total`.
    public var auxiliary: [AuxiliaryLoss] = []
}

extension MultimodalLanguageModel {
    /// The cross-entropy of the token after every labelled position, summed.
    ///
    /// Scores are computed at labelled positions alone, in float32.
    /// - Parameters:
    ///   - labels: int64[B, T]; the token expected after each position, `ignoreIndex` where none is.
    ///   - zLossScale: factor of the squared log-normaliser (arXiv 2403.09611 uses 1e-4 at 30B); 0 leaves it out.
    public func nextTokenLoss(_ input: ModelInput, labels: Tensor, zLossScale: Double = 0) -> LossSum {
        let output = decode(
            embed(input),
            DecoderPass(positionIDs: input.positionIDs, layout: input.layout, mediaPositions: input.mediaPositions))
        return nextTokenLoss(output, labels: labels, zLossScale: zLossScale)
    }

    /// The same for what the decoder gave, whose auxiliary losses are passed on.
    func nextTokenLoss(_ output: DecoderOutput, labels: Tensor, zLossScale: Double) -> LossSum {
        let hidden = output.hiddenStates
        let flatLabels = labels.reshape([-1])
        let kept = flatLabels.notEqual(to: Double(ignoreIndex)).nonzero().reshape([-1])
        let keptHidden = hidden.reshape([-1, hidden.size(-1)]).indexSelect(dim: 0, kept)
        let scores = logits(hiddenStates: keptHidden).to(.float32)  // [S, V]
        let entropy = crossEntropy(scores, flatLabels.indexSelect(dim: 0, kept), reduction: .sum)
        var loss = LossSum(
            total: entropy, parts: ["cross_entropy": entropy], count: kept.elementCount,
            auxiliary: output.auxiliaryLosses)
        if zLossScale > 0 {
            let penalty = scores.logsumexp(dim: -1).square().sum() * zLossScale
            loss.total = entropy + penalty
            loss.parts["z_loss"] = penalty
        }
        return loss
    }

    /// How well the mean token of an image predicts which tokens an image's caption has, summed over images.
    ///
    /// For each image, the softmax over the vocabulary is compared with the caption's distinct tokens, each with equal
    /// weight. Needs no text encoder: a warm start for an encoder and connector that begin untrained.
    /// - Parameters:
    ///   - pixelValues: float32[N, 3, H, W].
    ///   - captions: the token IDs of each image's caption.
    public func bagOfWordsLoss(pixelValues: Tensor, captions: [[Int]]) -> LossSum {
        let pooled = pooledImages(pixelValues)  // [N, D]
        let scores = logits(hiddenStates: pooled).to(.float32).logSoftmax(dim: -1)  // [N, V]
        var positions: [Int64] = []
        var weights: [Float] = []
        for (row, caption) in captions.enumerated() {
            let distinct = Set(caption).sorted()
            positions += distinct.map { Int64(row * vocabularySize + $0) }
            weights += distinct.map { _ in 1 / Float(distinct.count) }
        }
        let device = scores.device
        let picked = scores.reshape([-1]).indexSelect(dim: 0, Tensor(positions).to(device))
        let loss = -(picked * Tensor(weights).to(device)).sum()
        return LossSum(total: loss, parts: ["bag_of_words": loss], count: captions.count)
    }

    /// The mean token [N, D] of each image float32[N, 3, H, W].
    public func pooledImages(_ values: Tensor) -> Tensor {
        let count = values.size(0), tokens = encode(values, .image)
        return tokens.reshape([count, tokens.size(0) / count, tokens.size(1)]).mean(dims: [1])
    }
}
