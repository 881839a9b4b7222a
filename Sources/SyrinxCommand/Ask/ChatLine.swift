import Foundation
import Processors

/// What a line typed into a chat means.
enum ChatLine: Equatable {
    case text(String)
    case image(String)
    case video(String)
    /// To take an adapter, to take none, and to ask which is in use.
    case adapter(path: String)
    case noAdapter
    case adapterInUse
    case undo
    case drop
    case clear
    case help
    case quit
    case unknown(String)

    static let commandList = """
        /image PATH   add an image (or all that match a pattern) to the next line
        /video PATH   the same with a video; --frames sets the number of frames
        /adapter PATH continue with this LoRA adapter; the base stays loaded
        /adapter none continue without one; /adapter alone shows which is in use
        /drop         remove the images and videos that wait for the next line
        /undo         take back the last question and its answer; its media wait again
        /clear        start a new conversation
        /help         show this list
        /quit         end
        """

    /// Reads a line; what does not begin with a slash and a letter is text.
    init(_ line: String) {
        let line = line.withoutWhitespaceAtEnds
        guard line.begins(withScalars: "/"), line.unicodeScalars.dropFirst().first?.properties.isAlphabetic == true
        else {
            self = .text(line)
            return
        }
        let command = String(line.unicodeScalars.dropFirst())
        let name = command.firstScalars { !$0.isSpace }
        let path = Self.path(String(command[name.endIndex...].droppingFirstScalars(while: \.isSpace)))
        switch name {
        case "image" where !path.isEmpty: self = .image(path)
        case "video" where !path.isEmpty: self = .video(path)
        case "adapter" where path == "none": self = .noAdapter
        case "adapter": self = path.isEmpty ? .adapterInUse : .adapter(path: path)
        case "undo": self = .undo
        case "drop": self = .drop
        case "clear": self = .clear
        case "help": self = .help
        case "quit", "exit": self = .quit
        default: self = .unknown(String(name))
        }
    }

    /// A path as people type it and terminals paste it: plain with its spaces, in quotes of either kind, or with a backslash
    /// before what a shell would take for something else; `~/` is the home folder except in quotes.
    private static func path(_ typed: String) -> String {
        let scalars = typed.unicodeScalars
        if let quote = scalars.first, quote == "\"" || quote == "'", scalars.count >= 2, scalars.last == quote {
            return String(scalars.dropFirst().dropLast())
        }
        var path = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in scalars {
            if scalar == "\\" && !isEscaped {
                isEscaped = true
            } else {
                path.append(scalar)
                isEscaped = false
            }
        }
        if isEscaped { path.append("\\") }
        guard path.starts(with: "~/".unicodeScalars), let home = ProcessInfo.processInfo.environment["HOME"] else {
            return String(path)
        }
        return home + String(path.dropFirst())
    }
}
