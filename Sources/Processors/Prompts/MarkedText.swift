/// Text that a person or a file wrote, cut at the marks that stand for media.
///
/// `<image>` and `<|image|>` stand for an image, and so for every known ``Modality``: the published systems spell them so. A
/// backslash before a mark takes its meaning away and is dropped: `\<image>` is the text `<image>`.
package struct MarkedText: Sendable {
    /// A piece, in reading order.
    package enum Piece: Sendable, Equatable {
        /// Never empty.
        case text(String)
        case place(Modality)
    }

    package private(set) var pieces: [Piece] = []

    private static var marks: [(spelling: String.UnicodeScalarView, modality: Modality)] {
        Modality.known.flatMap { modality in modality.marks.map { ($0.unicodeScalars, modality) } }
    }

    /// Cuts a text at its marks, scalar by scalar.
    package init(_ text: String) {
        let scalars = text.unicodeScalars
        let marks = Self.marks
        var plain = String.UnicodeScalarView()
        var place = scalars.startIndex
        while place < scalars.endIndex {
            let rest = scalars[place...]
            guard let mark = marks.first(where: { rest.starts(with: $0.spelling) }) else {
                plain.append(scalars[place])
                scalars.formIndex(after: &place)
                continue
            }
            if plain.last == "\\" {
                plain.removeLast()
                plain.append(contentsOf: mark.spelling)
            } else {
                append(text: String(plain))
                plain = String.UnicodeScalarView()
                pieces.append(.place(mark.modality))
            }
            place = scalars.index(place, offsetBy: mark.spelling.count)
        }
        append(text: String(plain))
    }

    private mutating func append(text: String) {
        if !text.isEmpty { pieces.append(.text(text)) }
    }

    /// How many places a modality has.
    package func placeCount(_ modality: Modality) -> Int { pieces.count { $0 == .place(modality) } }

    /// The first modality that a mark stands for; nil in plain text.
    package var firstModality: Modality? {
        pieces.lazy.compactMap { if case .place(let modality) = $0 { modality } else { nil } }.first
    }

    /// The text that is cut into these pieces.
    package var spelling: String {
        pieces.map { piece in
            switch piece {
            case .text(let text): Self.escaped(text)
            case .place(let modality): modality.mark
            }
        }.joined()
    }

    /// Text in which a backslash stands before every mark, so that none stands for anything.
    package static func escaped(_ text: String) -> String {
        let marks = marks
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let first = rest.first {
            if marks.contains(where: { rest.starts(with: $0.spelling) }) { result.append("\\") }
            result.append(first)
            rest = rest.dropFirst()
        }
        return String(result)
    }

    /// The pieces without line ends beside a place, which files set at will (LLaVA's `<image>\n`).
    package var withoutLineEndsAtPlaces: MarkedText {
        var result = self
        result.pieces = []
        for (index, piece) in pieces.enumerated() {
            guard case .text(let text) = piece else {
                result.pieces.append(piece)
                continue
            }
            var rest = text[...]
            if index > 0 { rest = rest.droppingFirstScalars(while: \.isLineEnd) }
            if index < pieces.count - 1 { rest = rest.droppingLastScalars(while: \.isLineEnd) }
            result.append(text: String(rest))
        }
        return result
    }
}

extension MarkedText {
    /// Text and media in reading order.
    ///
    /// Each mark stands for the next item of its modality. Media of a modality without any mark come first, in their order.
    /// - Parameters:
    ///   - media: images and videos.
    ///   - keepsSpaces: false drops white space beside marks, which there sets them apart from the text.
    /// - Throws: ``ProcessorError`` when marks and media of a modality differ in number, with both.
    package func content(with media: [ContentPart], keepsSpaces: Bool) throws(ProcessorError) -> [ContentPart] {
        var waiting: [Modality: [ContentPart]] = [:]
        for part in media { if let item = part.media { waiting[item.modality, default: []].append(part) } }
        for modality in Modality.known {
            let count = placeCount(modality)
            let given = waiting[modality]?.count ?? 0
            guard count == 0 || count == given else { throw Self.mismatch(modality, marks: count, media: given) }
        }
        var content = media.filter { $0.media.map { placeCount($0.modality) == 0 } ?? false }
        let trims = !keepsSpaces && firstModality != nil
        for piece in pieces {
            switch piece {
            case .text(let text):
                let text = trims ? text.withoutWhitespaceAtEnds : text
                if !text.isEmpty { content.append(.text(text)) }
            case .place(let modality):
                if let next = waiting[modality]?.removeFirst() { content.append(next) }
            }
        }
        return content
    }

    private static func mismatch(_ modality: Modality, marks: Int, media: Int) -> ProcessorError {
        let mark = modality.mark
        return ProcessorError(
            "the prompt has \(marks) \(mark) \(marks == 1 ? "placeholder" : "placeholders"), but "
                + "\(modality.counted(media)) \(media == 1 ? "was" : "were") given; give one \(modality) per "
                + "placeholder, omit the placeholders to put all \(modality)s first, or write \\\(mark) for the text "
                + "\(mark)")
    }
}
