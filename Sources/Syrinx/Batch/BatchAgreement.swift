public import Generation
import Torch

/// How far answers that were computed together are those of the same prompts computed alone.
public struct BatchAgreement: Sendable, Hashable {
    /// Answers compared.
    public private(set) var itemCount = 0
    /// Answers whose tokens are all the same.
    public private(set) var identicalCount = 0
    /// Steps whose predictions were compared: those that follow the same tokens in both.
    public private(set) var stepCount = 0
    /// The largest difference of any logit.
    public private(set) var largestDifference = 0.0
    /// The largest difference of a step's logits as a share of its largest logit.
    public private(set) var largestRelativeDifference = 0.0

    /// No comparison yet.
    public init() {}

    /// Compares one prompt's two results, both with their logits.
    public mutating func add(together: GenerationResult, alone: GenerationResult) {
        itemCount += 1
        if together.tokenIDs == alone.tokenIDs { identicalCount += 1 }
        guard let first = together.logits, let second = alone.logits else { return }
        let common = zip(together.tokenIDs, alone.tokenIDs).prefix { $0 == $1 }.count
        let steps = min(common + 1, first.size(0), second.size(0))
        let reference = second.narrow(dim: 0, start: 0, length: steps).abs().max(dims: [1])
        let difference =
            (first.narrow(dim: 0, start: 0, length: steps) - second.narrow(dim: 0, start: 0, length: steps))
            .abs().max(dims: [1])
        stepCount += steps
        largestDifference = max(largestDifference, difference.max().item())
        largestRelativeDifference = max(largestRelativeDifference, (difference / reference).max().item())
    }
}
