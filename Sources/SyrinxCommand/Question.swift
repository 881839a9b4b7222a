import Foundation
import Processors
import Syrinx

/// What a command line asks: a conversation so far, examples, then text and pictures.
struct Question {
    /// What stands before everything else; nil for what the template says.
    var systemPrompt: String?
    /// Earlier turns, or the beginning of the question.
    var start: [Message] = []
    /// Pictures and what is to be said of each.
    var examples: [(picture: ImageReference, answer: String)] = []
    /// `<image>` marks where a picture stands; without any they stand first.
    var text = ""
    var images: [ImageReference] = []

    /// Whether there is nothing to go on from.
    var isEmpty: Bool { start.isEmpty && examples.isEmpty && text.isEmpty && images.isEmpty }

    private func prompt(_ images: [ImageReference], keepsSpaces: Bool) throws -> Prompt {
        try Prompt(text, images: images, marker: "<image>", keepsSpaces: keepsSpaces)
    }

    /// Checks what can be checked without a model.
    /// - Throws: `SyrinxError` when markers and pictures differ in number, or `isRaw` and there are roles.
    func check(isRaw: Bool) throws {
        _ = try prompt(images, keepsSpaces: true)
        if isRaw { _ = try raw(keepsSpaces: true) }
    }

    /// Everything in reading order, to be taken as it is.
    func raw(keepsSpaces: Bool) throws -> Prompt {
        guard start.allSatisfy({ $0.role == .user }) else {
            throw SyrinxError("the prompt file has roles, which only a template can write; leave --raw out")
        }
        let beginning = Prompt(start.flatMap { $0.content.map(Prompt.Part.init) })
        return examples.reduce(beginning) { $0.adding(example: $1.picture, $1.answer) }
            + (try prompt(images, keepsSpaces: keepsSpaces))
    }

    /// Everything as turns. In a conversation every example is asked the same question; a document's examples follow each
    /// other without one.
    func messages(in template: ChatTemplate) throws -> [Message] {
        let isDocument = template == .document
        var messages = systemPrompt.map { [Message(role: .system, text: $0)] } ?? []
        messages += start
        for example in examples {
            let question =
                isDocument ? Prompt("", images: [example.picture]) : try prompt([example.picture], keepsSpaces: true)
            messages += [question.message, Message(role: .assistant, text: example.answer)]
        }
        let question = try prompt(images, keepsSpaces: !isDocument).message
        if messages.last?.role == .user {
            messages[messages.count - 1].content += question.content
        } else {
            messages.append(question)
        }
        return messages
    }
}

extension PromptFile {
    /// The file's turns; what follows each other in one role is one turn.
    /// - Parameter folder: what paths are relative to.
    func messages(in folder: URL) throws -> [Message] {
        try parts.reduce(into: []) { messages, part in
            let content: ContentPart =
                switch part.content {
                case .text(let text): .text(text)
                case .image(let path):
                    .image(try ImageReference(path: URL(fileURLWithPath: path, relativeTo: folder).path))
                }
            if messages.last?.role == part.role {
                messages[messages.count - 1].content.append(content)
            } else {
                messages.append(Message(role: part.role, content: [content]))
            }
        }
    }
}
