/// How many positions an image takes, and the check that every place agrees on it.
///
/// The count is fixed once, by the processor; packing, collation and splice check it with the same function.
public struct TokenContract: Sendable, Equatable, Hashable, Codable {
    /// The token that stands at an image's positions.
    public var imagePlaceholderID: Int
    /// Positions per image, the V of the connector.
    public var visualTokenCount: Int

    public init(imagePlaceholderID: Int, visualTokenCount: Int) {
        self.imagePlaceholderID = imagePlaceholderID
        self.visualTokenCount = visualTokenCount
    }

    /// The shortest context in which an example has room for an image: its positions, a begin and an end token, and a word.
    package static func leastContextLength(visualTokenCount: Int) -> Int { visualTokenCount + 3 }

    /// Checks one example: every image has V positions, there are as many places as images, and no text token is
    /// the placeholder.
    /// - Parameter imageCount: images that come with the example; nil where they are not known yet.
    /// - Throws: ``ProcessorError`` that names the example, the image, its size, both counts and what to change.
    public func check(_ layout: PromptLayout, imageCount: Int? = nil) throws(ProcessorError) {
        var number = 0
        for segment in layout.segments {
            switch segment {
            case .image(let span):
                number += 1
                guard span.tokenCount == visualTokenCount else {
                    throw ProcessorError(
                        "\(layout.name): image \(number) (\(span.name), \(span.width)x\(span.height)) was laid out with "
                            + "\(span.tokenCount) placeholder tokens, but the connector makes \(visualTokenCount); "
                            + "use the processor that was saved with the model, or set its visual token count to \(visualTokenCount)"
                    )
                }
            case .text(let tokenIDs, _):
                guard !tokenIDs.contains(imagePlaceholderID) else {
                    throw ProcessorError(
                        "\(layout.name): text before image \(number + 1) contains the image placeholder "
                            + "(token \(imagePlaceholderID)), so its positions could not be told from an image's; "
                            + "encode text with Tokenizer.encode, which keeps special strings as plain text")
                }
            }
        }
        if let imageCount, imageCount != number {
            throw ProcessorError(
                "\(layout.name): \(number) places for images (\(number * visualTokenCount) placeholder tokens), but "
                    + "\(imageCount) images; give one image per place, in the same order")
        }
    }

    /// Checks flat token identifiers against the number of images that will fill them.
    /// - Throws: ``ProcessorError`` that names the example, both counts and what to change.
    public func check(tokenIDs: [Int], imageCount: Int, name: String) throws(ProcessorError) {
        let found = tokenIDs.reduce(0) { $0 + ($1 == imagePlaceholderID ? 1 : 0) }
        guard found == imageCount * visualTokenCount else {
            throw ProcessorError(
                "\(name): \(found) placeholder tokens, but \(imageCount) images of \(visualTokenCount) tokens need "
                    + "\(imageCount * visualTokenCount); give one image per place and do not cut the sequence inside one"
            )
        }
    }
}
