/// A run of a sequence that is either text or the place of one medium.
public enum PromptSegment: Sendable, Equatable {
    /// Text tokens. `isSupervised` says whether the loss is taken on them: the mask comes from here alone.
    case text(tokenIDs: [Int], isSupervised: Bool)
    /// The place of one image, video or other medium.
    case media(MediaSpan)

    /// Positions the segment takes.
    public var tokenCount: Int {
        switch self {
        case .text(let tokenIDs, _): tokenIDs.count
        case .media(let span): span.tokenCount
        }
    }
}

/// The place of one medium in a sequence: placeholder positions that the model's encoder fills.
public struct MediaSpan: Sendable, Equatable {
    public var modality: Modality
    /// Placeholder positions.
    public var tokenCount: Int
    /// What error messages call the medium.
    public var name: String
    /// Its sizes as it came, width and height of an image in pixels; empty where nobody knows.
    public var extent: [Int]

    public init(_ modality: Modality, tokenCount: Int, name: String, extent: [Int] = []) {
        self.modality = modality
        self.tokenCount = tokenCount
        self.name = name
        self.extent = extent
    }

    /// The place of an image of this size as it came, in pixels.
    public static func image(tokenCount: Int, name: String, width: Int, height: Int) -> MediaSpan {
        MediaSpan(.image, tokenCount: tokenCount, name: name, extent: [width, height])
    }

    /// Its name and its sizes, such as `cat.png, 640x480`.
    var title: String { extent.isEmpty ? name : "\(name), \(extent.map(String.init).joined(separator: "x"))" }
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

    /// Appends the place of a medium.
    public mutating func append(media span: MediaSpan) { append(.media(span)) }

    private mutating func append(_ segment: PromptSegment) {
        if segment.tokenCount > 0 || segment.isMedia { segments.append(segment) }
    }

    /// Positions in all.
    public var tokenCount: Int { segments.reduce(0) { $0 + $1.tokenCount } }

    /// The media's places, in order.
    public var mediaSpans: [MediaSpan] {
        segments.compactMap { if case .media(let span) = $0 { span } else { nil } }
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

    /// Token identifiers, with the modality's placeholder at every position of a medium.
    ///
    /// - Throws: ``ProcessorError`` for a medium that the contract has no placeholder for.
    public func tokenIDs(_ contract: TokenContract) throws(ProcessorError) -> [Int] {
        var ids: [Int] = []
        ids.reserveCapacity(tokenCount)
        for segment in segments {
            switch segment {
            case .text(let tokenIDs, _): ids += tokenIDs
            case .media(let span):
                ids += [Int](
                    repeating: try contract.requiredPlaceholder(of: span, in: name), count: span.tokenCount)
            }
        }
        return ids
    }

    /// For each position, the token that is expected after it, or `ignoreIndex` where nothing is.
    ///
    /// A token is expected when it is supervised text of this example; so the last placeholder of a medium predicts
    /// the first text token after it, and no position predicts a placeholder.
    public func labels(ignoreIndex: Int = Labels.ignoreIndex) -> [Int] {
        var own: [Int] = []
        own.reserveCapacity(tokenCount + 1)
        for segment in segments {
            switch segment {
            case .text(let tokenIDs, true): own += tokenIDs
            case .text(let tokenIDs, false): own += [Int](repeating: ignoreIndex, count: tokenIDs.count)
            case .media(let span): own += [Int](repeating: ignoreIndex, count: span.tokenCount)
            }
        }
        guard !own.isEmpty else { return [] }
        return own.dropFirst() + [ignoreIndex]
    }
}

extension PromptSegment {
    var isMedia: Bool { if case .media = self { true } else { false } }
}

/// The convention of label tensors.
public enum Labels {
    /// The label of a position on which no loss is taken; the default of cross-entropy in PyTorch too.
    public static let ignoreIndex: Int = -100
}
