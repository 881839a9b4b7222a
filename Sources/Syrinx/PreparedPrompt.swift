import Codecs
import Digests
import Generation
import Machine
import Media
public import Processors
import SyrinxModels
import Tokenizers
public import Torch

/// A prompt as the model takes it, with an account of where its tokens come from.
public struct PreparedPrompt: Sendable {
    /// One row of tokens; images' positions hold the placeholder.
    public let input: ModelInput
    /// The images already encoded, float[N, V, D]; `nil` where there are none or they are encoded on use.
    public let visualTokens: Tensor?
    /// int64[1, T]: the target's token that is expected after each position; `Labels.ignoreIndex` everywhere else.
    public let labels: Tensor
    /// What became of each image, in order.
    public let images: [ImageAccount]
    /// What tells the images apart: a digest of each one's pixels.
    public let imageIDs: [String]
    /// The template the messages were put into; nil for a prompt taken as it is.
    public let template: ChatTemplate?
    /// Text tokens, the begin token included.
    public let textTokenCount: Int
    /// Visual tokens of images.
    public let imageTokenCount: Int
    /// What became of each video, in order.
    public internal(set) var videos: [VideoAccount] = []
    /// Pixels float32[3, F, S, S] of each clip, and its place among images and clips; for a forward pass alone.
    var clips: [(place: Int, pixelValues: Tensor)] = []
    /// Visual tokens of videos, as clips or frame by frame.
    public var videoTokenCount: Int { videos.reduce(0) { $0 + $1.tokenCount } }

    /// The prompt's tokens by kind, and those of its answer.
    func usage(of result: GenerationResult) -> Usage {
        Usage(
            textTokenCount: textTokenCount, imageTokenCount: imageTokenCount, videoTokenCount: videoTokenCount,
            generatedTokenCount: result.tokenIDs.count, cachedTokenCount: result.cachedTokenCount)
    }
}

/// An image or clip made ready once, to be used in any number of prompts.
struct PreparedImage: Sendable {
    var account: ImageAccount
    /// float32[3, S, S]; of a clip, whose visual tokens are there already, the first frame.
    let pixelValues: Tensor
    /// Whether it is a clip, or a frame of a video.
    var isOfVideo = false
    var isClip = false
    /// A clip's pixels float32[3, F, S, S], where somebody will ask for them.
    var clipPixels: Tensor?
    /// Equal for equal pixels.
    let id: String
    var visualTokens: Tensor?  // float[V, D]
}

/// What a prompt is laid out for.
enum PromptPurpose {
    /// An answer, which needs room in the context.
    case answer
    /// One pass over the prompt, whose clips' pixels are kept.
    case oneForwardPass
}

extension SyrinxModel {
    /// Decodes and prepares the images, tokenizes the text, lays both out, just as they are.
    /// - Parameter target: text after the prompt that the model is held to: it gives the prompt its labels.
    /// - Throws: `CodecError` for a file that is no image, `SyrinxError` or `ProcessorError` for a prompt that cannot
    ///   be laid out or does not fit the context.
    public func prepare(_ prompt: Prompt, target: String? = nil) throws -> PreparedPrompt {
        try prepare(prompt, target: target, for: .answer)
    }

    /// The same for another purpose than an answer.
    func prepare(_ prompt: Prompt, target: String?, for purpose: PromptPurpose) throws -> PreparedPrompt {
        let media = try prepareMedia([prompt.message], keepsClips: purpose == .oneForwardPass)
        let parts = media.messages[0].content.map { ChatPart.content($0, isSupervised: false) }
        var prepared = try layOut(
            parts + (target.map { [.content(.text($0), isSupervised: true)] } ?? []), images: media.images,
            template: nil, for: purpose)
        prepared.videos = media.videos
        prepared.clips = media.images.enumerated().compactMap { place, image in
            image.clipPixels.map { (place, $0) }
        }
        return prepared
    }

    /// Puts a conversation into the model's template, up to where the assistant begins to speak.
    /// - Parameter template: another one than the model's own (``chatTemplate``).
    /// - Throws: as ``prepare(_:target:)``, and `ProcessorError` for messages that are out of turn.
    public func prepare(_ messages: [Message], template: ChatTemplate? = nil) throws -> PreparedPrompt {
        let media = try prepareMedia(messages)
        var prepared = try layOut(media.messages, images: media.images, template: template)
        prepared.videos = media.videos
        return prepared
    }

    /// One image made ready.
    func prepare(_ image: ImageReference) throws -> PreparedImage {
        // Resized bytes, and twice the values as float32: on their own and in the prompt's batch.
        let needed = imageProcessor.imageSize * imageProcessor.imageSize * (3 + 2 * 3 * 4)
        if let shortage = MachineMemory.shortage(of: needed) {
            throw SyrinxError(
                "\(image.name): at the model's \(imageProcessor.imageSize) x \(imageProcessor.imageSize) pixels it needs "
                    + "\(shortage); use a larger machine")
        }
        let (size, square, info) = try squareImage(image)
        let pixelValues = imageProcessor.pixelValues(prepared: [square]).select(dim: 0, index: 0)
        return PreparedImage(
            account: ImageAccount(
                name: image.name, format: info?.format.rawValue ?? "pixels", width: size.width,
                height: size.height, orientation: "\(info?.orientation ?? .upright)",
                alphaOverWhite: info?.hasAlpha == true && imageProcessor.resize != .squashStored,
                resize: imageProcessor.resize.rawValue, resizedTo: imageProcessor.imageSize,
                tokenCount: contract.visualTokenCount),
            pixelValues: pixelValues, id: Digest.sha256(pixelValues.bytes()).hex)
    }

    /// An image's size, what the encoder sees of it before normalisation, and its file's header.
    private func squareImage(
        _ image: ImageReference
    ) throws -> (size: (width: Int, height: Int), square: Image, info: ImageInfo?) {
        let bytes: [UInt8]
        switch image.content {
        case .image(let given): return ((given.width, given.height), imageProcessor.prepared(given), nil)
        case .encoded(let encoded): bytes = encoded
        }
        let codec = ImageCodec()
        do {
            let info = try codec.imageInfo(of: bytes)
            let square =
                imageProcessor.resize == .squashStored
                ? imageProcessor.prepared(try codec.storedImage(from: bytes))
                : imageProcessor.prepared(try codec.image(from: bytes))
            return ((info.width, info.height), square, info)
        } catch let error as CodecError {
            throw CodecError.inFile(path: image.name, error)
        }
    }

    /// A conversation in a template, with its images in order.
    /// - Parameter roomAdvice: what else to do when the context does not hold it.
    func layOut(
        _ messages: [Message], images: [PreparedImage], template: ChatTemplate?, roomAdvice: String? = nil
    ) throws -> PreparedPrompt {
        let template = template ?? chatTemplate
        return try layOut(
            try template.parts(of: messages), images: images, template: template, roomAdvice: roomAdvice)
    }

    /// The begin token, then the parts.
    private func layOut(
        _ parts: [ChatPart], images: [PreparedImage], template: ChatTemplate?, roomAdvice: String? = nil,
        for purpose: PromptPurpose = .answer
    ) throws -> PreparedPrompt {
        let layout = try PromptLayout(
            name: "the prompt", parts: parts, tokenizer: tokenizer, beginID: beginID, contract: contract,
            images: images.map { image in
                ImageSpan(
                    tokenCount: contract.visualTokenCount, name: image.account.name, width: image.account.width,
                    height: image.account.height)
            })
        // A clip is there as visual tokens alone, so the images beside it must be too.
        let images = images.contains(where: \.isClip) ? images.map(encoded) : images
        let imageTokenCount = images.count { !$0.isOfVideo } * contract.visualTokenCount
        guard layout.tokenCount > 0 else {
            throw SyrinxError("the prompt is empty and the vocabulary has no begin token; give text or an image")
        }
        let answer = purpose == .answer ? 1 : 0
        guard layout.tokenCount + answer <= model.contextLength else {
            throw SyrinxError(
                "the prompt has \(layout.tokenCount) tokens (\(layout.textTokenCount) of text, "
                    + "\(images.count * contract.visualTokenCount) of \(images.count) "
                    + "\(images.count == 1 ? "image" : "images")), but the model's context holds "
                    + "\(model.contextLength)\(answer > 0 ? " and the answer needs at least \(answer)" : ""); shorten the text or give fewer images"
                    + (roomAdvice.map { ", or \($0)" } ?? ""))
        }
        let collated = try Collator(contract: contract, padID: tokenizer.padID ?? 0).padded(
            [layout], pixelValues: images.isEmpty ? nil : Tensor.stack(images.map(\.pixelValues), dim: 0))
        let visualTokens = images.compactMap(\.visualTokens)
        return PreparedPrompt(
            input: collated.input.to(device),
            visualTokens: visualTokens.isEmpty || visualTokens.count < images.count
                ? nil : Tensor.stack(visualTokens, dim: 0),
            labels: collated.labels.to(device), images: images.filter { !$0.isClip }.map(\.account),
            imageIDs: images.map(\.id),
            template: template, textTokenCount: layout.textTokenCount, imageTokenCount: imageTokenCount)
    }

    /// The image with its visual tokens, computed now.
    func encoded(_ image: PreparedImage) -> PreparedImage {
        var image = image
        if image.visualTokens == nil {
            image.visualTokens = inferenceMode {
                model.visualTokens(image.pixelValues.unsqueeze(0).to(device)).select(dim: 0, index: 0)
            }
        }
        return image
    }
}
