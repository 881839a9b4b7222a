public import Evaluation
public import Media
public import Processors
public import SyrinxModels
public import Tokenizers
public import Torch

extension EvaluationSubject {
    /// A model and its tokenizer, joined as in training and generation: the end token begins a text where the vocabulary
    /// has no begin token.
    /// - Parameters:
    ///   - template: how the model is asked; images and text are one document where it is `document`.
    ///   - question: what the user says with each image in another template; a mark `<image>` says where the image stands,
    ///     without one it stands first.
    /// - Throws: `ProcessorError` when the vocabulary lacks what the template writes, or the question has another number of marks.
    public init(
        model: any MultimodalLanguageModel, tokenizer: any Tokenizer, template: ChatTemplate = .document,
        question: String = "", device: Device = .cpu
    ) throws(ProcessorError) {
        let contract = model.tokenContract
        @Sendable func frame(_ question: String) throws(ProcessorError) -> ImageFrame {
            try Self.frame(template, question: question, tokenizer: tokenizer, contract: contract)
        }
        self.init(
            model: model, pieceCount: tokenizer.vocabularySize, contract: contract,
            beginID: tokenizer.beginID ?? tokenizer.endID,
            stopTokenIDs: Set([tokenizer.endID].compactMap { $0 }),
            frame: try frame(question), questionFrame: frame,
            device: device,
            encode: { tokenizer.encode($0) }, decode: { tokenizer.decode($0) })
    }

    /// What the template writes before and after the image of a question.
    private static func frame(
        _ template: ChatTemplate, question: String, tokenizer: any Tokenizer, contract: TokenContract
    ) throws(ProcessorError) -> ImageFrame {
        if template == .document { return ImageFrame() }
        let image = ImageReference(.encoded([]), name: "the image")
        let layout = try PromptLayout(
            name: "the question",
            parts: try template.parts(of: [
                Message(
                    role: .user, content: try MarkedText(question).content(with: [.image(image)], keepsSpaces: true))
            ]),
            tokenizer: tokenizer, beginID: nil, contract: contract,
            media: [MediaSpan(.image, tokenCount: contract.tokenCount(of: .image) ?? 0, name: image.name)])
        var frame = ImageFrame()
        var isAfter = false
        for segment in layout.segments {
            switch segment {
            case .text(let tokenIDs, _) where isAfter: frame.after += tokenIDs
            case .text(let tokenIDs, _): frame.before += tokenIDs
            case .media: isAfter = true
            }
        }
        return frame
    }
}

extension ImageProcessor {
    /// A white image's pixels, float32[3, S, S]: the blank control.
    public var blankPixelValues: Tensor { pixelValues(Image(width: imageSize, height: imageSize)) }
}
