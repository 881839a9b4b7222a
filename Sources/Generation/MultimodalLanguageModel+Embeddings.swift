import Processors
import SyrinxModels
import Torch

extension MultimodalLanguageModel {
    /// Embeddings of the rows of a batch, float[B, T, D], encoding only the pictures that were not encoded before.
    /// - Parameters:
    ///   - rows: one-row inputs.
    ///   - visualTokens: per row float[N, P, D], or `nil` where the row's `pixelValues` are to be encoded.
    func embeddings(of batch: ModelInput, rows: [ModelInput], visualTokens: [Tensor?]) -> Tensor {
        if visualTokens.allSatisfy({ $0 == nil }) { return embed(batch) }
        let parts = zip(rows, visualTokens).compactMap { row, given in
            given ?? row.pixelValues.map(self.visualTokens)
        }
        return embed(batch, visualTokens: parts.isEmpty ? nil : Tensor.cat(parts, dim: 0))
    }
}
