import Processors
import SyrinxModels
import Torch

extension MultimodalLanguageModel {
    /// Embeddings of a batch, float[B, T, D], encoding only the pictures that were not encoded before.
    /// - Parameter visualTokens: per row float[N, V, D], or `nil` where `batch.pixelValues` holds the row's pictures.
    func embeddings(of batch: ModelInput, visualTokens: [Tensor?]) -> Tensor {
        guard batch.visualPositions != nil else { return embed(batch) }
        let given = visualTokens.compactMap { $0 }
        if given.isEmpty { return embed(batch) }
        return embed(batch, visualTokens: Tensor.cat(given, dim: 0))
    }
}
