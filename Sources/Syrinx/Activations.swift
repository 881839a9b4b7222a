public import Checkpoints
import Processors
import SyrinxModels
public import Torch

// Shapes: C clips of F frames, N images of S x S pixels, L patches of width W, P visual tokens per image, T positions, D width, V vocabulary.

/// Everything a model computes on the way from one prompt to its scores, stage by stage.
///
/// | name | what | shape |
/// |---|---|---|
/// | `video_pixel_values` | the preprocessed clips, of a model that reads clips | float32[C, 3, F, S, S] |
/// | `pixel_values` | the preprocessed images, frames among them where the model reads no clips | float32[N, 3, S, S] |
/// | `vision_features` | what the encoder gives the connector for them | [N, L, W] |
/// | `connector_output` | the visual tokens of images and clips, in the prompt's order | [C + N, P, D] |
/// | `token_ids` | begin token, text and placeholders | int64[1, T] |
/// | `position_ids` | | int64[1, T] |
/// | `spliced_embeddings` | embeddings with the visual tokens in place of the placeholders | [1, T, D] |
/// | `hidden_states` | the decoder's normalised output | [1, T, D] |
/// | `logits` | scores of the token after each position | [1, T, V] |
/// | `labels` | with a target: the token expected after each position, -100 where none is | int64[1, T] |
/// | `loss` | with a target: the mean cross-entropy over its tokens | float32[1] |
///
/// The first four are there only with what they are made of. Values are in the dtype the model computes in.
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
        try withTorchErrors { inferenceMode { computedActivations(of: prompt) } }
    }

    private func computedActivations(of prompt: PreparedPrompt) -> Activations {
        let input = prompt.input
        var tensors = visualStages(of: prompt)
        let embeddings = model.embed(input, visualTokens: tensors.last?.tensor)
        let hidden = model.hiddenStates(
            embeddings: embeddings, positionIDs: input.positionIDs, layout: nil,
            visualPositions: input.visualPositions, cache: nil)
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

    /// What images and clips become on their way; the last are the visual tokens.
    private func visualStages(of prompt: PreparedPrompt) -> [(name: String, tensor: Tensor)] {
        guard let pixelValues = prompt.input.pixelValues else { return [] }
        func stages(_ images: Tensor) -> [(name: String, tensor: Tensor)] {
            [("pixel_values", images)] + model.visualStages(images).map { ($0.name, $0.value) }
        }
        guard !prompt.clips.isEmpty, let visualTokens = prompt.visualTokens else { return stages(pixelValues) }
        let clips = ("video_pixel_values", Tensor.stack(prompt.clips.map(\.pixelValues), dim: 0).to(device))
        // A clip is there with its first frame, which is no image of the prompt.
        let places = Set(prompt.clips.map(\.place))
        let stills = (0..<pixelValues.size(0)).filter { !places.contains($0) }.map(Int64.init)
        let images =
            stills.isEmpty ? [] : stages(pixelValues.indexSelect(dim: 0, Tensor(stills).to(device)))
        return [clips] + images.dropLast() + [("connector_output", visualTokens)]
    }
}
