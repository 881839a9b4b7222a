public import Checkpoints
import Processors
import SyrinxModels
public import Torch

// Shapes: C clips of F frames, N images of S x S pixels, L patches of width W, P tokens per image, T positions, D width, V vocabulary.

/// Everything a model computes on the way from one prompt to its scores, stage by stage.
///
/// | name | what | shape |
/// |---|---|---|
/// | `video_pixel_values` | the preprocessed clips, of a model that reads clips | float32[C, 3, F, S, S] |
/// | `pixel_values` | the preprocessed images, frames among them where the model reads no clips | float32[N, 3, S, S] |
/// | `vision_features` | what the encoder gives the connector for them | [N, L, W] |
/// | `connector_output` | the tokens of all media, in the prompt's order | [C + N, P, D]; [K, D] where items differ in tokens |
/// | `token_ids` | begin token, text and placeholders | int64[1, T] |
/// | `position_ids` | | int64[1, T] |
/// | `spliced_embeddings` | embeddings with the media's tokens in place of the placeholders | [1, T, D] |
/// | `hidden_states` | the decoder's normalised output | [1, T, D] |
/// | `logits` | scores of the token after each position | [1, T, V] |
/// | `labels` | with a target: the token expected after each position, -100 where none is | int64[1, T] |
/// | `loss` | with a target: the mean cross-entropy over its tokens | float32[1] |
///
/// The first four are there only with what they are made of; further media have stages of their own, and a second batch of a
/// medium has names that end in `.1`. Values are in the dtype the model computes in.
public struct Activations: Sendable {
    /// The stages in the order of computation.
    public let tensors: [(name: String, tensor: Tensor)]

    /// The tensor of this name.
    public subscript(name: String) -> Tensor? { tensors.first { $0.name == name }?.tensor }

    /// Writes the stages to a safetensors file.
    /// - Throws: `CheckpointError` when it cannot be written.
    public func write(to path: String) throws(CheckpointError) {
        try Safetensors.write(tensors.map { ($0.name, $0.tensor) }, to: path)
    }
}

extension SyrinxModel {
    /// Lays a request out. It may fill the context to its last token, because no answer follows.
    /// - Throws: as ``prepare(_:target:)``.
    public func prepare(_ request: ForwardRequest) throws -> PreparedPrompt {
        try prepare(request.prompt(for: self), target: request.target, for: .oneForwardPass)
    }

    /// One forward pass over a prompt, with every stage kept.
    /// - Throws: `TorchError` when the memory is not enough.
    public func activations(of prompt: PreparedPrompt) throws -> Activations {
        try withTorchErrors { try inferenceMode { try computedActivations(of: prompt) } }
    }

    private func computedActivations(of prompt: PreparedPrompt) throws -> Activations {
        var input = prompt.input
        var tensors = try encodingStages(of: &input)
        let embeddings = model.embed(input)
        let pass = DecoderPass(positionIDs: input.positionIDs, mediaPositions: input.mediaPositions)
        let hidden = model.decode(embeddings, pass).hiddenStates
        let logits = model.logits(hiddenStates: hidden)
        tensors += [
            ("token_ids", input.tokenIDs), ("position_ids", input.positionIDs),
            ("spliced_embeddings", embeddings), ("hidden_states", hidden), ("logits", logits),
        ]
        let isTaught = prompt.labels.notEqual(to: Double(Labels.ignoreIndex))
        if isTaught.any().item() != 0 {
            let loss = crossEntropy(logits.to(.float32).flatten(0, 1), prompt.labels.flatten())
            tensors += [("labels", prompt.labels), ("loss", loss.reshape([1]))]
        }
        return Activations(tensors: tensors)
    }

    /// What the media become on their way, each modality's values and stages; the last is what the connector made of all of them,
    /// in the order of the prompt. The input gets it as its encoded media.
    private func encodingStages(of input: inout ModelInput) throws -> [(name: String, tensor: Tensor)] {
        var tensors: [(name: String, tensor: Tensor)] = []
        var outputs: [Tensor] = []
        for (index, batch) in input.media.enumerated() {
            guard let values = batch.values else { continue }
            let name = try MediaPreparers.preparer(of: batch.modality).valuesName
            let stages = model.encodingStages(values, batch.modality)
            for (name, value) in [(name, values)] + stages.dropLast().map({ ($0.name, $0.value) }) {
                let repeated = tensors.count { $0.name == name || $0.name.hasPrefix(name + ".") }
                tensors.append((repeated == 0 ? name : "\(name).\(repeated)", value))
            }
            guard let output = stages.last?.value else { continue }
            outputs.append(output)
            input.media[index].encoded = output.reshape([batch.tokenCount, output.size(-1)])
        }
        if let output = connectorOutput(outputs, of: input) { tensors.append(("connector_output", output)) }
        return tensors
    }

    /// What the connector made of all media: [N, P, D] where each has P tokens, otherwise [K, D].
    private func connectorOutput(_ outputs: [Tensor], of input: ModelInput) -> Tensor? {
        if outputs.count < 2 { return outputs.first }
        let places = input.media.flatMap { $0.positions.array(of: Int64.self) }
        let order = places.indices.sorted { places[$0] < places[$1] }.map(Int64.init)
        let flat = Tensor.cat(input.media.compactMap(\.encoded), dim: 0).indexSelect(
            dim: 0, Tensor(order, shape: [order.count]).to(device))
        let counts = Set(input.media.flatMap(\.tokenCounts))
        return counts.count == 1 ? flat.reshape([input.mediaItemCount, -1, flat.size(-1)]) : flat
    }
}
