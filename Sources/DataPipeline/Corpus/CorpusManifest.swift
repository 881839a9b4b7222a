internal import Digests

/// `manifest.json` of a corpus folder: exactly what it was made from, how, and what came out.
public struct CorpusManifest: Codable, Hashable, Sendable {
    /// A package the corpus was extracted from.
    public struct Package: Codable, Hashable, Sendable {
        public var name: String
        public var version: String
        /// SHA-256 of the package file, 64 hexadecimal digits.
        public var sha256: String
        /// False when the version or the hash is not the one this version of Syrinx was made with.
        public var pinned: Bool

        public init(name: String, version: String, sha256: String, pinned: Bool) {
            self.name = name
            self.version = version
            self.sha256 = sha256
            self.pinned = pinned
        }
    }

    /// What was asked for: two requests that are equal give the same corpus.
    public struct Request: Codable, Hashable, Sendable {
        /// `minimal`, `prototype`, `full` or `scenes`.
        public var size: String
        /// Changes whenever extraction or generation changes what comes out.
        public var extractionVersion: Int
        public var packages: [Package]
        /// Scenes to render, for a generated corpus.
        public var sceneCount: Int?
        /// The seed they are drawn from.
        public var seed: UInt64?

        public init(
            size: String, extractionVersion: Int, packages: [Package] = [], sceneCount: Int? = nil, seed: UInt64? = nil
        ) {
            self.size = size
            self.extractionVersion = extractionVersion
            self.packages = packages
            self.sceneCount = sceneCount
            self.seed = seed
        }
    }

    public var request: Request
    /// True for rendered scenes, whose scores cannot be compared with those of the starter corpus.
    public var generated: Bool
    public var sources: [CorpusIndex.SourceCount]
    public var shards: [CorpusIndex.Shard]
    /// Items left out, by reason.
    public var dropped: [String: Int]
    /// SHA-256 over the canonical JSON of all other fields, 64 hexadecimal digits.
    public private(set) var manifestHash: String

    public init(
        request: Request, generated: Bool, sources: [CorpusIndex.SourceCount], shards: [CorpusIndex.Shard],
        dropped: [String: Int]
    ) throws {
        self.request = request
        self.generated = generated
        self.sources = sources
        self.shards = shards
        self.dropped = dropped
        manifestHash = ""
        manifestHash = Digest.sha256([UInt8](try CorpusJSON.encode(self))).hex
    }

    /// True when ``manifestHash`` is the hash of the other fields.
    public var isConsistent: Bool {
        var copy = self
        copy.manifestHash = ""
        guard let encoded = try? CorpusJSON.encode(copy) else { return false }
        return Digest.sha256([UInt8](encoded)).hex == manifestHash
    }
}
