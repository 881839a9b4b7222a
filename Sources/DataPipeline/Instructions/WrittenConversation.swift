import Processors

/// A conversation that came as one text in lines, cut as the code that reads such records elsewhere cuts it.
///
/// The text is split at `<image>`, `AI: ` and a line end with `Human: `; every piece is encoded by itself. What stands right
/// behind `AI: ` is learnt, with an end token after it, and nothing else is.
enum WrittenConversation {
    enum Piece: Equatable {
        case image
        case text(String, isAnswer: Bool)
    }

    private static let marks = ["<image>", LinesLayout.assistant, "\n" + LinesLayout.user]

    static func pieces(of text: String) -> [Piece] {
        var pieces: [Piece] = []
        var rest = text.unicodeScalars[...]
        var followsAssistant = false
        func append(_ scalars: Substring.UnicodeScalarView, isMark: Bool) {
            guard !scalars.isEmpty else { return }
            let text = String(scalars)
            if isMark && text == marks[0] {
                pieces.append(.image)
            } else {
                pieces.append(.text(text, isAnswer: followsAssistant && !isMark))
            }
            followsAssistant = isMark && text == marks[1]
        }
        var start = rest.startIndex
        while start < rest.endIndex {
            guard let mark = marks.first(where: { rest[start...].starts(with: $0.unicodeScalars) }) else {
                rest.formIndex(after: &start)
                continue
            }
            append(rest[..<start], isMark: false)
            let end = rest.index(start, offsetBy: mark.unicodeScalars.count)
            append(rest[start..<end], isMark: true)
            rest = rest[end...]
            start = rest.startIndex
        }
        append(rest, isMark: false)
        return pieces
    }

    /// The pieces as a template would hand them out.
    static func parts(of text: String) -> [ChatPart] {
        pieces(of: text).flatMap { piece -> [ChatPart] in
            switch piece {
            case .image: [.content(.image(ImageReference(.encoded([]), name: "image")), isSupervised: false)]
            case .text(let text, isAnswer: false): [.content(.text(text), isSupervised: false)]
            case .text(let text, isAnswer: true):
                [.content(.text(text), isSupervised: true), .end(isSupervised: true)]
            }
        }
    }

    /// The turns of the text, for templates of other systems. What stands before the first `Human: ` is the system's.
    static func messages(of text: String) -> [Message] {
        var messages: [Message] = []
        let lines = ("\n" + text).components(splitBefore: ["\nHuman: ", "\nAI: "])
        for (mark, line) in lines {
            switch mark {
            case "\nHuman: ":
                let part = Message(role: .user, marked: line)
                if messages.last?.role == .user {
                    messages[messages.count - 1].content += part.content
                } else {
                    messages.append(part)
                }
            case "\nAI: ": messages.append(Message(role: .assistant, text: line))
            default:
                if !line.isEmpty {
                    messages.append(Message(role: .system, text: String(line.droppingFirstScalars(while: \.isLineEnd))))
                }
            }
        }
        return messages
    }
}

extension String {
    /// The text cut before every mark: marks with what follows them, the first without a mark.
    fileprivate func components(splitBefore marks: [String]) -> [(mark: String, text: String)] {
        var result: [(String, String)] = []
        var mark = ""
        var rest = self[...]
        while let next = marks.compactMap({ mark in rest.firstRange(ofScalars: mark).map { (mark, $0) } })
            .min(by: { $0.1.lowerBound < $1.1.lowerBound })
        {
            result.append((mark, String(rest[..<next.1.lowerBound])))
            mark = next.0
            rest = rest[next.1.upperBound...]
        }
        return result + [(mark, String(rest))]
    }
}
