internal import DataPipeline

/// An item as a source gives it, before deduplication and the split.
struct Draft: Sendable {
    enum Part: Sendable {
        case text(String)
        case image(CorpusImage)
    }

    var source: String
    var kind: CorpusRecord.Kind
    var parts: [Part]
    var caption: CorpusRecord.Caption?
    /// For documents: what must stay on one side of the split together (a page).
    var group: String = ""
    var provenance: CorpusRecord.Provenance

    /// A captioned image; colours come from its pixels.
    init(
        source: String, image: CorpusImage, name: String, kind: String?, keywords: [String],
        provenance: CorpusRecord.Provenance
    ) {
        self.source = source
        self.kind = .captioned
        parts = [.image(image)]
        caption = .init(
            name: name, kind: kind, keywords: Self.cleaned(keywords, name: name), colours: image.colours)
        self.provenance = provenance
    }

    /// A window of a document, or a piece of text.
    init(
        source: String, kind: CorpusRecord.Kind, parts: [Part], group: String, provenance: CorpusRecord.Provenance
    ) {
        self.source = source
        self.kind = kind
        self.parts = parts
        self.group = group
        self.provenance = provenance
    }

    var images: [CorpusImage] {
        parts.compactMap { if case .image(let image) = $0 { image } else { nil } }
    }

    /// At most eight keywords in lower case, each once, none equal to the name.
    private static func cleaned(_ keywords: [String], name: String) -> [String] {
        var seen: Set<String> = [name.lowercased()]
        let words = keywords.map { $0.lowercased().collapsed }.filter { word in
            !word.isEmpty && word.count <= 40 && !word.contains("hash(") && word.contains(where: \.isLetter)
                && seen.insert(word).inserted
        }
        return Array(words.prefix(8))
    }
}
