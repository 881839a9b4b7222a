package import NN
package import Processors
package import SyrinxModels
package import Torch

// Tests are mostly about images that all take equally many positions: shorter ways to say so.

extension MultimodalLanguageModel {
    package var imageTokenCount: Int { tokenContract.tokenCount(of: .image) ?? 0 }
    package var imagePlaceholder: Int { tokenContract.placeholder(of: .image) ?? 0 }

    /// Images float32[N, 3, H, W] to [N, P, D].
    package func imageTokens(_ values: Tensor) -> Tensor { items(values, .image) }

    /// Clips float32[N, 3, F, H, W] to [N, P, D].
    package func clipTokens(_ values: Tensor) -> Tensor { items(values, .video) }

    private func items(_ values: Tensor, _ modality: Modality) -> Tensor {
        let tokens = encode(values, modality)
        return tokens.reshape([values.size(0), tokens.size(0) / values.size(0), tokens.size(1)])
    }
}

extension LanguageModel {
    package func hiddenStates(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout? = nil, mediaPositions: Tensor? = nil,
        cache: KVCache? = nil
    ) -> Tensor {
        decode(
            embeddings,
            DecoderPass(positionIDs: positionIDs, layout: layout, mediaPositions: mediaPositions, cache: cache)
        ).hiddenStates
    }

    package func logits(
        embeddings: Tensor, positionIDs: Tensor, layout: SegmentLayout? = nil, mediaPositions: Tensor? = nil,
        cache: KVCache? = nil
    ) -> Tensor {
        logits(
            hiddenStates: hiddenStates(
                embeddings: embeddings, positionIDs: positionIDs, layout: layout, mediaPositions: mediaPositions,
                cache: cache))
    }
}

extension ModelInput {
    /// An input with images alone, or with what the encoder made of them, [N, P, D].
    package init(
        tokenIDs: Tensor, positionIDs: Tensor, layout: SegmentLayout, pixelValues: Tensor?,
        mediaPositions imagePositions: Tensor?,
        imageTokens: Tensor? = nil, ids: [String]? = nil
    ) {
        var media: [MediaBatch] = []
        if let imagePositions, let count = pixelValues?.size(0) ?? imageTokens?.size(0), count > 0 {
            media = [
                MediaBatch(
                    modality: .image, values: pixelValues,
                    tokenCounts: Array(repeating: imagePositions.elementCount / count, count: count),
                    positions: imagePositions, encoded: imageTokens?.flatten(0, 1), ids: ids)
            ]
        }
        self.init(tokenIDs: tokenIDs, positionIDs: positionIDs, layout: layout, media: media)
    }

    /// The images' values, float32[N, 3, H, W].
    package var pixelValues: Tensor? { media.first { $0.modality == .image }?.values }

    /// The same with what the encoder made of the images, [N, P, D].
    package func with(imageTokens: Tensor?) -> ModelInput {
        var input = self
        for index in media.indices where media[index].modality == .image {
            input.media[index].encoded = imageTokens?.flatten(0, 1)
        }
        return input
    }
}

extension Collator {
    package func padded(_ examples: [PromptLayout], pixelValues: Tensor?) throws(ProcessorError) -> Collated {
        try packed(
            examples.map { [$0] }, length: examples.map(\.tokenCount).max() ?? 0, pixelValues: pixelValues)
    }

    package func packed(
        _ rows: [[PromptLayout]], length: Int, pixelValues: Tensor?
    ) throws(ProcessorError) -> Collated {
        try packed(rows, length: length, values: pixelValues.map { [.image: $0] } ?? [:])
    }
}

extension PromptLayout {
    /// Token identifiers with this placeholder at every medium's position.
    package func ids(_ placeholder: Int) -> [Int] {
        segments.flatMap { segment in
            switch segment {
            case .text(let tokenIDs, _): tokenIDs
            case .media(let span): [Int](repeating: placeholder, count: span.tokenCount)
            }
        }
    }
}
