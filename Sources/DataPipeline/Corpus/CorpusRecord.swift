public import Settings

/// One item of a corpus: text and images in order, the caption's fields where there is one, and where it came from.
///
/// It is the `KEY.json` member of a shard; its images are the members `KEY.0.png`, `KEY.1.png`, ...
public struct CorpusRecord: Codable, Hashable, Sendable {
    /// The three kinds of pre-training data (arXiv 2403.09611), each with a weight of its own in the mixture.
    public enum Kind: String, Hashable, Sendable, NamedChoice {
        /// One image and the fields of its caption.
        case captioned
        /// Text and images in the order of the document.
        case interleaved
        /// Text without images.
        case textOnly
    }

    /// Which side of the split by concept an item is on.
    public enum Split: String, Hashable, Sendable, NamedChoice {
        case train, val, test
    }

    /// A piece of the item: text, or the name of the shard member that holds an image.
    public enum Part: Hashable, Sendable {
        case text(String)
        case image(String)
    }

    /// What is known of a captioned image; a recipe's template turns it into a sentence.
    public struct Caption: Codable, Hashable, Sendable {
        /// What the image shows, as its source calls it: "apple pie".
        public var name: String
        /// The group the source puts it in: "food"; nil where the source has none.
        public var kind: String?
        /// Other words for it, without the name itself.
        public var keywords: [String]
        /// Dominant colours by share of the image's pixels, at most three, computed from the pixels.
        public var colours: [String]

        public init(name: String, kind: String? = nil, keywords: [String] = [], colours: [String] = []) {
            self.name = name
            self.kind = kind
            self.keywords = keywords
            self.colours = colours
        }
    }

    /// Where an item came from and under which terms.
    public struct Provenance: Codable, Hashable, Sendable {
        /// The package (or the generator) the item was taken from.
        public var package: String
        /// The package's version.
        public var version: String
        /// The file inside the package; for composed items, the first of them.
        public var path: String
        /// The licence by its SPDX name where it has one.
        public var licence: String
        /// Who made it, where the source says so.
        public var creator: String?

        public init(package: String, version: String, path: String, licence: String, creator: String? = nil) {
            self.package = package
            self.version = version
            self.path = path
            self.licence = licence
            self.creator = creator
        }
    }

    /// Unique in the corpus, and the key of the item's members: `emoji-000123`.
    public var id: String
    /// The source the item belongs to: `emoji`, `openclipart`, ...
    public var source: String
    public var kind: Kind
    public var split: Split
    /// Text and images in order. A captioned item has one image and no text here.
    public var parts: [Part]
    /// The caption's fields; nil for interleaved and text-only items.
    public var caption: Caption?
    public var provenance: Provenance

    public init(
        id: String, source: String, kind: Kind, split: Split, parts: [Part], caption: Caption? = nil,
        provenance: Provenance
    ) {
        self.id = id
        self.source = source
        self.kind = kind
        self.split = split
        self.parts = parts
        self.caption = caption
        self.provenance = provenance
    }

    /// The names of the shard members that hold the item's images, in order.
    public var imageNames: [String] {
        parts.compactMap { if case .image(let name) = $0 { name } else { nil } }
    }
}

extension CorpusRecord.Part: Codable {
    private enum CodingKeys: String, CodingKey { case text, image }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let text = try container.decodeIfPresent(String.self, forKey: .text) {
            self = .text(text)
        } else {
            self = .image(try container.decode(String.self, forKey: .image))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .text(let text): try container.encode(text, forKey: .text)
        case .image(let name): try container.encode(name, forKey: .image)
        }
    }
}
