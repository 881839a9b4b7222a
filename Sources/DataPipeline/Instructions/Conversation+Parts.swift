package import Processors

extension Conversation {
    /// What a template makes of the conversation for training: text and places of images, each text marked as learnt or not.
    ///
    /// The loader lays this out and `data check` counts in it, so that what is counted is what is learnt (as far as the
    /// context reaches).
    /// - Throws: `ProcessorError` that names the turn that is out of order, empty, or shows an image and may not.
    package func parts(in template: ChatTemplate) throws(ProcessorError) -> [ChatPart] {
        switch form {
        case .turns(let messages): try template.parts(of: messages, for: .training)
        case .written(let text):
            template.isWrittenInLines
                ? WrittenConversation.parts(of: text)
                : try template.parts(of: WrittenConversation.messages(of: text), for: .training)
        }
    }

    /// Whether an answer that the context's end cuts gets an end token all the same, as the code that reads such records elsewhere gives it.
    func endsWhereCut(in template: ChatTemplate) -> Bool {
        if case .written = form { template.isWrittenInLines } else { false }
    }
}

extension [ChatPart] {
    /// How many answers are learnt.
    var answerCount: Int {
        count { if case .content(_, isSupervised: true) = $0 { true } else { false } }
    }
}

extension ChatTemplate {
    /// Whether it writes the lines in which records of one text come: their roles stand in them already.
    fileprivate var isWrittenInLines: Bool { layout is LinesLayout }
}
