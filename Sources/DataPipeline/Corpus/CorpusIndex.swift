/// `index.json` of a corpus folder: what is in it and where every byte of it lies.
public struct CorpusIndex: Codable, Hashable, Sendable {
    /// The version of this file's form; a reader refuses another one.
    public static let currentFormatVersion = 1

    /// Bytes inside a shard file, at an absolute offset; a member's content without its tar header.
    public struct Span: Codable, Hashable, Sendable {
        /// Bytes from the start of the shard file.
        public var offset: Int
        /// Length in bytes.
        public var length: Int

        public init(offset: Int, length: Int) {
            self.offset = offset
            self.length = length
        }
    }

    /// Where one item is, and what a sampler must know of it without reading it.
    public struct Entry: Codable, Hashable, Sendable {
        public var id: String
        public var source: String
        public var kind: CorpusRecord.Kind
        public var split: CorpusRecord.Split
        /// Which of ``CorpusIndex/shards`` holds it.
        public var shard: Int
        /// The item's JSON.
        public var record: Span
        /// Its images in order, `KEY.0.png` first.
        public var images: [Span]

        public init(
            id: String, source: String, kind: CorpusRecord.Kind, split: CorpusRecord.Split, shard: Int, record: Span,
            images: [Span]
        ) {
            self.id = id
            self.source = source
            self.kind = kind
            self.split = split
            self.shard = shard
            self.record = record
            self.images = images
        }
    }

    /// How many items a source has in each part of the split.
    public struct SourceCount: Codable, Hashable, Sendable {
        public var name: String
        public var kind: CorpusRecord.Kind
        public var train: Int
        public var val: Int
        public var test: Int
        /// Images in all its items together.
        public var images: Int

        public init(name: String, kind: CorpusRecord.Kind, train: Int = 0, val: Int = 0, test: Int = 0, images: Int = 0)
        {
            self.name = name
            self.kind = kind
            self.train = train
            self.val = val
            self.test = test
            self.images = images
        }

        /// Items in all parts of the split.
        public var total: Int { train + val + test }
    }

    /// One tar file.
    public struct Shard: Codable, Hashable, Sendable {
        /// The file's name inside the corpus folder.
        public var file: String
        /// Its length in bytes.
        public var bytes: Int
        /// SHA-256 of its content, 64 hexadecimal digits.
        public var sha256: String

        public init(file: String, bytes: Int, sha256: String) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    public var formatVersion: Int
    /// The hash of `manifest.json` that stands in every report.
    public var manifestHash: String
    /// True for rendered scenes, whose scores cannot be compared with those of the starter corpus.
    public var generated: Bool
    public var sources: [SourceCount]
    public var shards: [Shard]
    public var entries: [Entry]

    public init(
        manifestHash: String, generated: Bool, sources: [SourceCount], shards: [Shard], entries: [Entry]
    ) {
        formatVersion = Self.currentFormatVersion
        self.manifestHash = manifestHash
        self.generated = generated
        self.sources = sources
        self.shards = shards
        self.entries = entries
    }

    private enum CodingKeys: String, CodingKey {
        case formatVersion, manifestHash, generated, sources, shards
        case entries = "records"
    }
}
