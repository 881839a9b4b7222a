import ArgumentParser
import Foundation
import Generation
import Processors
import Syrinx
import Terminal

/// `syrinx chat`: a conversation about pictures.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with a model about pictures.",
        discussion: """
            Type a question, or a line for a model of documents to go on from. /image PATH puts a picture before the next \
            line, at any turn; /undo takes the last question and answer back, /clear forgets the conversation, /help \
            lists the commands, /quit ends. Ctrl-C stops an answer; between answers it ends the program. Lines may come \
            from a pipe. Earlier turns are kept in memory, so that each answer computes only what is new.
            """)

    @OptionGroup var modelOptions: ModelOptions
    @OptionGroup var conversation: ConversationOptions
    @OptionGroup var sampling: SamplingOptions

    @Flag(
        name: .shortAndLong,
        help: "Say on standard error, after each answer, what became of each picture, token counts and times.")
    var verbose = false

    func run() throws {
        let model = try modelOptions.load()
        let session = ChatSession(
            model, options: sampling.options(for: model), template: try conversation.parsedTemplate(),
            systemPrompt: conversation.system)
        if verbose {
            ExitStatus.writeToStandardError(
                "template: \(session.template.rawValue)\n\(sampling.account(for: model))\n")
        }
        let style = isatty(STDIN_FILENO) == 1 ? TerminalStyle.standardOutput : .plain
        var pictures = [ImageReference]()
        if style.isInteractive { print("\(modelOptions.model): /help lists the commands") }
        while true {
            if style.isInteractive {
                let noun = pictures.count == 1 ? "picture" : "pictures"
                let waiting = pictures.isEmpty ? "" : " (\(pictures.count) \(noun))"
                print(style.paint("you\(waiting)> ", .cyan), terminator: "")
                fflush(nil)
            }
            guard let line = readLine() else { break }
            switch ChatLine(line) {
            case .quit: return
            case .help: print(ChatLine.commandList)
            case .clear:
                session.clear()
                pictures = []
                print("The conversation is forgotten.")
            case .undo:
                print(
                    session.undo()
                        ? "The last question and its answer are taken back." : "There is nothing to take back.")
            case .image(let pattern):
                report { pictures += try ImageReference.matching(pattern) }
            case .unknown("image"): print("/image needs a path: /image photo.jpg")
            case .unknown(let name): print("/\(name) is not a command; /help lists them")
            case .text(let text):
                if text.isEmpty && pictures.isEmpty { continue }
                if try answer(Prompt(text, images: pictures), session: session, style: style) { pictures = [] }
            }
        }
        if style.isInteractive { print() }
    }

    /// Whether there was an answer; pictures of a question that failed wait for the next one.
    private func answer(_ turn: Prompt, session: ChatSession, style: TerminalStyle) throws -> Bool {
        // Only while an answer is written does Ctrl-C mean "stop it"; at the prompt it keeps its usual effect.
        InterruptFlag.install()
        defer {
            signal(SIGINT, SIG_DFL)
            signal(SIGTERM, SIG_DFL)
            signal(SIGPIPE, SIG_DFL)
        }
        let isAnswered = report {
            let answer = try session.answer(
                turn,
                onText: { text in
                    print(style.harmless(text), terminator: "")
                    fflush(nil)
                }, isCancelled: { InterruptFlag.isRaised })
            print(answer.stopReason == .cancelled ? style.paint(" [stopped]", .grey) : "")
            if verbose {
                fflush(nil)
                ExitStatus.writeToStandardError(answer.account + "\n")
            }
        }
        if InterruptFlag.exitCode != 128 + SIGINT { try InterruptFlag.check() }
        InterruptFlag.reset()
        return isAnswered
    }

    /// Does something that may fail without ending the conversation; whether it went well.
    @discardableResult private func report(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch {
            fflush(nil)
            ExitStatus.writeToStandardError("error: \(error)\n")
            return false
        }
    }
}

/// What a typed line means.
enum ChatLine: Equatable {
    case text(String)
    case image(String)
    case undo
    case clear
    case help
    case quit
    case unknown(String)

    static let commandList = """
        /image PATH   put a picture (or all that match a pattern) before the next line
        /undo         take back the last question and its answer
        /clear        forget the conversation
        /help         this list
        /quit         end
        """

    /// Reads a line; what does not begin with a slash and a letter is text.
    init(_ line: String) {
        let line = line.trimmingCharacters(in: .whitespacesAndNewlines)
        guard line.hasPrefix("/"), line.dropFirst().first?.isLetter == true else {
            self = .text(line)
            return
        }
        let parts = line.dropFirst().split(separator: " ", maxSplits: 1).map(String.init)
        let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        switch parts[0] {
        case "image" where !value.isEmpty: self = .image(value)
        case "undo": self = .undo
        case "clear": self = .clear
        case "help": self = .help
        case "quit", "exit": self = .quit
        default: self = .unknown(parts[0])
        }
    }
}
