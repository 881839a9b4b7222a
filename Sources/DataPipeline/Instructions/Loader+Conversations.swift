extension Loader {
    /// A stream of conversations with images and one without.
    private enum ConversationStream: String, CaseIterable {
        case images, text, all

        /// Numbers that no kind of a corpus uses, so that the orders are their own.
        var number: Int {
            switch self {
            case .images: 200
            case .text: 201
            case .all: 202
            }
        }
    }

    /// Makes a training loader of conversations.
    ///
    /// With a share of text, sequences with and without images alternate in fixed proportion, so that both contribute to
    /// every update of more than a few sequences; without one, all conversations follow each other in one order.
    /// - Parameters:
    ///   - textShare: share of the sequences that hold conversations without images, above 0 and below 1; nil for the
    ///     data's own.
    ///   - quarantinePath: file to which failed and skipped records are added; nil to count only.
    /// - Throws: ``DataError`` when there are no conversations of a stream.
    public convenience init(
        conversations source: ConversationSource, textShare: Double?, config: Config, quarantinePath: String? = nil
    ) throws(DataError) {
        let all = source.numbers(split: .train)
        var records: [ConversationStream: [Int]] = [.all: all]
        if textShare != nil {
            records = [
                .images: all.filter(source.conversations.hasImages),
                .text: all.filter { !source.conversations.hasImages($0) },
            ]
        }
        var streams: [String: Plan.Stream] = [:]
        for (stream, numbers) in records {
            guard !numbers.isEmpty else {
                let missing = stream == .text ? " without images" : stream == .images ? " with images" : ""
                throw DataError(
                    "\(source.conversations.name) has 0 conversations\(missing) to train on"
                        + (stream == .all ? "" : "; add some, or set textShare to null"))
            }
            streams[stream.rawValue] = Plan.Stream(
                number: stream.number, order: RecordOrder(records: numbers, seed: config.seed, stream: stream.number))
        }
        self.init(
            source, config: config, quarantinePath: quarantinePath,
            plan: Plan(streams: streams, isEndless: true, isVaried: true) { sequence in
                guard let textShare else { return ConversationStream.all.rawValue }
                // The whole part of (share * number) moves by one exactly where the next sequence is to be of text.
                let isText =
                    (Double(sequence + 1) * textShare).rounded(.down) > (Double(sequence) * textShare).rounded(.down)
                return (isText ? ConversationStream.text : .images).rawValue
            })
    }

    /// Held-out conversations, once through in order, with unchanged images.
    /// - Throws: ``DataError`` where there are none.
    public static func validation(
        conversations source: ConversationSource, batchSize: Int, limit: Int? = nil
    ) throws(DataError) -> Loader {
        let numbers = source.numbers(split: .val)
        guard !numbers.isEmpty else {
            throw DataError(
                "\(source.name) has 0 conversations held out; raise the share that is held out for validation")
        }
        let kept = Array(numbers.prefix(limit ?? numbers.count))
        let name = ConversationStream.all.rawValue
        return Loader(
            source, config: Config(batchSize: batchSize, seed: 0), quarantinePath: nil,
            plan: Plan(
                streams: [name: Plan.Stream(number: 0, order: RecordOrder(records: kept, seed: nil, stream: 0))],
                isEndless: false, isVaried: false
            ) { _ in name })
    }
}

extension ConversationSource {
    /// Numbers of the conversations on a side of the split.
    package func numbers(split: CorpusSplit) -> [Int] {
        (0..<conversations.count).filter { conversations.split(of: $0) == split }
    }

    /// Whether a conversation has images.
    package func hasImages(_ number: Int) -> Bool { conversations.hasImages(number) }

    /// What messages and tables call the data.
    public var name: String { conversations.name }
}
