public import Media
public import Processors
import Settings
public import Tokenizers

/// Everything that turns a conversation into an example for one model: template, tokenizer, image preprocessing, token
/// contract. The loss is taken on what the assistant says and on the end token after it, as the template says.
public final class ConversationSource: ExampleSupply {
    package let conversations: any ConversationStore
    public let tokenizer: any Tokenizer
    public let imageProcessor: ImageProcessor
    public let template: ChatTemplate
    public let contract: TokenContract
    /// Longest example in tokens; longer conversations are cut at the end.
    public let contextLength: Int
    package let assembler: PixelAssembler
    package let collator: Collator
    private let store: ImageStore

    /// Conversations of files.
    ///
    /// - Throws: ``DataError`` when the vocabulary has no end token or an image does not fit the context.
    public convenience init(
        _ conversations: [ConversationFile], tokenizer: any Tokenizer, decoder: any MediaDecoder,
        imageProcessor: ImageProcessor, contract: TokenContract, template: ChatTemplate, contextLength: Int
    ) throws(DataError) {
        try self.init(
            conversations.count == 1 ? conversations[0] : ConversationCollection(conversations), tokenizer: tokenizer,
            decoder: decoder, imageProcessor: imageProcessor, contract: contract, template: template,
            contextLength: contextLength)
    }

    package init(
        _ conversations: any ConversationStore, tokenizer: any Tokenizer, decoder: any MediaDecoder,
        imageProcessor: ImageProcessor, contract: TokenContract, template: ChatTemplate, contextLength: Int,
        limits: DecodeLimits = .default, imageCacheByteLimit: Int = ExampleSource.imageCacheByteLimit
    ) throws(DataError) {
        guard let endID = tokenizer.endID else {
            throw DataError("the vocabulary has no end token, which every answer needs; train one that has it")
        }
        guard contextLength >= TokenContract.leastContextLength(tokenCount: contract.imageTokenCount) else {
            throw DataError(
                "an image takes \(contract.imageTokenCount) tokens and an answer two more, which leaves no room for text "
                    + "in a context of \(contextLength); raise the context length or lower the image token count")
        }
        self.conversations = conversations
        self.tokenizer = tokenizer
        self.imageProcessor = imageProcessor
        self.contract = contract
        self.template = template
        self.contextLength = contextLength
        assembler = PixelAssembler(processor: imageProcessor)
        collator = Collator(contract: contract, padID: tokenizer.padID ?? endID)
        store = ImageStore(
            decoder: decoder, limits: limits, processor: imageProcessor, byteLimit: imageCacheByteLimit
        ) { image, number in try conversations.image(image, of: number) }
    }

    package var identity: String {
        Identity.text(
            data: conversations.identity, contextLength: contextLength, contract: contract,
            imageProcessor: imageProcessor, tokenizer: tokenizer, template: template.name)
    }

    package func quarantineEntry(_ entry: Int, error: any Error) -> QuarantineEntry {
        conversations.quarantineEntry(entry, reason: "\(error)")
    }

    package func examples(ofEntry entry: Int, variation: ExampleSource.Variation?) throws -> [Example] {
        let example = try example(ofEntry: entry, variation: variation)
        return example.layout.supervisedTokenIDs.isEmpty ? [] : [example]
    }

    /// The example of a conversation, also where nothing of it is supervised.
    package func example(ofEntry entry: Int, variation: ExampleSource.Variation? = nil) throws -> Example {
        let conversation = try conversations.conversation(entry)
        let images = try conversation.images.indices.map { place in
            let stored = try store.image(place, ofEntry: entry)
            let change = variation.flatMap { variation in
                variation.augmentation.map { augmentation in
                    var random = KeyedRandom(
                        seed: variation.seed, purpose: .augmentation, variation.stream, variation.presentation, place)
                    return augmentation.parameters(random: &random)
                }
            }
            return Example.Image(stored: stored, change: change)
        }
        let layout = try layout(conversation, images: images)
        return Example(
            id: conversation.id, source: conversations.name, kind: images.isEmpty ? .textOnly : .interleaved,
            layout: layout, images: Array(images.prefix(layout.mediaSpans.count)),
            provenance: .init(
                package: conversations.name, version: "", path: "record \(entry)", licence: "the user's own"))
    }

    private func layout(_ conversation: Conversation, images: [Example.Image]) throws -> PromptLayout {
        let parts = try conversation.parts(in: template)
        let spans = zip(conversation.images, images).map { name, image in
            MediaSpan.image(
                tokenCount: contract.imageTokenCount, name: name, width: image.stored.width,
                height: image.stored.height)
        }
        return try PromptLayout(
            name: conversation.id, parts: parts, tokenizer: tokenizer,
            beginID: tokenizer.beginID ?? tokenizer.endID, contract: contract, media: spans
        ).cut(to: contextLength, endID: conversation.endsWhereCut(in: template) ? tokenizer.endID : nil)
    }
}

extension PromptLayout {
    /// The beginning that fits `limit` positions. Text may be cut; an image that does not fit ends it.
    ///
    /// - Parameter endID: the token put after an answer that is cut; nil for none.
    func cut(to limit: Int, endID: Int?) -> PromptLayout {
        guard tokenCount > limit else { return self }
        var kept = PromptLayout(name: name)
        for segment in segments {
            let room = limit - kept.tokenCount
            switch segment {
            case .media(let span):
                guard span.tokenCount <= room else { return kept }
                kept.append(media: span)
            case .text(let tokenIDs, let isSupervised):
                if let endID, isSupervised, tokenIDs.count > room - 1, tokenIDs != [endID] {
                    kept.append(text: tokenIDs.prefix(room - 1) + [endID], isSupervised: true)
                    return kept
                }
                kept.append(text: Array(tokenIDs.prefix(room)), isSupervised: isSupervised)
                if tokenIDs.count >= room { return kept }
            }
        }
        return kept
    }
}
