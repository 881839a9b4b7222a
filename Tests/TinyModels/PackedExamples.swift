import NN
package import Processors
package import SyrinxModels
package import Torch

/// Five examples in two rows, and a tiny MM1 that reads them; `scripts/reference/mm1_step.py` has the same.
///
/// Images first, last, in the middle and two in a row; examples without images; padding in both rows.
package enum PackedExamples {
    package static let config = MM1.Config(
        visionEncoder: .init(
            imageSize: 15, stem: .patch(size: 3), hiddenSize: 12, intermediateSize: 22, layerCount: 2, headCount: 3),
        connector: .cAbstractor(tokenCount: 4, innerWidth: 16, depth: 2, readoutDepth: 2),
        languageModel: .init(
            vocabularySize: 41, hiddenSize: 20, intermediateSize: 26, layerCount: 2, headCount: 4,
            keyValueHeadCount: 2, headSize: 6, contextLength: 64, ropeTheta: 300, ropeLayout: .interleaved,
            tiesEmbeddings: true),
        imagePlaceholder: 7)

    package static let rows: [[PromptLayout]] = [
        [
            example(given([1]), image, image, taught([12, 5, 30, 2])),
            example(taught([1, 9, 9, 14, 2])),
            example(given([1]), taught([22, 8]), image, taught([17, 2])),
        ],
        [
            example(image, given([3, 19]), taught([25, 2])),
            example(given([1]), taught([33, 4, 11]), image, image),
        ],
    ]

    package static let collator = Collator(
        contract: TokenContract(imagePlaceholder: config.imagePlaceholder, tokenCount: 4), padID: 0)

    /// Both rows packed to 29 positions, with the six images [6, 3, 15, 15].
    package static func batch(pixelValues: Tensor) throws -> Collator.Collated {
        try collator.packed(rows, length: 29, pixelValues: pixelValues)
    }

    private static let image = PromptSegment.media(.image(tokenCount: 4, name: "image", width: 15, height: 15))

    private static func given(_ tokenIDs: [Int]) -> PromptSegment { .text(tokenIDs: tokenIDs, isSupervised: false) }

    private static func taught(_ tokenIDs: [Int]) -> PromptSegment { .text(tokenIDs: tokenIDs, isSupervised: true) }

    private static func example(_ segments: PromptSegment...) -> PromptLayout {
        PromptLayout(name: "example", segments: segments)
    }
}
