// The layouts that templates of several families share.

/// Reading order without roles, each part encoded by itself.
public struct DocumentLayout: ChatLayout {
    public init() {}

    public var takesTurns: Bool { false }

    public func write(_ messages: [Message], system: String, to script: inout ChatScript) {
        for message in messages {
            if script.isTaught(message) {
                script.teach(message.text)
                continue
            }
            for part in message.content where !part.isEmptyText {
                script.write(part)
                script.cut()
            }
        }
    }
}

/// The system line, a line `Human: ` for each part of a question, a line `AI: ` for each answer.
public struct LinesLayout: ChatLayout {
    /// How a line of a question begins.
    public static let user = "Human: "
    /// How the line of an answer begins.
    public static let assistant = "AI: "

    /// Whether roles are encoded apart from what is said, with an end token after answers of earlier turns, too.
    public var separatesRoles: Bool

    public init(separatesRoles: Bool = false) { self.separatesRoles = separatesRoles }

    public func write(_ messages: [Message], system: String, to script: inout ChatScript) {
        script.write(system)
        var isFirst = system.isEmpty
        for (index, message) in messages.enumerated() where message.role != .system {
            switch message.role {
            case .user:
                // A line for each part; white space around an image was there to set it apart.
                let parts = message.hasMedia ? message.content.map(\.trimmed) : [.text(message.text)]
                for part in parts where !part.isEmptyText {
                    beginQuestion(&script, isFirst: isFirst)
                    isFirst = false
                    script.write(part)
                }
            case .assistant, .system:
                beginAnswer(&script)
                if script.endsExample(index, of: messages) { return }
                if script.isTaught(message) {
                    script.teach(message.text)
                } else if separatesRoles {
                    script.cut()
                    script.write(message.text)
                    script.end()
                } else {
                    script.write(message.text)
                }
            }
        }
        if !script.isTraining {
            beginAnswer(&script)
            script.cut()
        }
    }

    private func beginQuestion(_ script: inout ChatScript, isFirst: Bool) {
        if separatesRoles && !isFirst { script.cut() }
        script.write(isFirst ? Self.user : "\n" + Self.user)
        if separatesRoles && !isFirst { script.cut() }
    }

    private func beginAnswer(_ script: inout ChatScript) {
        script.write("\n")
        if separatesRoles { script.cut() }
        script.write(Self.assistant)
    }
}

/// `USER: ` question ` ASSISTANT:`, a space, the answer and an end token, without line ends.
public struct TurnsLayout: ChatLayout {
    /// Whether images stand before the text, each on a line of its own; otherwise where they were put.
    public var imagesFirst: Bool
    /// The text after the last `ASSISTANT:` of a prompt.
    public var promptEnd: String

    public init(imagesFirst: Bool = false, promptEnd: String = "") {
        self.imagesFirst = imagesFirst
        self.promptEnd = promptEnd
    }

    public func write(_ messages: [Message], system: String, to script: inout ChatScript) {
        if !system.isEmpty { script.write(system + " ") }
        for (index, message) in messages.enumerated() where message.role != .system {
            switch message.role {
            case .user:
                script.write("USER: ")
                for part in imagesFirst ? message.imagesOnLines : message.content { script.write(part) }
                script.write(" ASSISTANT:")
            case .assistant, .system:
                if script.endsExample(index, of: messages) { return }
                let text = message.text.isEmpty ? "" : " " + message.text
                if script.isTaught(message) {
                    script.teach(text)
                } else {
                    script.write(text)
                    script.end()
                }
            }
            if !script.isTraining && index == messages.count - 1 { script.write(promptEnd) }
        }
    }
}

extension Message {
    /// The images, a line end after each, then the text without white space at its ends.
    fileprivate var imagesOnLines: [ContentPart] {
        guard hasMedia else { return content }
        let text = text.withoutWhitespaceAtEnds
        let lines = content.filter(\.isMedia).flatMap { [$0, .text("\n")] }
        return text.isEmpty ? lines.dropLast() : lines + [.text(text)]
    }
}
