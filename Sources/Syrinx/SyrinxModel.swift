import Codecs
public import Generation
public import Media
public import Processors
public import SyrinxModels
public import Tokenizers
public import Torch

// Shapes: N images, S image size in pixels, T tokens of the prompt.

/// A model with its tokenizer and image preprocessing: text and images in, text out.
public struct SyrinxModel: Sendable {
    /// What error messages call it: the folder it was loaded from.
    public let name: String
    /// The weights.
    public internal(set) var model: any MultimodalLanguageModel
    /// Text to tokens and back.
    public let tokenizer: any Tokenizer
    /// Images to pixels, as in training.
    public let imageProcessor: ImageProcessor
    /// Token IDs in, token IDs out.
    public internal(set) var engine: GenerationEngine
    /// Which media it reads, their placeholders and the positions they take.
    public let contract: TokenContract
    /// The token every prompt begins with; the end token where the vocabulary has no begin token, as in training.
    public let beginID: Int?
    /// How its conversations are written.
    public let chatTemplate: ChatTemplate

    /// What its family says of it.
    public let description: ModelDescription

    /// Where the weights are.
    public let device: Device

    /// The folder of the adapter in use; nil for the model as it was loaded.
    public internal(set) var adapter: String?
    /// Why the adapter in use does not belong to these weights; nil where nothing speaks against it.
    public internal(set) var adapterWarning: String?
    /// What a user should know of the folder it was loaded from, one sentence each: keys and files that are not read, values that
    /// stand in for missing files.
    public internal(set) var remarks: [String] = []
    /// The same of the folder of the adapter in use.
    public internal(set) var adapterRemarks: [String] = []
    /// What the model is declared anew from when it takes an adapter; nil where it was put together from parts.
    var base: ModelBase?

    /// A model from its parts.
    /// - Parameters:
    ///   - description: what its family says of it; the default is a model of documents.
    ///   - chatTemplate: how its conversations are written; nil for its family's way.
    /// - Throws: `SyrinxError` when the tokenizer has more tokens than the model.
    public init(
        _ model: any MultimodalLanguageModel, description: ModelDescription = ModelDescription(),
        tokenizer: any Tokenizer, imageProcessor: ImageProcessor, name: String, device: Device = .cpu,
        chatTemplate: ChatTemplate? = nil
    ) throws {
        guard tokenizer.vocabularySize <= model.vocabularySize else {
            throw SyrinxError(
                "\(name): the tokenizer has \(tokenizer.vocabularySize) tokens, but the model has "
                    + "\(model.vocabularySize); the folder's tokenizer and weights do not match")
        }
        self.name = name
        self.device = device
        self.model = model
        self.tokenizer = tokenizer
        self.imageProcessor = imageProcessor
        engine = GenerationEngine(model, pieceCount: tokenizer.vocabularySize)
        contract = model.tokenContract
        beginID = tokenizer.beginID ?? tokenizer.endID
        self.description = description
        self.chatTemplate = chatTemplate ?? description.chatTemplate
    }

    /// Whether spaces and line ends beside an image belong to its prompts, as in conversations.
    public var keepsPromptSpaces: Bool { description.chatTemplate != .document }

    /// How its authors sample answers.
    public var recommendedOptions: AnswerOptions {
        let sampling = description.recommendedSampling
        return AnswerOptions(
            GenerationConfig(
                maxNewTokens: sampling.maxNewTokens, temperature: sampling.temperature, topK: sampling.topK,
                topP: sampling.topP))
    }

    /// What the model says of the image at `path`, asked in its own template.
    /// - Parameter prompt: the question, or text after the image for a model of documents to continue, such as `colours:`.
    /// - Throws: `SyrinxError`, `CodecError` or `GenerationError`, each one sentence.
    public func describe(
        imageAt path: String, prompt: String = "", options: AnswerOptions = AnswerOptions()
    ) async throws -> String {
        try await answer(to: [Prompt(prompt, images: [ImageReference(path: path)]).message], options: options).text
    }

    /// The answer to a prompt that is taken as it is; cancelling the task stops the computation.
    /// - Throws: as ``prepare(_:target:)``, and `GenerationError` when the prompt leaves no room in the context.
    public func answer(to prompt: Prompt, options: AnswerOptions = AnswerOptions()) async throws -> Answer {
        try await answer(to: try prepare(prompt), options: options)
    }

    /// The answer to a conversation in the model's template; cancelling the task stops the computation.
    /// - Throws: as ``prepare(_:template:)``, and `GenerationError` when it leaves no room in the context.
    public func answer(to messages: [Message], options: AnswerOptions = AnswerOptions()) async throws -> Answer {
        try await answer(to: try prepare(messages), options: options)
    }

    private func answer(to prompt: PreparedPrompt, options: AnswerOptions) async throws -> Answer {
        for try await event in stream(prompt, options: options) {
            if case .finished(let answer) = event { return answer }
        }
        throw CancellationError()
    }

    /// The answer piece by piece.
    ///
    /// The computation runs on a thread of its own; ending the iteration stops it before its next token.
    public func stream(
        _ prompt: PreparedPrompt, options: AnswerOptions = AnswerOptions()
    ) -> AsyncThrowingStream<AnswerEvent, any Error> {
        AsyncThrowingStream { continuation in
            let cancellation = CancellationFlag()
            continuation.onTermination = { _ in cancellation.cancel() }
            EngineThread.shared.run {
                do {
                    let answer = try respond(
                        to: prompt, options: options, onText: { continuation.yield(.text($0)) },
                        isCancelled: { cancellation.isCancelled })
                    continuation.yield(.finished(answer))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// The answer, computed on the calling thread.
    /// - Parameters:
    ///   - prefix: what the prompt has in common with the last one that was given the same is not computed again.
    ///   - onText: told every piece of text as soon as it is certain, in order.
    ///   - isCancelled: asked before every token.
    /// - Throws: `GenerationError` when the prompt leaves no room in the context or an option is out of range.
    public func respond(
        to prompt: PreparedPrompt, options: AnswerOptions = AnswerOptions(), reusing prefix: PrefixCache? = nil,
        onText: (String) -> Void = { _ in }, isCancelled: () -> Bool = { false }
    ) throws -> Answer {
        let config = generationConfig(options)
        try requireMemory(prompt, options)
        var writer = answerWriter(for: prompt, options)
        var request = GenerationRequest(prompt.input, config: config)
        request.keepsLogProbabilities = options.givesLogProbabilities
        let result = try engine.generate(
            request, reusing: prefix,
            onToken: { token in
                let text = writer.append(token)
                if !text.isEmpty { onText(text) }
                return writer.hasStopped ? .stop(.stopString) : .continue
            }, isCancelled: isCancelled)
        let rest = writer.finish()
        if !rest.isEmpty { onText(rest) }
        return answer(to: prompt, result, writer)
    }
}

extension SyrinxModel {
    /// The options with the tokens that end an answer of this model, and those that never stand in one.
    func generationConfig(_ options: AnswerOptions) -> GenerationConfig {
        var config = options.generation
        config.bannedTokenIDs.formUnion(contract.placeholderIDs)
        for id in [tokenizer.beginID, tokenizer.padID].compactMap({ $0 }) { config.bannedTokenIDs.insert(id) }
        for id in [tokenizer.endID].compactMap({ $0 }) {
            config.bannedTokenIDs.remove(id)
            config.stopTokenIDs.insert(id)
        }
        return config
    }

    /// What turns the answer's tokens into text; the template's stop strings end it too.
    func answerWriter(for prompt: PreparedPrompt, _ options: AnswerOptions) -> AnswerWriter {
        AnswerWriter(tokenizer, stopStrings: options.stopStrings + (prompt.template?.stopStrings ?? []))
    }

    /// What was generated as an answer.
    /// - Parameter writer: which has taken all of it.
    func answer(to prompt: PreparedPrompt, _ result: GenerationResult, _ writer: AnswerWriter) -> Answer {
        Answer(
            text: writer.text, stopReason: writer.hasStopped ? .stopString : result.stopReason,
            usage: prompt.usage(of: result), timings: result.timings,
            promptTokenIDs: prompt.input.tokenIDs.array(of: Int64.self).map(Int.init), tokenIDs: result.tokenIDs,
            logProbabilities: result.logProbabilities, accounts: prompt.accounts)
    }

    /// Refuses an answer whose keys and values would not fit into memory.
    func requireMemory(_ prompt: PreparedPrompt, _ options: AnswerOptions) throws(SyrinxError) {
        guard let shortage = memoryShortage([prompt], options: [options]) else { return }
        let promptLength = prompt.input.tokenIDs.size(1)
        let answerLength = max(0, min(options.generation.maxNewTokens, model.contextLength - promptLength))
        throw SyrinxError(
            "an answer of up to \(answerLength) tokens after a prompt of \(promptLength) needs \(shortage); ask for fewer new tokens"
        )
    }
}
