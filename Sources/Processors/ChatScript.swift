/// Writes the parts of a conversation in order: text that is not learnt runs together until something else comes.
public struct ChatScript {
    /// Whether the assistant's texts are learnt.
    public let isTraining: Bool
    private var parts: [ChatPart] = []
    private var pending = ""

    init(isTraining: Bool) { self.isTraining = isTraining }

    /// Everything written.
    var finished: [ChatPart] {
        var script = self
        script.cut()
        return script.parts
    }

    /// Text that is given, not learnt.
    public mutating func write(_ text: String) { pending += text }

    /// What follows is encoded apart from what stands before it.
    public mutating func cut() {
        if !pending.isEmpty { parts.append(.text(pending)) }
        pending = ""
    }

    /// Text that is given, or the place of an image.
    public mutating func write(_ part: ContentPart) {
        if case .text(let text) = part {
            write(text)
        } else {
            cut()
            parts.append(.content(part, isSupervised: false))
        }
    }

    /// Text to learn, and the end token after it.
    public mutating func teach(_ text: String) {
        cut()
        parts += [.content(.text(text), isSupervised: true), .end(isSupervised: true)]
    }

    /// An end token that is given, not learnt.
    public mutating func end() {
        cut()
        parts.append(.end(isSupervised: false))
    }

    /// Whether a message is what is to be learnt: an answer that says something.
    public func isTaught(_ message: Message) -> Bool {
        isTraining && message.role == .assistant
            && message.text.unicodeScalars.contains {
                !$0.properties.isWhitespace
            }
    }

    /// Whether the example ends before a message: an answer that says nothing and has nothing behind it. With turns behind
    /// it, it is written as in a prompt, so that the later answers are learnt.
    public func endsExample(_ index: Int, of messages: [Message]) -> Bool {
        isTraining && index == messages.count - 1 && !isTaught(messages[index])
    }
}
