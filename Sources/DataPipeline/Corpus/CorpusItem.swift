/// An item on its way into a corpus: like ``CorpusRecord``, but with the images' bytes and without an identifier.
public struct CorpusItem: Sendable {
    /// A piece of the item in order: text, or an image as PNG bytes.
    public enum Part: Sendable {
        case text(String)
        case png([UInt8])
    }

    public var source: String
    public var kind: CorpusRecord.Kind
    public var split: CorpusRecord.Split
    public var parts: [Part]
    /// The caption's fields; nil for interleaved and text-only items.
    public var caption: CorpusRecord.Caption?
    public var provenance: CorpusRecord.Provenance

    public init(
        source: String, kind: CorpusRecord.Kind, split: CorpusRecord.Split, parts: [Part],
        caption: CorpusRecord.Caption? = nil, provenance: CorpusRecord.Provenance
    ) {
        self.source = source
        self.kind = kind
        self.split = split
        self.parts = parts
        self.caption = caption
        self.provenance = provenance
    }
}
