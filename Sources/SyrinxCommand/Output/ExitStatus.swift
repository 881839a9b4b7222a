import ArgumentParser
import Foundation
import Settings
import Terminal
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How an error becomes the end of the program: a line on standard error and an exit status.
enum ExitStatus {
    /// The work failed.
    static let failure: Int32 = 1
    /// The command line or an input is wrong: the user can change it.
    static let wrongInput: Int32 = 2

    private static let prefix = "error: "

    /// Prints what is to be said about an error and ends the program.
    ///
    /// Requests such as `--help` go to standard output with status 0. A wrong command line shows its usage. Every other
    /// error is one line, `error: ` and the error's own description.
    static func end(after error: any Error) -> Never {
        let (message, status) = outcome(of: error, arguments: CommandLine.arguments)
        if status == 0 {
            print(message)
            if let lost = LostOutput() { end(after: lost) }
        } else if !message.isEmpty {
            writeToStandardError(message + "\n")
        }
        exit(status)
    }

    /// Writes text to standard error, whole and unbuffered.
    static func writeToStandardError(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The file that a file operation failed on, with a colon; nothing for other errors.
    private static func place(of error: any Error) -> String {
        let file = error as? CocoaError
        return (file?.filePath ?? file?.url?.path).map { "\($0): " } ?? ""
    }

    /// The text to print, which repeats no long argument whole, and the status to end with.
    static func outcome(of error: any Error, arguments: [String]) -> (message: String, status: Int32) {
        let (message, status) = outcome(of: error)
        return (status == 0 ? message : Excerpt.inMessage(message, arguments: arguments), status)
    }

    private static func outcome(of error: any Error) -> (message: String, status: Int32) {
        if let failed = error as? FailedLine {
            let (message, status) = outcome(of: failed.error)
            let place = "line \(failed.number) of standard input: "
            return (message.hasPrefix(prefix) ? prefix + place + message.dropFirst(prefix.count) : message, status)
        }
        if let interrupted = error as? Interrupted {
            return (String(describing: interrupted), interrupted.exitCode)
        }
        if let code = error as? ExitCode { return ("", code.rawValue) }
        if error is any InputError { return ("\(prefix)\(error)", wrongInput) }
        // Found while running, not while reading the command line: the usage would say nothing about it.
        if let mistake = error as? ValidationError { return ("\(prefix)\(mistake.message)", wrongInput) }
        switch SyrinxCommand.exitCode(for: error) {
        case .success: return (SyrinxCommand.fullMessage(for: error), 0)
        case .validationFailure:
            let text = SyrinxCommand.fullMessage(for: error)
            let usual = "Error: "
            return (text.hasPrefix(usual) ? prefix + text.dropFirst(usual.count) : text, wrongInput)
        default: return ("\(prefix)\(place(of: error))\(plainReason(error))", failure)
        }
    }
}

/// A line of a conversation from a pipe that failed, and with it the conversation.
struct FailedLine: Error {
    let number: Int
    let error: any Error
}
