/// Which token stands at the positions of which medium, and how many positions an item takes: the one place that knows both.
///
/// Counts are fixed once, when an item is prepared; packing, collation and splice check them.
public struct TokenContract: Sendable, Equatable, Hashable, Codable {
    /// The token at the positions of each modality's items. Two modalities may share one.
    public var placeholders: [Modality: Int]
    /// Positions per item of the modalities whose items all take equally many.
    public var tokenCounts: [Modality: Int]

    public init(placeholders: [Modality: Int], tokenCounts: [Modality: Int] = [:]) {
        self.placeholders = placeholders
        self.tokenCounts = tokenCounts
    }

    /// The contract of a model that reads images alone, each of which takes `tokenCount` positions.
    public init(imagePlaceholder: Int, tokenCount: Int) {
        self.init(placeholders: [.image: imagePlaceholder], tokenCounts: [.image: tokenCount])
    }

    /// The token at the positions of a modality's items; nil for a modality that the model does not read.
    public func placeholder(of modality: Modality) -> Int? { placeholders[modality] }

    /// Positions of every item of a modality; nil where they differ from item to item, or it is not read.
    public func tokenCount(of modality: Modality) -> Int? { tokenCounts[modality] }

    /// Every placeholder: no text may contain one.
    public var placeholderIDs: Set<Int> { Set(placeholders.values) }

    /// The shortest context in which an example has room for an item: its positions, a begin and an end token, and a word.
    package static func leastContextLength(tokenCount: Int) -> Int { tokenCount + 3 }

    /// Checks one example: every medium is of a modality that is read and has as many positions as the model makes tokens,
    /// there are as many places as items, and no text token is a placeholder.
    /// - Parameter itemCount: media that come with the example; nil where they are not known yet.
    /// - Throws: ``ProcessorError`` that names the example, the medium, both counts and what to change.
    public func check(_ layout: PromptLayout, itemCount: Int? = nil) throws(ProcessorError) {
        var number = 0
        for segment in layout.segments {
            switch segment {
            case .media(let span):
                number += 1
                _ = try requiredPlaceholder(of: span, in: layout.name)
                if let count = tokenCounts[span.modality], span.tokenCount != count {
                    throw ProcessorError(
                        "\(layout.name): \(span.modality) \(number) (\(span.title)) was laid out with "
                            + "\(span.tokenCount) placeholder tokens, but the model makes \(count); "
                            + "use the processor that was saved with the model, or set its token count to \(count)")
                }
            case .text(let tokenIDs, _):
                let readable = placeholders.sorted { $0.key.rawValue < $1.key.rawValue }
                if let (modality, placeholder) = readable.first(where: { tokenIDs.contains($0.value) }) {
                    throw ProcessorError(
                        "\(layout.name): text before medium \(number + 1) contains the \(modality) placeholder "
                            + "(token \(placeholder)), so its positions could not be distinguished from the \(modality)'s; "
                            + "encode text with Tokenizer.encode, which keeps special strings as plain text")
                }
            }
        }
        if let itemCount, itemCount != number {
            throw ProcessorError(
                "\(layout.name): \(number) places for media, but \(itemCount) items; give one item per place, in the same "
                    + "order")
        }
    }

    /// The placeholder of a place.
    /// - Throws: ``ProcessorError`` where the modality is not read.
    func requiredPlaceholder(of span: MediaSpan, in example: String) throws(ProcessorError) -> Int {
        if let id = placeholders[span.modality] { return id }
        let known = placeholders.keys.map(\.rawValue).sorted().joined(separator: " and ")
        throw ProcessorError(
            "\(example): \(span.title) has the modality \(span.modality), which this model does not read; it reads "
                + (known.isEmpty ? "only text" : known))
    }
}
