import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Torch

// Shapes: B rows, T prompt positions (those of images included), V vocabulary size.

/// mPLUG-Owl2 with every width and depth halved, bfloat16: prompts of text, one image and text, or single tokens after them.
///
/// The folder `owl2` is of the published form and loaded as one: its weights stay mapped.
struct OwlWork {
    private let files: WorkFolder
    private let model: any MultimodalLanguageModel
    /// The prompts, one a row and all of one length.
    private let prompts: Prompts

    init(_ folder: URL, work: String) throws {
        files = WorkFolder(folder: folder, work: work)
        let (model, _, store, weights) = try ModelRegistry.open(ModelFolder(path: folder.appending(path: "owl2").path))
        try store.load(weights, dtype: nil)
        self.model = model
        let tensors = try files.tensors("\(work).input.safetensors")
        guard let tokenIDs = tensors["expanded"], let pixels = tensors["pixels"] else {
            throw WorkError("the input of \(work) lacks its tokens or its images")
        }
        prompts = Prompts(
            tokenIDs: tokenIDs, pixels: pixels, placeholder: model.tokenContract.placeholderIDs.first ?? 0)
    }

    func servePrefill(_ conversation: Conversation) throws {
        func prefill() -> Tensor {
            inferenceMode { scores(of: prompts, cache: model.makeCache(batch: prompts.rows, capacity: prompts.length)) }
        }
        try files.write(prefill())
        conversation.serve { _ = prefill() }
    }

    func serveDecoding(_ conversation: Conversation) throws {
        // Room for the prompt and thirty runs. The prompt's own last token is the first to be decoded.
        let cache = model.makeCache(batch: prompts.rows, capacity: 256)
        var next = prompts.tokenIDs.narrow(dim: 1, start: prompts.length - 1, length: 1)
        inferenceMode { _ = scores(of: prompts.withoutLast, cache: cache) }
        try files.write(inferenceMode { scores(of: next, cache: cache) })
        conversation.serve {
            for _ in 0..<DecoderWork.tokensPerRun {
                next = inferenceMode { scores(of: next, cache: cache).argmax(dim: -1) }
            }
        }
    }

    /// Scores [B, 1, V] of the token after the prompts, images included.
    private func scores(of prompts: Prompts, cache: KVCache) -> Tensor {
        let input = prompts.input
        let pass = DecoderPass(
            positionIDs: input.positionIDs, mediaPositions: input.mediaPositions, cache: cache)
        let states = model.decode(model.embed(input), pass).hiddenStates
        cache.advance(by: Array(repeating: prompts.length, count: prompts.rows))
        return model.logits(hiddenStates: states.narrow(dim: 1, start: prompts.length - 1, length: 1))
    }

    /// Scores [B, 1, V] of the token after int64[B, 1].
    private func scores(of tokenIDs: Tensor, cache: KVCache) -> Tensor {
        let positions = Tensor(cache.lengths.map(Int64.init), shape: tokenIDs.shape)
        let logits = model.logits(
            embeddings: model.embed(tokenIDs: tokenIDs), DecoderPass(positionIDs: positions, cache: cache))
        cache.advance(by: Array(repeating: 1, count: tokenIDs.size(0)))
        return logits
    }

    /// Rows of one length with images at the same places.
    private struct Prompts {
        /// int64[B, T], the placeholder at every position of an image.
        let tokenIDs: Tensor
        /// float32[B, 3, H, W].
        let pixels: Tensor
        let placeholder: Int

        var rows: Int { tokenIDs.size(0) }
        var length: Int { tokenIDs.size(1) }

        /// The same without the last token of each row.
        var withoutLast: Prompts {
            Prompts(
                tokenIDs: tokenIDs.narrow(dim: 1, start: 0, length: length - 1), pixels: pixels,
                placeholder: placeholder)
        }

        var input: ModelInput {
            let flat = tokenIDs.reshape([rows * length]).array(of: Int64.self)
            return ModelInput(
                tokenIDs: tokenIDs, positionIDs: Tensor.arange(length).unsqueeze(0).expand([rows, length]),
                layout: SegmentLayout(
                    rows: rows, columns: length,
                    segments: (0..<rows).map { .init(row: $0, start: 0, length: length) }),
                media: [
                    MediaBatch(
                        modality: .image, values: pixels,
                        positions: Tensor(flat.indices.filter { flat[$0] == Int64(placeholder) }.map(Int64.init)))
                ])
        }
    }
}
