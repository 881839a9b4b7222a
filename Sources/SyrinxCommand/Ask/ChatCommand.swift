import ArgumentParser
import Checkpoints
import Foundation
import Generation
import Processors
import Settings
import Syrinx
import Terminal

/// `syrinx chat`: a conversation about images and videos.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with a model about images and videos.",
        discussion: """
            Type a question, or text for a model of documents to continue. /image PATH and /video PATH add an image or a video \
            to the next line, at any turn (spaces need no quotes, but quotes are allowed). /undo takes back the last \
            question and answer; its media wait for the next line again. /drop removes waiting media. /clear starts a new \
            conversation. /adapter PATH continues with another LoRA adapter, /adapter none without one; the base stays loaded. \
            /help lists the commands, /quit ends. Ctrl-C stops an answer; between answers it ends the program.

            In a line, <image> or <video> is the placeholder of a waiting item; without placeholders, media come first. \
            \\<image> is the text <image>. Earlier turns stay in memory, so each answer computes only what is new. Lines may \
            come from a pipe. The first line that fails ends the program with its status; nothing is answered about a \
            missing file.

              syrinx chat --model my-model --image apple.png
              syrinx chat --model models/video-7b --video cat.mp4 --frames 8
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(
        help: ArgumentHelp(
            "An image or a quoted pattern, placed before the first line. Repeatable.", valueName: "file"))
    var image: [String] = []

    @Option(
        help: ArgumentHelp(
            "A video or a quoted pattern, placed before the first line. Repeatable.", valueName: "file"))
    var video: [String] = []

    @OptionGroup var frames: FrameOptions
    @OptionGroup var conversation: ConversationOptions
    @OptionGroup var sampling: SamplingOptions

    @Flag(
        name: .shortAndLong,
        help: "Report on standard error, after each answer, how each image was prepared, token counts and times.")
    var verbose = false

    func run() throws {
        var waiting = WaitingMedia()
        // What is wrong with the files is said before the model is loaded.
        for path in video { waiting.append(try frames.videos(matching: path)) }
        for path in image { waiting.append(try Self.images(path)) }
        let model = try modelOptions.load()
        let session = ChatSession(
            model, options: sampling.options(for: model), template: try conversation.parsedTemplate(),
            systemPrompt: conversation.system)
        if verbose {
            ExitStatus.writeToStandardError(
                "template: \(session.template.name)\n\(sampling.account(for: model))\n")
        }
        let isAtTerminal = isatty(STDIN_FILENO) == 1
        let style = isAtTerminal ? TerminalStyle.standardOutput : .plain
        if style.isInteractive { print("\(modelOptions.model): /help lists the commands") }
        var number = 0
        while true {
            if style.isInteractive {
                print(style.paint("you\(waiting.isEmpty ? "" : " (\(waiting))")> ", .cyan), terminator: "")
                fflush(nil)
            }
            guard var typed = readLine() else { break }
            // Some editors and shells begin a text with a byte order mark, which is no part of its first line.
            if number == 0 && typed.unicodeScalars.first == "\u{FEFF}" { typed.unicodeScalars.removeFirst() }
            number += 1
            let line = ChatLine(typed)
            if line == .quit { return }
            do {
                // What is no UTF-8 comes as this character, and the model would be asked something else.
                guard isAtTerminal || !typed.unicodeScalars.contains("\u{FFFD}") else {
                    throw ValidationError(
                        "the line has bytes that are not UTF-8, or the character U+FFFD in their place; save the text as UTF-8"
                    )
                }
                try obey(line, session, &waiting, style)
            } catch let error where isAtTerminal && !(error is Interrupted) {
                fflush(nil)
                ExitStatus.writeToStandardError(ExitStatus.outcome(of: error, arguments: []).message + "\n")
            } catch {
                throw isAtTerminal ? error : FailedLine(number: number, error: error)
            }
        }
        if style.isInteractive { print() }
    }

    /// Does what a line says.
    /// - Throws: what fails; what waits still waits then.
    private func obey(
        _ line: ChatLine, _ session: ChatSession, _ waiting: inout WaitingMedia, _ style: TerminalStyle
    ) throws {
        switch line {
        case .quit: return
        case .help: print(ChatLine.commandList)
        case .clear:
            session.clear()
            waiting = WaitingMedia()
            print("The conversation starts anew.")
        case .undo: print(try undo(session, &waiting))
        case .drop:
            print(waiting.isEmpty ? "No media wait for the next line." : "Removed: \(waiting).")
            waiting = WaitingMedia()
        case .image(let pattern): waiting.append(try Self.images(pattern))
        case .video(let pattern): waiting.append(try frames.videos(matching: pattern))
        case .adapter(let path): try exchange(session, path)
        case .noAdapter: try exchange(session, nil)
        case .adapterInUse: print(Self.account(of: session.model))
        case .unknown("image"): throw ValidationError("/image needs a path: /image photo.jpg")
        case .unknown("video"): throw ValidationError("/video needs a path: /video clip.mp4")
        case .unknown(let name): throw ValidationError("/\(name.prefix(40)) is not a command; /help lists them")
        case .text(let text):
            if text.isEmpty && waiting.isEmpty { return }
            let turn = try Prompt(
                MarkedText(text), media: waiting.parts, keepsSpaces: session.template != .document)
            try answer(turn, session: session, style: style)
            waiting = WaitingMedia()
        }
    }

    /// The images that a path or pattern means.
    private static func images(_ pattern: String) throws -> [ImageReference] {
        guard pattern != "-", pattern != "/dev/stdin" else {
            throw ValidationError(
                "an image cannot come from standard input, which carries the lines of the chat; give its path")
        }
        return try ImageReference.matching(pattern)
    }

    /// Takes the last turn back; what it showed waits for the next line, before what waits already.
    private func undo(_ session: ChatSession, _ waiting: inout WaitingMedia) throws -> String {
        guard let question = session.undo() else { throw ValidationError("there is no question to take back") }
        let returned = WaitingMedia(of: question)
        waiting = returned + waiting
        let (verb, pronoun) = returned.parts.count == 1 ? ("waits", "it") : ("wait", "them")
        return "Took back the last question and its answer"
            + (returned.isEmpty ? "." : "; \(returned) \(verb) for the next line (/drop removes \(pronoun)).")
    }

    /// Goes on with the adapter at a path, or without any; where that fails, with what was in use.
    private func exchange(_ session: ChatSession, _ path: String?) throws {
        do {
            try session.use(try path.map { try AdapterFolder(path: $0) })
        } catch {
            print("Unchanged: " + Self.account(of: session.model))
            throw error
        }
        if let warning = session.model.adapterWarning {
            fflush(nil)
            ExitStatus.writeToStandardError("warning: \(warning)\n")
        }
        for remark in session.model.adapterRemarks { ExitStatus.writeToStandardError("note: \(remark)\n") }
        print(Self.account(of: session.model))
    }

    /// Which adapter is in use.
    private static func account(of model: SyrinxModel) -> String {
        model.adapter.map { "the adapter \($0) is in use (/adapter none stops using it)" }
            ?? "no adapter is in use (/adapter PATH uses one)"
    }

    /// Writes the answer as it comes.
    private func answer(_ turn: Prompt, session: ChatSession, style: TerminalStyle) throws {
        // Only while an answer is written does Ctrl-C mean "stop it"; at the prompt it keeps its usual effect.
        InterruptFlag.install()
        defer {
            signal(SIGINT, SIG_DFL)
            signal(SIGTERM, SIG_DFL)
            signal(SIGPIPE, SIG_DFL)
            InterruptFlag.reset()
        }
        let answer = try session.answer(
            turn, roomAdvice: "make room with /undo or /clear",
            onText: { text in
                print(style.harmless(text), terminator: "")
                fflush(nil)
            }, isCancelled: { InterruptFlag.isRaised })
        print(answer.stopReason.chatMark.map { style.paint(" [\($0)]", .grey) } ?? "")
        if verbose {
            fflush(nil)
            ExitStatus.writeToStandardError(answer.account + "\n")
        }
        if InterruptFlag.exitCode != 128 + SIGINT { try InterruptFlag.check() }
    }
}

extension StopReason {
    /// The note after an answer that did not end by itself, if the user must know.
    fileprivate var chatMark: String? {
        switch self {
        case .cancelled: "stopped"
        case .contextFull: "cut: the context is full; make room with /undo or /clear"
        case .stopToken, .stopString, .maxNewTokens: nil
        }
    }
}

/// Images and videos that stand before the next line, in the order in which they were given.
private struct WaitingMedia: CustomStringConvertible {
    private(set) var parts: [Prompt.Part] = []

    init() {}

    /// Those of a message.
    init(of message: Message) { parts = message.content.filter(\.isMedia).map(Prompt.Part.init) }

    var isEmpty: Bool { parts.isEmpty }

    mutating func append(_ images: [ImageReference]) { parts += images.map(Prompt.Part.image) }

    mutating func append(_ videos: [VideoReference]) { parts += videos.map(Prompt.Part.video) }

    static func + (first: WaitingMedia, second: WaitingMedia) -> WaitingMedia {
        var both = first
        both.parts += second.parts
        return both
    }

    /// How many there are: `1 image, 2 videos`.
    var description: String {
        let counts = Dictionary(parts.compactMap { $0.content.media.map { ($0.modality, 1) } }, uniquingKeysWith: +)
        return Modality.known.compactMap { modality in counts[modality].map(modality.counted) }.joined(separator: ", ")
    }
}
