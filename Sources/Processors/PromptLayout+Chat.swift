public import Tokenizers

extension PromptLayout {
    /// Lays out rendered parts: the begin token, text as tokens, a place for every image, end tokens.
    ///
    /// A space with which a text goes on from the text before it is the one that the tokenizer puts before every text, where
    /// it does so: `ASSISTANT:` and ` yes` become the tokens of `ASSISTANT: yes`, however they are cut.
    /// - Parameters:
    ///   - name: what error messages call the example.
    ///   - beginID: the token before everything; nil for none.
    ///   - contract: the image placeholder, which text may not contain.
    ///   - images: places of the images, in the order of the parts.
    /// - Throws: ``ProcessorError`` when places and parts differ in number (with both), the vocabulary lacks an end token
    ///   that the parts need, or text became a special token.
    public init(
        name: String, parts: [ChatPart], tokenizer: any Tokenizer, beginID: Int?, contract: TokenContract,
        images: [ImageSpan]
    ) throws(ProcessorError) {
        self.init(name: name)
        append(text: beginID.map { [$0] } ?? [], isSupervised: false)
        let placeCount = parts.reduce(0) { if case .content(let part, _) = $1, part.isMedia { $0 + 1 } else { $0 } }
        guard placeCount == images.count else {
            throw ProcessorError(
                "\(name) has \(placeCount) \(placeCount == 1 ? "place" : "places") for images, but \(images.count) "
                    + "\(images.count == 1 ? "image was" : "images were") given; give one image per place")
        }
        var rest = images[...]
        var followsText = false
        for part in parts {
            switch part {
            case .content(.text(let text), let isSupervised):
                let bringsSpace =
                    tokenizer.leadingSpace == .firstDropped && followsText && text.begins(withScalars: " ")
                append(
                    text: try tokenizer.encodePlainText(
                        bringsSpace ? String(text.unicodeScalars.dropFirst()) : text,
                        reserved: [contract.imagePlaceholderID],
                        name: name),
                    isSupervised: isSupervised)
                followsText = true
            case .content:
                append(image: rest.removeFirst())
                followsText = false
            case .end(let isSupervised):
                guard let endID = tokenizer.endID else {
                    throw ProcessorError(
                        "\(name): the vocabulary has no end token, which this template writes behind answers")
                }
                append(text: [endID], isSupervised: isSupervised)
                followsText = false
            }
        }
    }
}
