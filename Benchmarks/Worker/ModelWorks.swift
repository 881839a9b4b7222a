import Checkpoints
import Foundation
import NN
import SyrinxModels
import Torch

/// Weights and inputs that `peer.py` made, and the place where outputs go for comparison.
struct WorkFolder {
    let folder: URL
    let work: String
    /// What a model computes in: bfloat16, or float32 to compare with.
    var dtype = DType.bfloat16

    /// The tensors of a file, in memory of our own.
    func tensors(_ name: String) throws -> StateDict {
        let file = try SafetensorsFile(path: folder.appending(path: name).path)
        return StateDict(try file.names.map { ($0, try file.copiedTensor($0)) })
    }

    /// Writes this side's output for the driver to compare.
    func write(_ output: Tensor) throws {
        let side = dtype == .bfloat16 ? "syrinx" : "syrinx-\(dtype)"
        try Safetensors.write(
            [("output", output.to(.float32))], to: folder.appending(path: "\(work).\(side).safetensors").path)
    }
}

/// CLIP's ViT-L/14 at 336 pixels, forward.
struct EncoderWork {
    private let files: WorkFolder
    private let encoder: VisionTransformer
    private let pixels: Tensor

    init(_ files: WorkFolder) throws {
        self.files = files
        var config = VisionTransformer.Config.largePatch14()
        config.projectionSize = nil
        let store = ParameterStore()
        encoder = VisionTransformer(config, at: store.root)
        try store.load(files.tensors("encoder.safetensors"), dtype: files.dtype)
        guard let pixels = try files.tensors("\(files.work).input.safetensors")["pixels"] else {
            throw WorkError("the input of \(files.work) has no pixels")
        }
        self.pixels = pixels.to(files.dtype)
    }

    func serve(_ conversation: Conversation) throws {
        try files.write(inferenceMode { encoder.hiddenStates(pixels) })
        conversation.serve { inferenceMode { _ = encoder.hiddenStates(pixels) } }
    }
}

/// A LLaMA decoder of 1.3 billion parameters: a prompt of 512 tokens, or single tokens after it.
struct DecoderWork {
    /// Tokens that one `run` of decoding makes.
    static let tokensPerRun = 4

    private let files: WorkFolder
    private let decoder: LLaMADecoder
    private let tokenIDs: Tensor

    init(_ files: WorkFolder) throws {
        self.files = files
        let store = ParameterStore()
        decoder = LLaMADecoder(
            .init(
                vocabularySize: 32_768, hiddenSize: 2048, intermediateSize: 5632, layerCount: 24, headCount: 32,
                contextLength: 4096, ropeLayout: .halfSplit, tiesEmbeddings: true), at: store.root)
        try store.load(files.tensors("decoder.safetensors"), dtype: files.dtype)
        guard let tokenIDs = try files.tensors("\(files.work).input.safetensors")["tokens"] else {
            throw WorkError("the input of \(files.work) has no tokens")
        }
        self.tokenIDs = tokenIDs
    }

    /// Scores [B, 1, V] of the token after the last of `tokenIDs` int64[B, T].
    private func scores(_ tokenIDs: Tensor, cache: KVCache) -> Tensor {
        let (rows, columns) = (tokenIDs.size(0), tokenIDs.size(1))
        let positions = (Tensor.arange(columns) + Double(cache.lengths[0])).unsqueeze(0).expand([rows, columns])
        let states = decoder.hiddenStates(
            embeddings: decoder.embed(tokenIDs), positionIDs: positions, layout: nil, cache: cache)
        cache.advance(by: Array(repeating: columns, count: rows))
        return decoder.logits(hiddenStates: states.narrow(dim: 1, start: columns - 1, length: 1))
    }

    func servePrefill(_ conversation: Conversation) throws {
        func prefill() -> Tensor {
            inferenceMode {
                scores(tokenIDs, cache: decoder.makeCache(batch: tokenIDs.size(0), capacity: tokenIDs.size(1)))
            }
        }
        try files.write(prefill())
        conversation.serve { _ = prefill() }
    }

    func serveDecoding(_ conversation: Conversation) throws {
        let cache = decoder.makeCache(batch: tokenIDs.size(0), capacity: 256)
        // Room for the prompt and thirty runs. The prompt's own last token is the first to be decoded.
        let last = tokenIDs.size(1) - 1
        var next = tokenIDs.narrow(dim: 1, start: last, length: 1)
        inferenceMode { _ = scores(tokenIDs.narrow(dim: 1, start: 0, length: last), cache: cache) }
        try files.write(inferenceMode { scores(next, cache: cache) })
        conversation.serve {
            for _ in 0..<Self.tokensPerRun { next = inferenceMode { scores(next, cache: cache).argmax(dim: -1) } }
        }
    }
}

/// A message for whoever runs the benchmark.
struct WorkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
