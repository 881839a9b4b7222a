/// Writes the parts of a conversation in order: text that is not learnt runs together until something else comes.
struct ChatScript {
    /// Whether the assistant's texts are learnt.
    let isTraining: Bool
    private var parts: [ChatPart] = []
    private var pending = ""

    init(isTraining: Bool) { self.isTraining = isTraining }

    /// Everything written.
    var finished: [ChatPart] {
        var script = self
        script.cut()
        return script.parts
    }

    private mutating func write(_ text: String) { pending += text }

    /// What follows is encoded apart from what stands before it.
    private mutating func cut() {
        if !pending.isEmpty { parts.append(.text(pending)) }
        pending = ""
    }

    private mutating func write(_ part: ContentPart) {
        if case .text(let text) = part {
            write(text)
        } else {
            cut()
            parts.append(.content(part, isSupervised: false))
        }
    }

    /// Text that is learnt, and the end token behind it.
    private mutating func teach(_ text: String) {
        cut()
        parts += [.content(.text(text), isSupervised: true), .end(isSupervised: true)]
    }

    private mutating func end() {
        cut()
        parts.append(.end(isSupervised: false))
    }

    /// Whether a message is what is to be learnt: an answer that says something.
    private func isTaught(_ message: Message) -> Bool {
        isTraining && message.role == .assistant
            && message.text.unicodeScalars.contains {
                !$0.properties.isWhitespace
            }
    }

    /// Whether the example ends before a message: an answer that says nothing and has nothing behind it. With turns behind
    /// it, it is written as in a prompt, so that the later answers are learnt.
    private func endsExample(_ index: Int, of messages: [Message]) -> Bool {
        isTraining && index == messages.count - 1 && !isTaught(messages[index])
    }

    /// Reading order, each part encoded by itself.
    mutating func document(_ messages: [Message]) {
        for message in messages {
            if isTaught(message) {
                teach(message.text)
                continue
            }
            for part in message.content where !part.isEmptyText {
                write(part)
                cut()
            }
        }
    }

    /// mPLUG-Owl: the system line, a line `Human: ` for each part of a question, a line `AI: ` for each answer.
    /// - Parameter asInTraining: as its training code splits text before encoding it.
    mutating func lines(_ messages: [Message], system: String, asInTraining: Bool) {
        write(system)
        var isFirst = system.isEmpty
        func human(_ script: inout ChatScript) {
            if asInTraining && !isFirst { script.cut() }
            script.write(isFirst ? "Human: " : "\nHuman: ")
            if asInTraining && !isFirst { script.cut() }
            isFirst = false
        }
        func assistant(_ script: inout ChatScript) {
            script.write("\n")
            if asInTraining { script.cut() }
            script.write("AI: ")
        }
        for (index, message) in messages.enumerated() where message.role != .system {
            switch message.role {
            case .user:
                // A line for each part; white space around an image was there to set it apart.
                let parts = message.hasMedia ? message.content.map(\.trimmed) : [.text(message.text)]
                for part in parts where !part.isEmptyText {
                    human(&self)
                    write(part)
                }
            case .assistant, .system:
                assistant(&self)
                if endsExample(index, of: messages) { return }
                if isTaught(message) {
                    teach(message.text)
                } else if asInTraining {
                    cut()
                    write(message.text)
                    end()
                } else {
                    write(message.text)
                }
            }
        }
        if !isTraining {
            assistant(&self)
            cut()
        }
    }

    /// Vicuna and mPLUG-Owl2: `USER: ` question ` ASSISTANT:`, a space, the answer and an end token, without line ends.
    /// - Parameters:
    ///   - imagesFirst: images before the text, each on a line of its own.
    ///   - lastSpace: what stands behind the last `ASSISTANT:` of a prompt.
    mutating func turns(_ messages: [Message], system: String, imagesFirst: Bool, end lastSpace: String) {
        if !system.isEmpty { write(system + " ") }
        for (index, message) in messages.enumerated() where message.role != .system {
            switch message.role {
            case .user:
                write("USER: ")
                for part in imagesFirst ? message.imagesOnLines : message.content { write(part) }
                write(" ASSISTANT:")
            case .assistant, .system:
                if endsExample(index, of: messages) { return }
                let text = message.text.isEmpty ? "" : " " + message.text
                if isTaught(message) {
                    teach(text)
                } else {
                    write(text)
                    end()
                }
            }
            if !isTraining && index == messages.count - 1 { write(lastSpace) }
        }
    }
}

extension Message {
    /// The images, a line end behind each, then the text without white space at its ends.
    fileprivate var imagesOnLines: [ContentPart] {
        guard hasMedia else { return content }
        let text = text.withoutWhitespaceAtEnds
        let lines = content.filter(\.isMedia).flatMap { [$0, .text("\n")] }
        return text.isEmpty ? lines.dropLast() : lines + [.text(text)]
    }
}
