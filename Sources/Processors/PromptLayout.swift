/// A run of a sequence that is either text or the place of one image.
public enum PromptSegment: Sendable, Equatable {
    /// Text tokens. `isSupervised` says whether the loss is taken on them: the mask comes from here alone.
    case text(tokenIDs: [Int], isSupervised: Bool)
    /// The place of one image.
    case image(ImageSpan)

    /// Positions the segment takes.
    public var tokenCount: Int {
        switch self {
        case .text(let tokenIDs, _): tokenIDs.count
        case .image(let span): span.tokenCount
        }
    }
}

/// The place of one image in a sequence: a fixed number of placeholder positions that the connector's output fills.
public struct ImageSpan: Sendable, Equatable {
    /// Placeholder positions, the V of the model's connector.
    public var tokenCount: Int
    /// What error messages call the image.
    public var name: String
    /// Width of the image as it came, in pixels.
    public var width: Int
    /// Height of the image as it came, in pixels.
    public var height: Int

    public init(tokenCount: Int, name: String, width: Int, height: Int) {
        self.tokenCount = tokenCount
        self.name = name
        self.width = width
        self.height = height
    }
}

/// One example or prompt as a list of segments, before it becomes rows of numbers.
///
/// Placeholders, labels and loss mask are all derived from the segments; nothing is found again by searching tokens.
public struct PromptLayout: Sendable, Equatable {
    /// What error messages call the example.
    public var name: String
    public private(set) var segments: [PromptSegment]

    public init(name: String, segments: [PromptSegment] = []) {
        self.name = name
        self.segments = []
        for segment in segments { append(segment) }
    }

    /// Appends text; empty text is left out.
    public mutating func append(text tokenIDs: [Int], isSupervised: Bool) {
        append(.text(tokenIDs: tokenIDs, isSupervised: isSupervised))
    }

    /// Appends the place of an image.
    public mutating func append(image span: ImageSpan) { append(.image(span)) }

    private mutating func append(_ segment: PromptSegment) {
        if segment.tokenCount > 0 || segment.isImage { segments.append(segment) }
    }

    /// Positions in all.
    public var tokenCount: Int { segments.reduce(0) { $0 + $1.tokenCount } }

    /// The images' places, in order.
    public var imageSpans: [ImageSpan] {
        segments.compactMap { if case .image(let span) = $0 { span } else { nil } }
    }

    /// The supervised text tokens, in order.
    public var supervisedTokenIDs: [Int] {
        segments.flatMap { segment -> [Int] in
            guard case .text(let tokenIDs, true) = segment else { return [] }
            return tokenIDs
        }
    }

    /// Number of text positions.
    public var textTokenCount: Int {
        segments.reduce(0) { if case .text(let tokenIDs, _) = $1 { $0 + tokenIDs.count } else { $0 } }
    }

    /// Token identifiers with `imagePlaceholderID` at every position of an image.
    public func tokenIDs(imagePlaceholderID: Int) -> [Int] {
        segments.flatMap { segment in
            switch segment {
            case .text(let tokenIDs, _): tokenIDs
            case .image(let span): [Int](repeating: imagePlaceholderID, count: span.tokenCount)
            }
        }
    }

    /// For each position, the token that is expected after it, or `ignoreIndex` where nothing is.
    ///
    /// A token is expected when it is supervised text of this example; so the last placeholder of an image predicts
    /// the first text token after it, and no position predicts a placeholder.
    public func labels(ignoreIndex: Int = Labels.ignoreIndex) -> [Int] {
        var own: [Int] = []
        own.reserveCapacity(tokenCount + 1)
        for segment in segments {
            switch segment {
            case .text(let tokenIDs, true): own += tokenIDs
            case .text(let tokenIDs, false): own += [Int](repeating: ignoreIndex, count: tokenIDs.count)
            case .image(let span): own += [Int](repeating: ignoreIndex, count: span.tokenCount)
            }
        }
        guard !own.isEmpty else { return [] }
        return own.dropFirst() + [ignoreIndex]
    }
}

extension PromptSegment {
    var isImage: Bool { if case .image = self { true } else { false } }
}

/// The convention of label tensors.
public enum Labels {
    /// The label of a position on which no loss is taken; the default of cross-entropy in PyTorch too.
    public static let ignoreIndex: Int = -100
}
