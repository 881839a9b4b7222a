/// Text that a person or a file wrote, cut at the marks that stand for images and videos.
///
/// `<image>` and `<|image|>` stand for an image, `<video>` and `<|video|>` for a video: the published systems spell them so. A
/// backslash before a mark takes its meaning away and is dropped: `\<image>` is the text `<image>`.
package struct MarkedText: Sendable {
    /// What a mark stands for; the raw value is how messages spell the mark.
    package enum Medium: String, Sendable {
        case image = "<image>"
        case video = "<video>"
    }

    /// A piece, in reading order.
    package enum Piece: Sendable, Equatable {
        /// Never empty.
        case text(String)
        case place(Medium)
    }

    package private(set) var pieces: [Piece] = []

    private static let marks: [(spelling: String.UnicodeScalarView, medium: Medium)] = [
        ("<image>".unicodeScalars, .image), ("<|image|>".unicodeScalars, .image), ("<video>".unicodeScalars, .video),
        ("<|video|>".unicodeScalars, .video),
    ]

    /// Cuts a text at its marks, scalar by scalar.
    package init(_ text: String) {
        let scalars = text.unicodeScalars
        var plain = String.UnicodeScalarView()
        var place = scalars.startIndex
        while place < scalars.endIndex {
            let rest = scalars[place...]
            guard let mark = Self.marks.first(where: { rest.starts(with: $0.spelling) }) else {
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
                pieces.append(.place(mark.medium))
            }
            place = scalars.index(place, offsetBy: mark.spelling.count)
        }
        append(text: String(plain))
    }

    private mutating func append(text: String) {
        if !text.isEmpty { pieces.append(.text(text)) }
    }

    /// How many places a medium has.
    package func placeCount(_ medium: Medium) -> Int { pieces.count { $0 == .place(medium) } }

    /// The first medium that a mark stands for; nil in plain text.
    package var firstMedium: Medium? {
        pieces.lazy.compactMap { if case .place(let medium) = $0 { medium } else { nil } }.first
    }

    /// The text that is cut into these pieces.
    package var spelling: String {
        pieces.map { piece in
            switch piece {
            case .text(let text): Self.escaped(text)
            case .place(let medium): medium.rawValue
            }
        }.joined()
    }

    /// Text in which a backslash stands before every mark, so that none stands for anything.
    package static func escaped(_ text: String) -> String {
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
    /// Each mark stands for the next medium of its kind. Media of a kind without any mark come first, in their order.
    /// - Parameters:
    ///   - media: images and videos.
    ///   - keepsSpaces: false drops white space beside marks, which there sets them apart from the text.
    /// - Throws: ``ProcessorError`` when marks and media of a kind differ in number, with both.
    package func content(with media: [ContentPart], keepsSpaces: Bool) throws(ProcessorError) -> [ContentPart] {
        var waiting: [Medium: [ContentPart]] = [:]
        for part in media { if let medium = part.medium { waiting[medium, default: []].append(part) } }
        for medium in [Medium.video, .image] {
            let count = placeCount(medium)
            let given = waiting[medium]?.count ?? 0
            guard count == 0 || count == given else { throw Self.mismatch(medium, marks: count, media: given) }
        }
        var content = media.filter { $0.medium.map { placeCount($0) == 0 } ?? false }
        let trims = !keepsSpaces && firstMedium != nil
        for piece in pieces {
            switch piece {
            case .text(let text):
                let text = trims ? text.withoutWhitespaceAtEnds : text
                if !text.isEmpty { content.append(.text(text)) }
            case .place(let medium):
                if let next = waiting[medium]?.removeFirst() { content.append(next) }
            }
        }
        return content
    }

    private static func mismatch(_ medium: Medium, marks: Int, media: Int) -> ProcessorError {
        let noun = medium == .image ? "image" : "video"
        return ProcessorError(
            "the prompt has \(marks) \(medium.rawValue) \(marks == 1 ? "mark" : "marks"), but \(media) "
                + "\(media == 1 ? "\(noun) was" : "\(noun)s were") given; give one \(noun) per mark, leave the marks out to put "
                + "all \(noun)s first, or write \\\(medium.rawValue) for the text \(medium.rawValue)")
    }
}

extension ContentPart {
    /// What kind of medium it is; nil for text.
    fileprivate var medium: MarkedText.Medium? {
        switch self {
        case .text: nil
        case .image: .image
        case .video: .video
        }
    }
}
