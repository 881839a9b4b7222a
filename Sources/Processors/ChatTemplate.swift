/// How the turns of a conversation become one sequence of text and media, byte by byte.
///
/// A prompt and a training example of the same turns come from the same place (``parts(of:for:)``), so a model is asked
/// as it was taught. What a user writes goes in as plain text: it can become neither a special token nor an image's place.
///
/// A family brings its templates as values; the layouts that several families share are in `ChatLayouts.swift`.
public struct ChatTemplate: Sendable, Hashable, CustomStringConvertible {
    /// The word that options, recipes and `config.json` call it by.
    public let name: String
    /// The system prompt of conversations that bring none of their own; nil for templates without one.
    public let systemPrompt: String?
    /// Strings with which the published code ends an answer, besides the end token.
    public let stopStrings: [String]
    /// How the turns are written.
    public let layout: any ChatLayout

    /// A template of a family.
    public init(_ name: String, systemPrompt: String? = nil, stopStrings: [String] = [], layout: any ChatLayout) {
        self.name = name
        self.systemPrompt = systemPrompt
        self.stopStrings = stopStrings
        self.layout = layout
    }

    /// No roles: text and images in reading order, as documents are read.
    public static let document = ChatTemplate("document", layout: DocumentLayout())

    public var description: String { name }

    public static func == (one: ChatTemplate, other: ChatTemplate) -> Bool {
        one.name == other.name && one.systemPrompt == other.systemPrompt && one.stopStrings == other.stopStrings
            && AnyHashable(one.layout) == AnyHashable(other.layout)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// What the rendered turns are for.
    public enum Purpose: Sendable, Hashable {
        /// The last message is the user's; the model continues.
        case answer
        /// The assistant's texts are learnt, each with an end token after it.
        case training
    }

    /// The turns as one sequence. For an answer it ends where the assistant begins to speak.
    ///
    /// A system message may stand first and takes the place of ``systemPrompt``; an empty one leaves it out. Then user and
    /// assistant take turns (``document`` takes any order). In training an answer without a visible character is not learnt:
    /// it is written as in a prompt where turns follow it, and ends the sequence before it where none do.
    /// - Throws: ``ProcessorError`` that names the message that is out of turn, empty, or of a role that has no images.
    public func parts(of messages: [Message], for purpose: Purpose = .answer) throws(ProcessorError) -> [ChatPart] {
        try check(messages, for: purpose)
        var script = ChatScript(isTraining: purpose == .training)
        layout.write(messages, system: system(of: messages), to: &script)
        return script.finished
    }

    private func system(of messages: [Message]) -> String {
        guard let first = messages.first, first.role == .system else { return systemPrompt ?? "" }
        return first.text
    }

    private func check(_ messages: [Message], for purpose: Purpose) throws(ProcessorError) {
        for (index, message) in messages.enumerated() {
            let name = "message \(index + 1) of \(messages.count)"
            if message.role == .system && index > 0 {
                throw ProcessorError("\(name): only one system message is allowed, and it must come first")
            }
            if message.role != .user && message.hasMedia {
                throw ProcessorError(
                    "\(name): only user messages may contain media, not a message of \(message.role.rawValue)")
            }
            guard layout.takesTurns else { continue }
            if message.role == .user && !message.hasMedia && message.text.isEmpty {
                throw ProcessorError("\(name): the user message is empty; give text or an image")
            }
            let turn = index - (messages.first?.role == .system ? 1 : 0)
            let expected = turn % 2 == 0 ? Role.user : .assistant
            guard message.role == .system || message.role == expected else {
                throw ProcessorError(
                    "\(name): expected a message of \(expected.rawValue), found \(message.role.rawValue); user and "
                        + "assistant take turns, and the user begins")
            }
        }
        if purpose == .answer, layout.takesTurns, messages.last?.role != .user {
            throw ProcessorError("there is no question to answer: the last message must be the user's")
        }
    }
}

/// A way to write turns, with its parameters as stored values. Templates are equal where their layouts are.
public protocol ChatLayout: Hashable, Sendable {
    /// Whether user and assistant take turns and the user begins; otherwise any order will do.
    var takesTurns: Bool { get }

    /// Writes the turns. Messages are in an order that ``takesTurns`` allows; the system's, if any, stands first and its text
    /// is `system` (the template's own prompt where there is none).
    func write(_ messages: [Message], system: String, to script: inout ChatScript)
}

extension ChatLayout {
    public var takesTurns: Bool { true }
}

/// A piece of a rendered conversation. Each text is encoded by itself.
public enum ChatPart: Sendable {
    /// Text, or the place of an image. `isSupervised` says whether it is to be learnt.
    case content(ContentPart, isSupervised: Bool)
    /// The vocabulary's end token.
    case end(isSupervised: Bool)
}

extension ChatPart {
    /// Text that is given, not learnt.
    static func text(_ text: String) -> ChatPart { .content(.text(text), isSupervised: false) }
}

extension Message {
    /// The text of all its parts.
    public var text: String { content.reduce(into: "") { if case .text(let text) = $1 { $0 += text } } }

    /// Whether it holds anything else than text.
    public var hasMedia: Bool { content.contains(where: \.isMedia) }
}

extension ContentPart {
    /// Whether it is anything else than text.
    public var isMedia: Bool { if case .text = self { false } else { true } }

    /// Text without white space at its ends; anything else as it is.
    var trimmed: ContentPart {
        guard case .text(let text) = self else { return self }
        return .text(text.withoutWhitespaceAtEnds)
    }

    var isEmptyText: Bool { if case .text(let text) = self { text.isEmpty } else { false } }
}
