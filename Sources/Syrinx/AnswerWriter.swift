import Processors
import Tokenizers

/// Turns an answer's tokens into the text that is shown.
struct AnswerWriter {
    private var detokenizer: StreamingDetokenizer
    private var filter: StopStringFilter
    private(set) var text = ""

    init(_ tokenizer: any Tokenizer, stopStrings: [String]) {
        detokenizer = StreamingDetokenizer(tokenizer, continuing: true)
        filter = StopStringFilter(stopStrings)
    }

    var hasStopped: Bool { filter.hasStopped }

    /// The text this token makes certain.
    mutating func append(_ token: Int) -> String { show(filter.append(detokenizer.append(token))) }

    /// What was held back.
    mutating func finish() -> String {
        let rest = filter.append(detokenizer.finish())
        return show(rest + filter.finish())
    }

    /// Leaves out white space before the first word.
    private mutating func show(_ piece: String) -> String {
        let shown = text.isEmpty ? String(piece.droppingFirstScalars(while: \.isSpace)) : piece
        text += shown
        return shown
    }
}
