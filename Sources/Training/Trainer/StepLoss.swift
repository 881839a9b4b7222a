public import Torch

/// What an objective returns for one micro-batch. Losses are sums; the trainer divides by the weight of the global batch.
public struct StepLoss {
    /// float32 scalar: the sum over everything `Objective.weight` counts, regularisers included.
    public var total: Tensor
    /// The summands worth watching, float32 scalars, sums like `total` (cross-entropy, z-loss).
    public var parts: [String: Tensor]
    /// Tokens the model read, padding excluded.
    public var tokenCount: Int
    public var imageCount: Int
    /// Floating-point operations of forward and backward that the model needs by definition (recomputation excluded); 0 if unknown.
    public var floatingPointOperations: Double

    public init(
        total: Tensor, parts: [String: Tensor] = [:], tokenCount: Int, imageCount: Int,
        floatingPointOperations: Double = 0
    ) {
        self.total = total
        self.parts = parts
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
public struct Objective<Item> {
    public var name: String
    /// Whether micro-batches may be computed in parts.
    public var division: MicrobatchDivision
    /// What the loss of an item is averaged over, known before the forward pass: supervised tokens, or pairs.
    public var weight: (Item) -> Double
    /// The loss of one micro-batch, recorded by autograd; its `total` is a sum over `weight`.
    public var loss: (Item) throws -> StepLoss

    public init(
        name: String, division: MicrobatchDivision = .exact, weight: @escaping (Item) -> Double,
        loss: @escaping (Item) throws -> StepLoss
    ) {
        self.name = name
        self.division = division
        self.weight = weight
        self.loss = loss
    }
}

/// A stream of micro-batches whose position can be saved.
public struct TrainingSource<Item> {
    /// The next micro-batch; nil at the end of the data.
    public var next: () throws -> Item?
    /// The position after the last item handed out, as JSON or whatever `restore` reads.
    public var position: () throws -> String
    /// Continues at a saved position.
    public var restore: (String) throws -> Void

    public init(
        next: @escaping () throws -> Item?, position: @escaping () throws -> String,
        restore: @escaping (String) throws -> Void
    ) {
        self.next = next
        self.position = position
        self.restore = restore
    }
}

/// Held-out data of one source, read from its start at every validation.
public struct ValidationSet<Item> {
    /// The source's name, as shown.
    public var name: String
    /// Opens the data at its start.
    public var open: () throws -> TrainingSource<Item>
    /// The most micro-batches read; nil reads all.
    public var maximumBatches: Int?

    public init(name: String, maximumBatches: Int? = nil, open: @escaping () throws -> TrainingSource<Item>) {
        self.name = name
        self.maximumBatches = maximumBatches
        self.open = open
    }
}
