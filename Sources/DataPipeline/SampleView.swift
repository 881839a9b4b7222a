import Processors
public import Terminal
import Tokenizers

/// One record as a model sees it: every token, the places of images, and where the loss is taken.
public struct SampleView: Codable, Sendable, Equatable {
    /// A token, or the place of one image.
    public struct Item: Codable, Sendable, Equatable {
        /// Nil for an image.
        public var tokenID: Int?
        /// The token as the vocabulary spells it, or the image's name.
        public var piece: String
        /// True when the loss is taken on predicting it.
        public var isSupervised: Bool
        /// Positions it takes.
        public var positionCount: Int
        /// Size of an image as it came, `[width, height]`; nil for a token.
        public var imageSize: [Int]?

        private enum CodingKeys: String, CodingKey {
            case tokenID, piece, isSupervised, positionCount
            // The JSON has had this key from the start.
            case imageSize = "pictureSize"
        }
    }

    public var id: String
    /// The source, or the file.
    public var source: String
    public var kind: CorpusKind
    public var licence: String
    /// The sequences the record becomes; more than one where a document is longer than the context.
    public var sequences: [[Item]]

    /// Lays out one index entry with the canonical caption.
    /// - Throws: what reading, decoding or laying out throws.
    public init(_ source: ExampleSource, entry: Int) throws {
        let examples = try source.examples(ofEntry: entry)
        let place = source.corpus.index.entries[entry]
        guard let first = examples.first else {
            throw DataError("\(place.id) has no text for a loss, so training never presents it")
        }
        self.init(first, all: examples, tokenizer: source.tokenizer)
    }

    /// Lays out one conversation; one without a supervised token too, which training skips.
    /// - Throws: what reading, decoding or laying out throws.
    public init(_ source: ConversationSource, record: Int) throws {
        let example = try source.example(ofEntry: record)
        self.init(example, all: [example], tokenizer: source.tokenizer)
    }

    private init(_ first: Example, all examples: [Example], tokenizer: any Tokenizer) {
        id = first.id
        source = first.source
        kind = first.kind
        licence = first.provenance.licence
        sequences = examples.map { example in
            example.layout.segments.flatMap { segment -> [Item] in
                switch segment {
                case .text(let tokenIDs, let isSupervised):
                    tokenIDs.map {
                        Item(
                            tokenID: $0, piece: tokenizer.piece($0), isSupervised: isSupervised,
                            positionCount: 1,
                            imageSize: nil)
                    }
                case .media(let span):
                    [
                        Item(
                            tokenID: nil, piece: span.name, isSupervised: false, positionCount: span.tokenCount,
                            imageSize: span.extent)
                    ]
                }
            }
        }
    }

    /// The sample in lines: tokens with a loss in green, others in grey, images in magenta; without colour, tokens
    /// without a loss stand in parentheses.
    public func text(style: TerminalStyle) -> String {
        var lines = [
            style.bold(id) + "  \(source), \(kind.rawValue), \(licence)",
            style.usesColour
                ? style.paint("loss", .green) + " " + style.paint("no loss", .grey) + " "
                    + style.paint("image", .magenta)
                : "token = loss, (token) = no loss, [image]",
        ]
        for (number, items) in sequences.enumerated() {
            let positions = items.reduce(0) { $0 + $1.positionCount }
            let supervised = items.filter(\.isSupervised).count
            lines.append("")
            lines.append(
                "sequence \(number + 1) of \(sequences.count): \(positions) positions, \(supervised) with a loss"
                    + (supervised == 0 ? ", so training skips it" : ""))
            lines += wrapped(items, style: style)
        }
        return lines.joined(separator: "\n")
    }

    private func wrapped(_ items: [Item], style: TerminalStyle) -> [String] {
        var lines: [String] = []
        var line = ""
        var width = 0
        for item in items {
            let plain: String
            let painted: String
            if let size = item.imageSize {
                plain = "[\(item.piece) \(size[0])x\(size[1]), \(item.positionCount) positions]"
                painted = style.paint(plain, .magenta)
            } else {
                let piece = Self.visible(item.piece)
                plain = item.isSupervised || style.usesColour ? piece : "(\(piece))"
                painted = style.paint(plain, item.isSupervised ? .green : .grey)
            }
            if width > 0, width + 1 + plain.count > style.width {
                lines.append(line)
                (line, width) = ("", 0)
            }
            line += width > 0 ? " " + painted : painted
            width += plain.count + (width > 0 ? 1 : 0)
        }
        return line.isEmpty ? lines : lines + [line]
    }

    /// Control characters as Unicode escapes, so that hostile text cannot steer the terminal.
    package static func visible(_ piece: String) -> String {
        String(
            piece.unicodeScalars.flatMap { scalar -> [Character] in
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                    ? Array("\\u{\(String(scalar.value, radix: 16))}") : [Character(scalar)]
            })
    }
}
