public import Settings

/// How a caption is written from what is known of an image; a value of the recipe, saved with the model.
///
/// With the defaults: `name: tomato. kind: food. keywords: fruit, salad. colours: red, green.`
public struct CaptionTemplate: Codable, Sendable, Hashable {
    /// The fields a caption can have; raw values are the words printed before the colon.
    public enum Field: String, Sendable, NamedChoice {
        case name
        case kind
        case keywords
        case colours
    }

    /// Fields in canonical order: the order used for validation.
    public var fields: [Field]
    /// True: in training the order of the fields is drawn anew for every presentation.
    public var isShuffled: Bool
    /// At most this many keywords, the first ones.
    public var maximumKeywordCount: Int
    /// At most this many colours, the first ones.
    public var maximumColourCount: Int
    /// Text between the image and the caption on which no loss is taken; empty as in arXiv 2403.09611.
    public var prompt: String

    public init(
        fields: [Field] = Field.allCases, isShuffled: Bool = true, maximumKeywordCount: Int = 8,
        maximumColourCount: Int = 3, prompt: String = ""
    ) {
        self.fields = fields
        self.isShuffled = isShuffled
        self.maximumKeywordCount = maximumKeywordCount
        self.maximumColourCount = maximumColourCount
        self.prompt = prompt
    }

    /// The caption in canonical order.
    public func text(for caption: CorpusRecord.Caption) -> String {
        text(for: caption, order: fields)
    }

    /// The caption with its fields in an order drawn from `random`, where the template shuffles.
    package func text(for caption: CorpusRecord.Caption, random: inout KeyedRandom) -> String {
        var order = fields
        if isShuffled { random.shuffle(&order) }
        return text(for: caption, order: order)
    }

    /// Fields without a value are left out.
    private func text(for caption: CorpusRecord.Caption, order: [Field]) -> String {
        order.compactMap { field in
            let values: [String]
            switch field {
            case .name: values = [caption.name]
            case .kind: values = [caption.kind ?? ""]
            case .keywords: values = Array(caption.keywords.prefix(maximumKeywordCount))
            case .colours: values = Array(caption.colours.prefix(maximumColourCount))
            }
            let text = values.filter { !$0.isEmpty }.joined(separator: ", ")
            return text.isEmpty ? nil : "\(field.rawValue): \(text)."
        }.joined(separator: " ")
    }
}
