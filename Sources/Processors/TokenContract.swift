/// How many positions a picture takes, and the check that every place agrees on it.
///
/// The count is fixed once, by the processor; packing, collation and splice check it with the same function.
public struct TokenContract: Sendable, Equatable, Hashable, Codable {
    /// The token that stands at a picture's positions.
    public var imagePlaceholderID: Int
    /// Positions per picture, the V of the connector.
    public var visualTokenCount: Int

    public init(imagePlaceholderID: Int, visualTokenCount: Int) {
        self.imagePlaceholderID = imagePlaceholderID
        self.visualTokenCount = visualTokenCount
    }

    /// The shortest context in which an example has room for a picture: its positions, a begin and an end token, and a word.
    package static func leastContextLength(visualTokenCount: Int) -> Int { visualTokenCount + 3 }

    /// Checks one example: every picture has V positions, there are as many places as pictures, and no text token is
    /// the placeholder.
    /// - Parameter pictureCount: pictures that come with the example; nil where they are not known yet.
    /// - Throws: ``ProcessorError`` that names the example, the picture, its size, both counts and what to change.
    public func check(_ layout: PromptLayout, pictureCount: Int? = nil) throws(ProcessorError) {
        var number = 0
        for segment in layout.segments {
            switch segment {
            case .image(let span):
                number += 1
                guard span.tokenCount == visualTokenCount else {
                    throw ProcessorError(
                        "\(layout.name): picture \(number) (\(span.name), \(span.width)x\(span.height)) was laid out with "
                            + "\(span.tokenCount) placeholder tokens, but the connector makes \(visualTokenCount); "
                            + "use the processor that was saved with the model, or set its visual token count to \(visualTokenCount)"
                    )
                }
            case .text(let tokenIDs, _):
                guard !tokenIDs.contains(imagePlaceholderID) else {
                    throw ProcessorError(
                        "\(layout.name): text before picture \(number + 1) contains the image placeholder "
                            + "(token \(imagePlaceholderID)), so its positions could not be told from a picture's; "
                            + "encode text with Tokenizer.encode, which keeps special strings as plain text")
                }
            }
        }
        if let pictureCount, pictureCount != number {
            throw ProcessorError(
                "\(layout.name): \(number) places for pictures (\(number * visualTokenCount) placeholder tokens), but "
                    + "\(pictureCount) pictures; give one picture per place, in the same order")
        }
    }

    /// Checks flat token identifiers against the number of pictures that will fill them.
    /// - Throws: ``ProcessorError`` that names the example, both counts and what to change.
    public func check(tokenIDs: [Int], pictureCount: Int, name: String) throws(ProcessorError) {
        let found = tokenIDs.reduce(0) { $0 + ($1 == imagePlaceholderID ? 1 : 0) }
        guard found == pictureCount * visualTokenCount else {
            throw ProcessorError(
                "\(name): \(found) placeholder tokens, but \(pictureCount) pictures of \(visualTokenCount) tokens need "
                    + "\(pictureCount * visualTokenCount); give one picture per place and do not cut the sequence inside one"
            )
        }
    }
}
