public import NN
public import Processors
public import Torch

// Shapes: B rows, T positions, D width, N items of one medium, P positions that they take together.

/// A language model that reads media spliced into its text: what training, generation and evaluation see.
public protocol MultimodalLanguageModel: LanguageModel {
    /// Which media it reads, which token stands at their positions, and how many positions an item takes where all of a
    /// modality take equally many.
    var tokenContract: TokenContract { get }

    /// Positions that one item of prepared values takes; by default the contract's.
    ///
    /// - Parameter shape: of the item's values, without a batch dimension.
    /// - Throws: ``ModelError`` for a modality that the model does not read.
    func tokenCount(of modality: Modality, shape: [Int]) throws(ModelError) -> Int

    /// The values of a batch's items to embeddings [P, D] in the language model's width, item after item.
    ///
    /// - Parameters:
    ///   - values: [N, ...], of one modality and one shape.
    ///   - modality: one that the contract has a placeholder for.
    func encode(_ values: Tensor, _ modality: Modality) -> Tensor

    /// What the items become on their way, by name and in order; the last stage, `connector_output`, has the values of
    /// ``encode(_:_:)`` in any shape [..., D].
    func encodingStages(_ values: Tensor, _ modality: Modality) -> [(name: String, value: Tensor)]
}

extension MultimodalLanguageModel {
    /// Which media it reads, by name.
    public var modalities: [Modality] { tokenContract.placeholders.keys.sorted { $0.rawValue < $1.rawValue } }

    /// Whether it reads items of a modality.
    public func reads(_ modality: Modality) -> Bool { tokenContract.placeholders[modality] != nil }

    public func tokenCount(of modality: Modality, shape: [Int]) throws(ModelError) -> Int {
        if let count = tokenContract.tokenCounts[modality] { return count }
        let known = modalities.map { "\($0)s" }.joined(separator: " and ")
        throw ModelError(
            message: "the model reads \(known.isEmpty ? "no media" : "\(known) alone"), no \(modality)s")
    }

    public func encodingStages(_ values: Tensor, _ modality: Modality) -> [(name: String, value: Tensor)] {
        [("connector_output", encode(values, modality))]
    }

    /// Embeddings [B, T, D] of an input, with what its media became in place of the placeholders; encodes those that were
    /// not encoded before.
    ///
    /// - Precondition: each item becomes as many tokens as it has positions.
    public func embed(_ input: ModelInput) -> Tensor {
        let embedded = embed(tokenIDs: input.tokenIDs)
        if input.media.isEmpty { return embedded }
        let shape = embedded.shape
        var flat = embedded.reshape([shape[0] * shape[1], shape[2]])
        for batch in input.media {
            guard let encoded = batch.encoded ?? batch.values.map({ encode($0, batch.modality) }) else { continue }
            guard
                Torch.check(
                    encoded.size(0) == batch.tokenCount,
                    "\(batch.tokenCount) placeholders for \(batch.modality.rawValue)s, but the encoder made \(encoded.size(0)) "
                        + "tokens: continuing would put them in the wrong places")
            else { return embedded }
            flat = flat.indexCopy(dim: 0, index: batch.positions, source: encoded.to(embedded.dtype))
        }
        return flat.reshape(shape)
    }

    /// The input with its media encoded, a bounded number of items at a time: enough to keep a processor busy, few enough that
    /// intermediate values stay small however many items there are.
    package func encodingMedia(of input: ModelInput) -> ModelInput {
        var input = input
        for (index, batch) in input.media.enumerated() where batch.encoded == nil {
            // Items of more dimensions than an image has, such as clips, go one by one.
            let count = (batch.values?.shape.count ?? 0) > 4 ? 1 : 8
            let parts = batch.valuesInPasses(of: count).map { encode($0.values, batch.modality) }
            input.media[index].encoded = parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: 0)
        }
        return input
    }
}

/// A part that turns a grid of patch features into a fixed number of tokens of the language model's width.
public protocol Connector: Sendable {
    /// Tokens each image becomes.
    var tokenCount: Int { get }
    /// Patch features [N, h * w, visionWidth], row-major and without class token, to [N, tokenCount, D].
    func callAsFunction(_ features: Tensor) -> Tensor
}
