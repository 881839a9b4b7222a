public import Settings

/// How the turns of a conversation become one sequence of text and images, byte by byte.
///
/// A prompt and a training example of the same turns come from the same place (``parts(of:for:)``), so a model is asked
/// as it was taught. What a user writes goes in as plain text: it can become neither a special token nor an image's place.
public enum ChatTemplate: String, NamedChoice, Sendable, Hashable {
    /// mPLUG-Owl as its README writes prompts: a system line, then lines of `Human: ` and `AI: `.
    case mplugOwl = "mplug-owl"
    /// The same with the system line of mPLUG-Owl's web demo.
    case mplugOwlDemo = "mplug-owl-demo"
    /// The same lines as mPLUG-Owl's training code encodes them: roles apart from what is said, and an end token behind
    /// every answer, of earlier turns too.
    case mplugOwlTraining = "mplug-owl-training"
    /// mPLUG-Owl video: the lines of ``mplugOwl``, which hold clips and images alike.
    case mplugOwlVideo = "mplug-owl-video"
    /// mPLUG-Owl2 as it is asked: `USER: ` and ` ASSISTANT:` without a system prompt, images right before the text.
    case mplugOwl2 = "mplug-owl2"
    /// The same as mPLUG-Owl2's evaluation scripts write it: with a space at the very end.
    case mplugOwl2Evaluation = "mplug-owl2-evaluation"
    /// Vicuna's: a system prompt, and each image on a line of its own before the text; mPLUG-Owl2's fine-tuning scripts
    /// pass it.
    case vicunaV1 = "vicuna-v1"
    /// No roles: text and images in reading order, as MM1 reads documents.
    case document

    /// What the rendered turns are for.
    public enum Purpose: Sendable, Hashable {
        /// The user has spoken last; the model goes on.
        case answer
        /// The assistant's texts are what is learnt, each with an end token behind it.
        case training
    }

    /// The template of this name.
    /// - Throws: ``ProcessorError`` that lists the known names and the nearest one.
    public init(named name: String) throws(ProcessorError) {
        guard let template = Self(rawValue: name) else {
            throw ProcessorError("the template \(NearestName.unknownChoice(name, among: Self.choiceNames))")
        }
        self = template
    }

    /// Strings with which the published code ends an answer, besides the end token.
    public var stopStrings: [String] {
        switch self {
        case .mplugOwl2, .mplugOwl2Evaluation, .vicunaV1: ["</s>"]
        case .mplugOwl, .mplugOwlDemo, .mplugOwlTraining, .mplugOwlVideo, .document: []
        }
    }

    /// The system prompt of conversations that bring none of their own; nil for templates without one.
    public var systemPrompt: String? {
        switch self {
        case .mplugOwl, .mplugOwlTraining, .mplugOwlVideo:
            "The following is a conversation between a curious human and AI assistant. The assistant gives helpful, "
                + "detailed, and polite answers to the user's questions."
        case .mplugOwlDemo:
            "The following is a conversation between a curious human and AI. The AI gives helpful, detailed, and polite "
                + "answers to the human's questions."
        case .vicunaV1:
            "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
                + "detailed, and polite answers to the user's questions."
        case .mplugOwl2, .mplugOwl2Evaluation, .document: nil
        }
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
        switch self {
        case .document: script.document(messages)
        case .mplugOwl, .mplugOwlDemo, .mplugOwlTraining, .mplugOwlVideo:
            script.lines(messages, system: system(of: messages), asInTraining: self == .mplugOwlTraining)
        case .mplugOwl2, .mplugOwl2Evaluation, .vicunaV1:
            script.turns(
                messages, system: system(of: messages), imagesFirst: self == .vicunaV1,
                end: self == .mplugOwl2Evaluation ? " " : "")
        }
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
                throw ProcessorError("\(name) is the system's; the system speaks once, before all others")
            }
            if message.role != .user && message.hasMedia {
                throw ProcessorError(
                    "\(name) is the \(message.role.rawValue)'s and holds an image; only a user shows images")
            }
            guard self != .document else { continue }
            if message.role == .user && !message.hasMedia && message.text.isEmpty {
                throw ProcessorError("\(name) is the user's and empty; give text or an image")
            }
            let turn = index - (messages.first?.role == .system ? 1 : 0)
            let expected = turn % 2 == 0 ? Role.user : .assistant
            guard message.role == .system || message.role == expected else {
                throw ProcessorError(
                    "\(name) is the \(message.role.rawValue)'s, but it is the \(expected.rawValue)'s turn; user and "
                        + "assistant take turns, and the user begins")
            }
        }
        if purpose == .answer, self != .document, messages.last?.role != .user {
            throw ProcessorError("there is no question to answer: the last message must be the user's")
        }
    }
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
    package var text: String { content.reduce(into: "") { if case .text(let text) = $1 { $0 += text } } }

    /// Whether it holds anything else than text.
    var hasMedia: Bool { content.contains(where: \.isMedia) }
}

extension ContentPart {
    /// Whether it is anything else than text.
    package var isMedia: Bool { if case .text = self { false } else { true } }

    /// Text without white space at its ends; anything else as it is.
    var trimmed: ContentPart {
        guard case .text(let text) = self else { return self }
        return .text(text.withoutWhitespaceAtEnds)
    }

    var isEmptyText: Bool { if case .text(let text) = self { text.isEmpty } else { false } }
}
