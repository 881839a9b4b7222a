public import SyrinxModels
public import Torch

/// What an objective returns for one micro-batch. Losses are sums; the trainer divides each by its weight over the global batch.
public struct StepLoss {
    /// float32 scalar: the main term, the sum over everything `Objective.weight` counts, regularisers included.
    public var total: Tensor
    /// The summands of `total` worth watching, float32 scalars, sums like it (cross-entropy, z-loss).
    public var parts: [String: Tensor]
    /// Further terms of the loss, each a sum over a weight of its own, which `Objective.auxiliaryWeights` tells beforehand.
    public var auxiliary: [AuxiliaryLoss]
    /// Tokens the model read, padding excluded.
    public var tokenCount: Int
    public var imageCount: Int
    /// Floating-point operations of forward and backward that the model needs by definition (recomputation excluded); 0 if unknown.
    public var floatingPointOperations: Double

    public init(
        total: Tensor, parts: [String: Tensor] = [:], auxiliary: [AuxiliaryLoss] = [], tokenCount: Int,
        imageCount: Int, floatingPointOperations: Double = 0
    ) {
        self.total = total
        self.parts = parts
        self.auxiliary = auxiliary
        self.tokenCount = tokenCount
        self.imageCount = imageCount
        self.floatingPointOperations = floatingPointOperations
    }
}

/// What becomes of the loss when a micro-batch that does not fit into memory is computed in parts.
public enum MicrobatchDivision: Sendable, Equatable {
    /// The parts' losses and gradients add up to the whole's.
    case exact
    /// They do but for what is drawn at random, which is drawn anew; the text says what.
    case redrawing(String)
    /// They add up to another loss, so nothing is divided; the text says why.
    case refused(String)
}

/// What is minimised.
///
/// The loss of a step is the sum over its terms, the main one and the auxiliary ones, of the term's sum over all micro-batches
/// divided by its weight over all of them. So it does not depend on how the global batch is divided.
public struct Objective<Item> {
    public var name: String
    /// Whether micro-batches may be computed in parts.
    public var division: MicrobatchDivision
    /// What the main term of an item is averaged over, known before the forward pass: supervised tokens, or pairs.
    public var weight: (Item) -> Double
    /// What each auxiliary term of an item is averaged over, by the term's name, known before the forward pass.
    public var auxiliaryWeights: (Item) -> [String: Double]
    /// The loss of one micro-batch, recorded by autograd; its `total` is a sum over `weight`.
    public var loss: (Item) throws -> StepLoss

    public init(
        name: String, division: MicrobatchDivision = .exact, weight: @escaping (Item) -> Double,
        auxiliaryWeights: @escaping (Item) -> [String: Double] = { _ in [:] },
        loss: @escaping (Item) throws -> StepLoss
    ) {
        self.name = name
        self.division = division
        self.weight = weight
        self.auxiliaryWeights = auxiliaryWeights
        self.loss = loss
    }
}
