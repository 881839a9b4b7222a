import Generation
public import Processors
import SyrinxModels
import Tokenizers
public import Torch

/// A prompt as the model takes it, with an account of where its tokens come from.
public struct PreparedPrompt: Sendable {
    /// One row of tokens and its media; a medium's positions hold its placeholder.
    public let input: ModelInput
    /// int64[1, T]: the target's token that is expected after each position; `Labels.ignoreIndex` everywhere else.
    public let labels: Tensor
    /// What became of each medium, in order.
    public let accounts: [any MediaAccount]
    /// The template the messages were put into; nil for a prompt taken as it is.
    public let template: ChatTemplate?
    /// Text tokens, the begin token included.
    public let textTokenCount: Int
    /// Tokens of the media, by what they were in the messages: a video's frames count as video.
    public let mediaTokenCounts: [Modality: Int]

    /// What became of each image, in order; a video's frames are images where the model reads no clips.
    public var images: [ImageAccount] { accounts.compactMap { $0 as? ImageAccount } }
    /// What became of each video, in order.
    public var videos: [VideoAccount] { accounts.compactMap { $0 as? VideoAccount } }
    /// Tokens of images.
    public var imageTokenCount: Int { mediaTokenCounts[.image] ?? 0 }
    /// Tokens of videos, as clips or frame by frame.
    public var videoTokenCount: Int { mediaTokenCounts[.video] ?? 0 }

    /// The prompt's tokens by kind, and those of its answer.
    func usage(of result: GenerationResult) -> Usage {
        let others = mediaTokenCounts.filter { $0.key != .image && $0.key != .video }
        var usage = Usage(
            textTokenCount: textTokenCount, imageTokenCount: imageTokenCount, videoTokenCount: videoTokenCount,
            generatedTokenCount: result.tokenIDs.count, cachedTokenCount: result.cachedTokenCount)
        if !others.isEmpty {
            usage.otherTokenCounts = Dictionary(uniqueKeysWithValues: others.map { ($0.key.rawValue, $0.value) })
        }
        return usage
    }
}

/// What a prompt is laid out for.
enum PromptPurpose {
    /// An answer, which needs room in the context.
    case answer
    /// One pass over the prompt.
    case oneForwardPass
}

extension SyrinxModel {
    /// Decodes and prepares the images, tokenizes the text, lays both out, just as they are.
    /// - Parameter target: text after the prompt that the model is held to: it gives the prompt its labels.
    /// - Throws: `CodecError` for a file that is not an image, `SyrinxError` or `ProcessorError` for a prompt that cannot
    ///   be laid out or does not fit the context.
    public func prepare(_ prompt: Prompt, target: String? = nil) throws -> PreparedPrompt {
        try prepare(prompt, target: target, for: .answer)
    }

    /// The same for another purpose than an answer.
    func prepare(_ prompt: Prompt, target: String?, for purpose: PromptPurpose) throws -> PreparedPrompt {
        let media = try prepareMedia([prompt.message])
        let parts = media.messages[0].content.map { ChatPart.content($0, isSupervised: false) }
        return try layOut(
            parts + (target.map { [.content(.text($0), isSupervised: true)] } ?? []), media: media.media,
            template: nil, for: purpose)
    }

    /// Puts a conversation into the model's template, up to where the assistant begins to speak.
    /// - Parameter template: another one than the model's own (``chatTemplate``).
    /// - Throws: as ``prepare(_:target:)``, and `ProcessorError` for messages that are out of turn.
    public func prepare(_ messages: [Message], template: ChatTemplate? = nil) throws -> PreparedPrompt {
        let media = try prepareMedia(messages)
        return try layOut(media.messages, media: media.media, template: template)
    }

    /// A conversation in a template, with its media in order.
    /// - Parameter roomAdvice: what else to do when the context does not hold it.
    func layOut(
        _ messages: [Message], media: [PreparedReference], template: ChatTemplate?, roomAdvice: String? = nil
    ) throws -> PreparedPrompt {
        let template = template ?? chatTemplate
        return try layOut(
            try template.parts(of: messages), media: media, template: template, roomAdvice: roomAdvice)
    }

    /// The begin token, then the parts.
    private func layOut(
        _ parts: [ChatPart], media: [PreparedReference], template: ChatTemplate?, roomAdvice: String? = nil,
        for purpose: PromptPurpose = .answer
    ) throws -> PreparedPrompt {
        let items = media.flatMap(\.items)
        let layout = try PromptLayout(
            name: "the prompt", parts: parts, tokenizer: tokenizer, beginID: beginID, contract: contract,
            media: items.map(\.span))
        guard layout.tokenCount > 0 else {
            throw SyrinxError("the prompt is empty and the vocabulary has no begin token; give text or an image")
        }
        try requireRoom(for: layout, answer: purpose == .answer ? 1 : 0, roomAdvice)
        let collated = try Collator(contract: contract, padID: tokenizer.padID ?? 0).padded(
            [layout], media: items.map(\.media))
        return PreparedPrompt(
            input: collated.input.to(device), labels: collated.labels.to(device),
            accounts: media.flatMap(\.accounts), template: template, textTokenCount: layout.textTokenCount,
            mediaTokenCounts: media.reduce(into: [:]) { $0[$1.modality, default: 0] += $1.tokenCount })
    }

    /// Refuses a prompt that the context does not hold.
    private func requireRoom(for layout: PromptLayout, answer: Int, _ roomAdvice: String?) throws(SyrinxError) {
        guard layout.tokenCount + answer > model.contextLength else { return }
        let spans = layout.mediaSpans
        let kinds = Set(spans.map(\.modality))
        let noun = kinds.count == 1 ? spans[0].modality.counted(spans.count) : "\(spans.count) media"
        let media = spans.isEmpty ? "0 of 0 images" : "\(spans.reduce(0) { $0 + $1.tokenCount }) of \(noun)"
        throw SyrinxError(
            "the prompt has \(layout.tokenCount) tokens (\(layout.textTokenCount) of text, \(media)), but the model's "
                + "context holds \(model.contextLength)\(answer > 0 ? " and the answer needs at least \(answer)" : ""); "
                + "shorten the text or give fewer images" + (roomAdvice.map { ", or \($0)" } ?? ""))
    }
}
