public import DataPipeline
public import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Captioned records of one split with their images as pixels.
public struct CaptionedSet: Sendable {
    /// A question that came with its answers.
    public struct Question: Sendable, Hashable {
        /// What the user says with the image; a mark `<image>` says where it stands, without one it stands first.
        public var text: String
        /// What would be right; at least one.
        public var answers: [String]

        /// A question from its parts.
        public init(text: String, answers: [String]) {
            self.text = text
            self.answers = answers
        }
    }

    /// One record: an image and what is known of it.
    public struct Item: Sendable {
        /// The corpus record's id.
        public var id: String
        /// The corpus source.
        public var source: String
        /// What captions are rendered from.
        public var caption: CorpusRecord.Caption
        /// Where the image comes from.
        public var provenance: CorpusRecord.Provenance
        /// The image's PNG file.
        public var png: [UInt8]
        /// Captions that people wrote, where the data has them; empty where captions are rendered from fields.
        public var writtenCaptions: [String]
        /// The question about the image, in data of questions and answers.
        public var question: Question?

        /// An item from its parts.
        public init(
            id: String, source: String, caption: CorpusRecord.Caption, provenance: CorpusRecord.Provenance,
            png: [UInt8], writtenCaptions: [String] = [], question: Question? = nil
        ) {
            self.question = question
            self.writtenCaptions = writtenCaptions
            self.id = id
            self.source = source
            self.caption = caption
            self.provenance = provenance
            self.png = png
        }

        /// What a caption of the image should say: the written captions, or the one that `template` renders.
        public func references(_ template: CaptionTemplate) -> [String] {
            writtenCaptions.isEmpty ? [template.text(for: caption)].filter { !$0.isEmpty } : writtenCaptions
        }
    }

    /// The split the items come from.
    public let split: CorpusRecord.Split
    /// The items, source by source.
    public let items: [Item]
    /// float32[N, 3, H, W], one image per item.
    public let pixelValues: Tensor

    /// Reads the captioned records of `split` that have exactly one image.
    /// - Parameters:
    ///   - limitPerSource: keeps this many records per source, spread evenly over it; `nil` keeps all.
    ///   - pixelValues: decodes and prepares an image file as training does; float32[3, H, W].
    /// - Throws: `CorpusError` for a damaged corpus, `EvaluationError` when there is nothing to read, and what
    ///   `pixelValues` throws.
    public init(
        _ corpus: CorpusFolder, split: CorpusRecord.Split, limitPerSource: Int? = nil,
        pixelValues: ([UInt8]) throws -> Tensor
    ) throws {
        var items = [Item]()
        var images = [Tensor]()
        for source in corpus.index.sources where source.kind == .captioned {
            let entries = corpus.index.entries.filter {
                $0.source == source.name && $0.kind == .captioned && $0.split == split && $0.images.count == 1
            }
            for entry in Self.spread(entries, limit: limitPerSource) {
                let record = try corpus.record(entry)
                guard let caption = record.caption else { continue }
                let png = try corpus.image(0, of: entry)
                images.append(try pixelValues(png))
                items.append(
                    Item(
                        id: record.id, source: source.name, caption: caption, provenance: record.provenance, png: png))
            }
        }
        guard !items.isEmpty else {
            throw EvaluationError(
                "the corpus at \(corpus.url.path) has no captioned records with one image in its \(split.rawValue) "
                    + "split; evaluate on another split or corpus")
        }
        self.split = split
        self.items = items
        self.pixelValues = Tensor.stack(images, dim: 0)
    }

    /// Items that were read elsewhere, with their images.
    /// - Parameter pixelValues: float32[N, 3, H, W].
    /// - Precondition: one image per item.
    public init(split: CorpusRecord.Split, items: [Item], pixelValues: Tensor) {
        precondition(
            pixelValues.shape.first == items.count,
            "\(items.count) items, but pixel values of shape \(pixelValues.shape)")
        self.split = split
        self.items = items
        self.pixelValues = pixelValues
    }

    /// `limit` elements at even distances.
    package static func spread<Element>(_ records: [Element], limit: Int?) -> [Element] {
        guard let limit, limit < records.count else { return records }
        return (0..<max(0, limit)).map { records[$0 * records.count / limit] }
    }

    /// The items' sources, in order of first appearance.
    public var sources: [String] {
        items.reduce(into: []) { sources, item in if !sources.contains(item.source) { sources.append(item.source) } }
    }

    /// Places of the items of `source`, or of all when it is `nil`.
    public func indices(source: String?) -> [Int] {
        items.indices.filter { source == nil || items[$0].source == source }
    }
}
