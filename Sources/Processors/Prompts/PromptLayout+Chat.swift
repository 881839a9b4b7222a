public import Tokenizers

extension PromptLayout {
    /// Lays out rendered parts: the begin token, text as tokens, a place for every medium, end tokens.
    ///
    /// A space with which a text goes on from the text before it is the one that the tokenizer puts before every text, where
    /// it does so: `ASSISTANT:` and ` yes` become the tokens of `ASSISTANT: yes`, however they are cut.
    /// - Parameters:
    ///   - name: what error messages call the example.
    ///   - beginID: the token before everything; nil for none.
    ///   - contract: the placeholders, which text may not contain.
    ///   - media: places of the media, in the order of the parts.
    /// - Throws: ``ProcessorError`` when places and parts differ in number (with both), the vocabulary lacks an end token
    ///   that the parts need, or text became a special token.
    public init(
        name: String, parts: [ChatPart], tokenizer: any Tokenizer, beginID: Int?, contract: TokenContract,
        media: [MediaSpan]
    ) throws(ProcessorError) {
        self.init(name: name)
        append(text: beginID.map { [$0] } ?? [], isSupervised: false)
        let placeCount = parts.reduce(0) { if case .content(let part, _) = $1, part.isMedia { $0 + 1 } else { $0 } }
        guard placeCount == media.count else {
            throw ProcessorError(
                "\(name) has \(placeCount) \(placeCount == 1 ? "place" : "places") for media, but \(media.count) "
                    + "\(media.count == 1 ? "item was" : "items were") given; give one item per place")
        }
        var rest = media[...]
        var followsText = false
        for part in parts {
            switch part {
            case .content(.text(let text), let isSupervised):
                let bringsSpace =
                    tokenizer.leadingSpace == .firstDropped && followsText && text.begins(withScalars: " ")
                append(
                    text: try tokenizer.encodePlainText(
                        bringsSpace ? String(text.unicodeScalars.dropFirst()) : text,
                        reserved: contract.placeholderIDs,
                        name: name),
                    isSupervised: isSupervised)
                followsText = true
            case .content:
                append(media: rest.removeFirst())
                followsText = false
            case .end(let isSupervised):
                guard let endID = tokenizer.endID else {
                    throw ProcessorError(
                        "\(name): the vocabulary has no end token, which this template writes after answers")
                }
                append(text: [endID], isSupervised: isSupervised)
                followsText = false
            }
        }
    }
}
