public import Generation
public import Processors
public import SyrinxModels
public import Torch

// Shapes: N images, P tokens per image, D model width, T tokens of a sequence.

/// The tokens that a chat template puts around the one image of a question: what stands after them is the answer.
public struct ImageFrame: Sendable, Hashable {
    /// Tokens between the begin token and the image.
    public var before: [Int]
    /// Tokens after the image: the question, and the sign that the assistant begins to speak.
    public var after: [Int]

    /// A frame of tokens; empty for models that read images and text as one document.
    public init(before: [Int] = [], after: [Int] = []) {
        self.before = before
        self.after = after
    }

    /// Whether images stand as they are.
    public var isEmpty: Bool { before.isEmpty && after.isEmpty }
}

/// The model under test with its way between text and tokens.
///
/// Tokenizing comes in as closures, so that a task sees the same text-to-token path as training and generation without
/// knowing which tokenizer it is.
public struct EvaluationSubject: Sendable {
    /// Generation and likelihoods.
    public let engine: GenerationEngine
    /// The image placeholder and how many positions an image takes.
    public let contract: TokenContract
    /// The token every sequence begins with, if the model has one.
    public let beginID: Int?
    /// Tokens that end a text.
    public let stopTokenIDs: Set<Int>
    /// Text to tokens, without begin and end.
    public let encode: @Sendable (String) -> [Int]
    /// Tokens to text.
    public let decode: @Sendable ([Int]) -> String
    /// What a model with a chat template reads around every image.
    public let frame: ImageFrame
    /// What it reads around an image that another question is asked about.
    public let questionFrame: @Sendable (String) throws -> ImageFrame
    /// Where the weights are.
    public let device: Device

    /// A subject from its parts.
    /// - Parameter pieceCount: how many tokens `decode` has a text for; nil for as many as the model has scores.
    public init(
        model: any MultimodalLanguageModel, pieceCount: Int? = nil, contract: TokenContract, beginID: Int?,
        stopTokenIDs: Set<Int>,
        frame: ImageFrame = ImageFrame(),
        questionFrame: @escaping @Sendable (String) throws -> ImageFrame = { _ in ImageFrame() },
        device: Device = .cpu, encode: @escaping @Sendable (String) -> [Int],
        decode: @escaping @Sendable ([Int]) -> String
    ) {
        self.questionFrame = questionFrame
        self.device = device
        self.frame = frame
        engine = GenerationEngine(model, pieceCount: pieceCount)
        self.contract = contract
        self.beginID = beginID
        self.stopTokenIDs = stopTokenIDs
        self.encode = encode
        self.decode = decode
    }

    /// Positions of an image.
    public var imageTokenCount: Int { contract.tokenCount(of: .image) ?? 0 }

    /// What the model's encoder makes of images, computed `batchSize` at a time.
    /// - Parameter pixelValues: float32[N, 3, H, W].
    /// - Returns: float[N, P, D].
    public func encoded(_ pixelValues: Tensor, batchSize: Int = 64) -> Tensor {
        let count = pixelValues.shape[0]
        return inferenceMode {
            let parts = stride(from: 0, to: count, by: batchSize).map { start in
                let length = min(batchSize, count - start)
                let tokens = engine.model.encode(
                    pixelValues.narrow(dim: 0, start: start, length: length).to(device), .image)
                return tokens.reshape([length, tokens.size(0) / length, tokens.size(1)])
            }
            return Tensor.cat(parts, dim: 0)
        }
    }

    /// A piece of a sequence.
    enum Part {
        /// What the encoder made of one image, float[1, P, D].
        case image(Tensor)
        /// Tokens of text.
        case text([Int])
    }

    /// One row: begin token, then the parts; an image takes its placeholder positions, between the tokens of the frame.
    func input(_ parts: [Part], in frame: ImageFrame? = nil) -> ModelInput {
        let frame = frame ?? self.frame
        let placeholder = contract.placeholder(of: .image) ?? 0
        var tokenIDs = beginID.map { [$0] } ?? []
        var positions = [Int64]()
        var images = [Tensor]()
        for part in parts {
            switch part {
            case .text(let text): tokenIDs += text
            case .image(let image):
                tokenIDs += frame.before
                positions += (0..<image.size(1)).map { Int64(tokenIDs.count + $0) }
                tokenIDs += [Int](repeating: placeholder, count: image.size(1)) + frame.after
                images.append(image.flatten(0, 1))
            }
        }
        guard !images.isEmpty else { return ModelInput(tokenIDs: tokenIDs).to(device) }
        let media = MediaBatch(
            modality: .image, values: nil, tokenCounts: images.map { $0.size(0) },
            positions: Tensor(positions, shape: [positions.count]),
            encoded: images.count == 1 ? images[0] : Tensor.cat(images, dim: 0))
        return ModelInput(tokenIDs: tokenIDs, media: [media]).to(device)
    }

    /// A request for the likelihood of `text` after `parts`, counting the text's tokens from `scoredFrom` on.
    func scoring(_ text: [Int], scoredFrom: Int, after parts: [Part]) -> ScoringRequest {
        let input = input(parts + [.text(text)])
        let length = input.tokenIDs.shape[1]
        var labels = [Int](repeating: Labels.ignoreIndex, count: length)
        let first = length - text.count
        for index in scoredFrom..<text.count { labels[first + index - 1] = text[index] }
        return ScoringRequest(input, labels: labels)
    }

    /// A request for the likelihood of `text` after an image, counting the tokens from `scoredFrom` on.
    func scoring(_ text: [Int], scoredFrom: Int, image: Tensor) -> ScoringRequest {
        scoring(text, scoredFrom: scoredFrom, after: [.image(image)])
    }

    /// What the model says greedily of each image after `prompt`.
    /// - Parameters:
    ///   - images: float[N, P, D].
    ///   - frame: what the model reads around each image; nil for the subject's own.
    /// - Returns: N texts, without the prompt.
    /// - Throws: `GenerationError` when prompt and answer do not fit the context.
    public func answers(
        to prompt: String, about images: Tensor, maxNewTokens: Int, in frame: ImageFrame? = nil
    ) throws(GenerationError) -> [String] {
        let tokens = prompt.isEmpty ? [] : encode(prompt)
        let config = GenerationConfig(
            maxNewTokens: maxNewTokens, bannedTokenIDs: contract.placeholderIDs, stopTokenIDs: stopTokenIDs)
        let requests = (0..<images.shape[0]).map { index in
            let image = images.narrow(dim: 0, start: index, length: 1)
            return GenerationRequest(input([.image(image), .text(tokens)], in: frame), config: config)
        }
        return try engine.generate(requests).map { decode(tokens + $0.tokenIDs) }.map { text in
            text.begins(withScalars: prompt)
                ? String(text.unicodeScalars.dropFirst(prompt.unicodeScalars.count)) : text
        }
    }
}
