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
}

extension MultimodalLanguageModel {
    /// The cross-entropy of the token after every labelled position, summed.
    ///
    /// Scores are computed at labelled positions alone, in float32.
    /// - Parameters:
    ///   - labels: int64[B, T]; the token expected after each position, `ignoreIndex` where none is.
    ///   - zLossScale: factor of the squared log-normaliser (arXiv 2403.09611 uses 1e-4 at 30B); 0 leaves it out.
    public func nextTokenLoss(_ input: ModelInput, labels: Tensor, zLossScale: Double = 0) -> LossSum {
        let flatLabels = labels.reshape([-1])
        let kept = flatLabels.notEqual(to: Double(ignoreIndex)).nonzero().reshape([-1])
        let hidden = hiddenStates(
            embeddings: embed(input), positionIDs: input.positionIDs, layout: input.layout,
            visualPositions: input.visualPositions, cache: nil)
        let keptHidden = hidden.reshape([-1, hidden.size(-1)]).indexSelect(dim: 0, kept)
        let scores = logits(hiddenStates: keptHidden).to(.float32)  // [S, V]
        let entropy = crossEntropy(scores, flatLabels.indexSelect(dim: 0, kept), reduction: .sum)
        guard zLossScale > 0 else {
            return LossSum(total: entropy, parts: ["cross_entropy": entropy], count: kept.elementCount)
        }
        let penalty = scores.logsumexp(dim: -1).square().sum() * zLossScale
        return LossSum(
            total: entropy + penalty, parts: ["cross_entropy": entropy, "z_loss": penalty], count: kept.elementCount)
    }

    /// How well the mean visual token predicts which tokens an image's caption has, summed over images.
    ///
    /// For each image, the softmax over the vocabulary is compared with the caption's distinct tokens, each with equal
    /// weight. Needs no text encoder: a warm start for an encoder and connector that begin untrained.
    /// - Parameters:
    ///   - pixelValues: float32[N, 3, H, W].
    ///   - captions: the token IDs of each image's caption.
    public func bagOfWordsLoss(pixelValues: Tensor, captions: [[Int]]) -> LossSum {
        let pooled = visualTokens(pixelValues).mean(dims: [1])  // [N, D]
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
}
