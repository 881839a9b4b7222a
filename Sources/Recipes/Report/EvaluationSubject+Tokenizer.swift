public import Evaluation
public import Media
import Processors
public import SyrinxModels
public import Tokenizers
public import Torch

extension EvaluationSubject {
    /// A model and its tokenizer, joined as in training and generation: the end token begins a text where the vocabulary
    /// has no begin token.
    public init(model: any MultimodalLanguageModel, tokenizer: any Tokenizer, device: Device = .cpu) {
        self.init(
            model: model,
            contract: TokenContract(
                imagePlaceholderID: model.imagePlaceholder, visualTokenCount: model.visualTokenCount),
            beginID: tokenizer.beginID ?? tokenizer.endID,
            stopTokenIDs: Set([tokenizer.endID].compactMap { $0 }), device: device,
            encode: { tokenizer.encode($0) }, decode: { tokenizer.decode($0) })
    }
}

extension ImageProcessor {
    /// A white picture's pixels, float32[3, S, S]: the blank control.
    public var blankPixelValues: Tensor { pixelValues(Picture(width: imageSize, height: imageSize)) }
}
