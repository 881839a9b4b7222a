import Processors
import SyrinxModels
import Torch

extension MultimodalLanguageModel {
    /// Images that go through the encoder together: enough to keep a processor busy, few enough that their
    /// intermediate values stay small however many images a batch holds.
    static var imagesPerPass: Int { 8 }

    /// Embeddings of the rows of a batch, float[B, T, D], encoding only the images that were not encoded before.
    ///
    /// All images that are left to encode go through the encoder one after another, whichever rows they belong to.
    /// - Parameters:
    ///   - rows: one-row inputs.
    ///   - visualTokens: per row float[N, P, D], or `nil` where the row's `pixelValues` are to be encoded.
    func embeddings(of batch: ModelInput, rows: [ModelInput], visualTokens: [Tensor?]) -> Tensor {
        let missing = zip(rows, visualTokens).compactMap { row, given in given == nil ? row.pixelValues : nil }
        let encoded = missing.isEmpty ? nil : encodedInPasses(Tensor.cat(missing, dim: 0))
        var next = 0
        let parts = zip(rows, visualTokens).compactMap { row, given -> Tensor? in
            if let given { return given }
            guard let encoded, row.imageCount > 0 else { return nil }
            defer { next += row.imageCount }
            return encoded.narrow(dim: 0, start: next, length: row.imageCount)
        }
        return embed(batch, visualTokens: parts.isEmpty ? nil : Tensor.cat(parts, dim: 0))
    }

    /// Visual tokens [N, P, D] of images float32[N, 3, H, W], a bounded number of them at a time.
    private func encodedInPasses(_ pixelValues: Tensor) -> Tensor {
        let count = pixelValues.shape[0]
        let parts = stride(from: 0, to: count, by: Self.imagesPerPass).map { start in
            visualTokens(
                pixelValues.narrow(dim: 0, start: start, length: min(Self.imagesPerPass, count - start)))
        }
        return parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: 0)
    }
}
