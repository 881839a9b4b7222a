import Foundation
public import Media
public import Processors
public import Tokenizers
public import Torch

/// Everything that turns a record of a corpus into an example for one model: tokenizer, image preprocessing, token
/// contract, caption template. Shared by the training loader, validation, the encoder's warm start and evaluation, so
/// that all of them see the same.
public final class ExampleSource: ExampleSupply {
    /// Bytes of resized images kept in memory where nothing else is said.
    public static let imageCacheByteLimit: Int = 256 << 20

    public let corpus: CorpusFolder
    public let tokenizer: any Tokenizer
    public let imageProcessor: ImageProcessor
    public let contract: TokenContract
    public let template: CaptionTemplate
    /// Longest example in tokens; longer documents are split, longer captions are refused.
    public let contextLength: Int
    package let store: ImageStore
    package let assembler: PixelAssembler
    package let collator: Collator
    private let beginID: Int
    private let endID: Int

    /// - Parameters:
    ///   - decoder: reads the corpus' images.
    ///   - contract: placeholder token and tokens per image of the model.
    ///   - imageCacheByteLimit: bytes of resized images kept in memory.
    /// - Throws: ``DataError`` when the vocabulary has no end token or an image does not fit the context.
    public init(
        corpus: CorpusFolder, tokenizer: any Tokenizer, decoder: any MediaDecoder, imageProcessor: ImageProcessor,
        contract: TokenContract, template: CaptionTemplate = CaptionTemplate(), contextLength: Int,
        limits: DecodeLimits = DecodeLimits(), imageCacheByteLimit: Int = ExampleSource.imageCacheByteLimit
    ) throws(DataError) {
        guard let endID = tokenizer.endID else {
            throw DataError(
                "the vocabulary has no end token, which every training example needs; train one that has it")
        }
        guard contextLength >= TokenContract.leastContextLength(tokenCount: contract.imageTokenCount) else {
            throw DataError(
                "an image takes \(contract.imageTokenCount) tokens and an example two more, which leaves no room for "
                    + "text in a context of \(contextLength); raise the context length or lower the image token count")
        }
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.imageProcessor = imageProcessor
        self.contract = contract
        self.template = template
        self.contextLength = contextLength
        self.endID = endID
        // As in AXLearn, the end token doubles as the begin token where the vocabulary has none (arXiv 2403.09611, section 4.2).
        beginID = tokenizer.beginID ?? endID
        store = ImageStore(
            decoder: decoder, limits: limits, processor: imageProcessor, byteLimit: imageCacheByteLimit
        ) { image, entry in try corpus.image(image, of: corpus.index.entries[entry]) }
        assembler = PixelAssembler(processor: imageProcessor)
        collator = Collator(contract: contract, padID: tokenizer.padID ?? endID)
    }

    /// How one presentation of a record differs from the canonical one.
    package struct Variation: Sendable {
        package var seed: UInt64
        /// Tells apart the streams of presentations (one per kind).
        package var stream: Int
        package var presentation: Int
        package var augmentation: Augmentation?

        package init(seed: UInt64, stream: Int, presentation: Int, augmentation: Augmentation?) {
            self.seed = seed
            self.stream = stream
            self.presentation = presentation
            self.augmentation = augmentation
        }
    }

    /// The examples of one index entry: one, or several pieces of a document longer than the context.
    /// - Parameter variation: nil for canonical field order and unchanged images.
    /// - Throws: what reading, decoding or laying out throws; such a record belongs into quarantine.
    package func examples(ofEntry entry: Int, variation: Variation?) throws -> [Example] {
        let place = corpus.index.entries[entry]
        let record = try corpus.record(place)
        let images = try (0..<record.imageNames.count).map { image in
            let stored = try store.image(image, ofEntry: entry)
            var change: AugmentationParameters?
            if let variation, let augmentation = variation.augmentation {
                var random = KeyedRandom(
                    seed: variation.seed, purpose: .augmentation, variation.stream, variation.presentation, image)
                change = augmentation.parameters(random: &random)
            }
            return Example.Image(stored: stored, change: change)
        }
        let segments = try segments(of: record, images: images, variation: variation)
        return try split(segments, record: record, images: images)
    }

    package var identity: String {
        Identity.text(
            data: corpus.index.manifestHash, contextLength: contextLength, contract: contract,
            imageProcessor: imageProcessor, tokenizer: tokenizer, template: template)
    }

    package func quarantineEntry(_ entry: Int, error: any Error) -> QuarantineEntry {
        corpus.quarantineEntry(entry, error: error)
    }

    /// The caption of a record in canonical order: from its fields, or the text of its parts.
    public func captionText(of record: CorpusRecord) -> String {
        if let caption = record.caption { return template.text(for: caption) }
        return record.parts.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: " ")
    }

    /// float32[N, 3, S, S] of the record's images, unchanged; what evaluation looks at.
    /// - Throws: what reading or decoding throws.
    public func pixelValues(ofEntry entry: Int) throws -> Tensor? {
        let count = corpus.index.entries[entry].images.count
        return assembler.pixelValues(try (0..<count).map { (try store.image($0, ofEntry: entry).pixels, nil) })
    }

    private func segments(
        of record: CorpusRecord, images: [Example.Image], variation: Variation?
    ) throws -> [PromptSegment] {
        var next = 0
        func place() -> PromptSegment {
            defer { next += 1 }
            let stored = images[next].stored
            return .media(
                .image(
                    tokenCount: contract.imageTokenCount, name: record.imageNames[next], width: stored.width,
                    height: stored.height))
        }
        func encode(_ text: String, supervised: Bool = true) throws -> PromptSegment {
            .text(
                tokenIDs: try tokenizer.encodePlainText(
                    text, reserved: contract.placeholderIDs, name: record.id), isSupervised: supervised)
        }
        guard record.kind == .captioned else {
            return try record.parts.map { part in
                switch part {
                case .text(let text): try encode(text)
                case .image: place()
                }
            }
        }
        // In pairs the image precedes the caption (arXiv 2403.09611, section 4.2).
        var result = images.map { _ in place() }
        if !template.prompt.isEmpty { result.append(try encode(template.prompt, supervised: false)) }
        if let caption = record.caption, let variation {
            var random = KeyedRandom(
                seed: variation.seed, purpose: .caption, variation.stream, variation.presentation)
            result.append(try encode(template.text(for: caption, random: &random)))
        } else {
            result.append(try encode(captionText(of: record)))
        }
        return result
    }

    /// Begin and end tokens, and as many pieces as the context needs; text may be split, an image's place never.
    private func split(
        _ segments: [PromptSegment], record: CorpusRecord, images: [Example.Image]
    ) throws -> [Example] {
        let whole = segments.reduce(2) { $0 + $1.tokenCount }
        if whole > contextLength, record.kind == .captioned {
            throw DataError(
                "\(record.id): \(whole) tokens (\(images.count) images of \(contract.imageTokenCount)), but the context "
                    + "has \(contextLength); raise the context length or shorten the caption")
        }
        var pieces: [Example] = []
        let begin = PromptSegment.text(tokenIDs: [beginID], isSupervised: false)
        var current = PromptLayout(name: record.id, segments: [begin])
        var own: [Example.Image] = []
        var nextImage = 0
        func flush() {
            let layout = current
            if layout.segments.count > 1, layout.labels().contains(where: { $0 != Labels.ignoreIndex }) {
                pieces.append(
                    Example(
                        id: record.id, source: record.source, kind: record.kind, layout: layout, images: own,
                        provenance: record.provenance))
            }
            current = PromptLayout(name: record.id, segments: [begin])
            own = []
        }
        // One position is kept for the end token.
        func room() -> Int { contextLength - 1 - current.tokenCount }
        for segment in segments {
            switch segment {
            case .media(let span):
                if span.tokenCount > room() { flush() }
                current.append(media: span)
                own.append(images[nextImage])
                nextImage += 1
            case .text(let tokenIDs, let isSupervised):
                var rest = tokenIDs[...]
                while rest.count > room() {
                    // A few words at the end of a piece teach little and cut a sentence: start the next piece then.
                    let taken = room() >= contextLength / 8 ? room() : 0
                    current.append(text: Array(rest.prefix(taken)), isSupervised: isSupervised)
                    rest = rest.dropFirst(taken)
                    flush()
                }
                current.append(text: Array(rest), isSupervised: isSupervised)
            }
        }
        current.append(text: [endID], isSupervised: true)
        flush()
        return pieces
    }
}

extension TokenContract {
    /// Positions of an image; 0 for models that read none, whose examples have none either.
    var imageTokenCount: Int { tokenCount(of: .image) ?? 0 }
}

/// An example ready to be packed.
package struct Example: Sendable {
    /// An image with the change drawn for this presentation.
    package struct Image: Sendable {
        package var stored: StoredImage
        package var change: AugmentationParameters?
    }

    package var id: String
    package var source: String
    package var kind: CorpusKind
    package var layout: PromptLayout
    package var images: [Image]
    package var provenance: CorpusRecord.Provenance
}

/// What examples follow from, written as text that can be compared.
enum Identity {
    private struct Content<Template: Encodable>: Encodable {
        var data: String
        var contextLength: Int
        var visualTokenCount: Int
        var imageProcessor: String
        var vocabularySize: Int
        var template: Template
    }

    static func text(
        data: String, contextLength: Int, contract: TokenContract, imageProcessor: ImageProcessor,
        tokenizer: any Tokenizer, template: some Encodable
    ) -> String {
        let content = Content(
            data: data, contextLength: contextLength, visualTokenCount: contract.imageTokenCount,
            imageProcessor: imageProcessor.fingerprint, vocabularySize: tokenizer.vocabularySize, template: template)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(content)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
