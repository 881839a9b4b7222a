import Media
package import Processors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// What a command line or a line of a batch asks: a conversation so far, examples, then text, images and videos.
package struct Question: Sendable {
    /// What stands before everything else; nil for what the template says.
    package var systemPrompt: String?
    /// Earlier turns, or the beginning of the question.
    package var start: [Message] = []
    /// Images and what is to be said of each.
    package var examples: [(image: ImageReference, answer: String)] = []
    /// `<image>` marks where an image stands, `<video>` where a video does (``Prompt``); without any they stand first.
    package var text: MarkedText
    package var images: [ImageReference] = []
    package var videos: [VideoReference] = []

    /// A question of text alone.
    package init(systemPrompt: String? = nil, start: [Message] = [], text: MarkedText = MarkedText("")) {
        self.systemPrompt = systemPrompt
        self.start = start
        self.text = text
    }

    /// Whether there is nothing to go on from.
    package var isEmpty: Bool {
        start.isEmpty && examples.isEmpty && text.pieces.isEmpty && images.isEmpty && videos.isEmpty
    }

    private func prompt(keepsSpaces: Bool) throws -> Prompt {
        try Prompt(
            text, media: videos.map(Prompt.Part.video) + images.map(Prompt.Part.image), keepsSpaces: keepsSpaces)
    }

    /// Checks what can be checked without a model.
    /// - Throws: `SyrinxError` when markers and images differ in number, or `isRaw` and there are roles.
    package func check(isRaw: Bool) throws {
        _ = try prompt(keepsSpaces: true)
        if isRaw { _ = try raw(keepsSpaces: true) }
    }

    /// Everything in reading order, to be taken as it is.
    package func raw(keepsSpaces: Bool) throws -> Prompt {
        guard start.allSatisfy({ $0.role == .user }) else {
            throw SyrinxError("the prompt has roles, which need a chat template; omit --raw")
        }
        let beginning = Prompt(start.flatMap { $0.content.map(Prompt.Part.init) })
        return examples.reduce(beginning) { $0.adding(example: $1.image, $1.answer) }
            + (try prompt(keepsSpaces: keepsSpaces))
    }

    /// In a conversation every example asks the question with its own image, so a text for other media would be asked wrongly.
    private func checkPlacesForExamples() throws {
        guard text.placeCount(.image) < 2, Modality.known.allSatisfy({ $0 == .image || text.placeCount($0) == 0 })
        else {
            throw SyrinxError(
                "with examples a question has at most one <image> placeholder and none of other media, because every example "
                    + "asks it with one image; omit the placeholders, or write the conversation as a prompt file")
        }
    }

    /// Everything as turns. In a conversation every example is asked the same question; a document's examples follow each
    /// other without one.
    package func messages(in template: ChatTemplate) throws -> [Message] {
        let isDocument = template == .document
        if !isDocument, !examples.isEmpty { try checkPlacesForExamples() }
        var messages = systemPrompt.map { [Message(role: .system, text: $0)] } ?? []
        messages += start
        for example in examples {
            let question =
                isDocument
                ? Prompt("", images: [example.image])
                : try Prompt(text, media: [.image(example.image)], keepsSpaces: true)
            messages += [question.message, Message(role: .assistant, text: example.answer)]
        }
        let question = try prompt(keepsSpaces: !isDocument).message
        if messages.last?.role == .user {
            messages[messages.count - 1].content += question.content
        } else {
            messages.append(question)
        }
        return messages
    }
}

extension SyrinxModel {
    /// The question in a template, or as it is where there is none.
    package func prepare(_ question: Question, in template: ChatTemplate?) throws -> PreparedPrompt {
        guard let template else { return try prepare(try question.raw(keepsSpaces: keepsPromptSpaces)) }
        return try prepare(try question.messages(in: template), template: template)
    }
}

extension PromptFile {
    /// The file's turns; what follows each other in one role is one turn.
    /// - Parameter folder: what paths are relative to.
    package func messages(in folder: URL) throws -> [Message] {
        try parts.reduce(into: []) { messages, part in
            let content: ContentPart =
                switch part.content {
                case .text(let text): .text(text)
                case .image(let path):
                    .image(try ImageReference(path: ImageAddress.located(path, in: folder)))
                }
            if messages.last?.role == part.role {
                messages[messages.count - 1].content.append(content)
            } else {
                messages.append(Message(role: part.role, content: [content]))
            }
        }
    }
}
