package import ArgumentParser

/// The root of the `syrinx` command; each subcommand lives in its own file.
@main
package struct SyrinxCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "syrinx",
        abstract: "Build, train, evaluate and talk with multimodal language models.",
        discussion: """
            Exit status: 0 success, 1 the work failed, 2 wrong command line or input, 130 after Ctrl-C, 143 after SIGTERM, \
            141 if the reader of the output closed it.
            """,
        version: "0.1.0",
        // One a line, in alphabetical order.
        subcommands: [
            BatchCommand.self,
            BenchCommand.self,
            ChatCommand.self,
            ConvertCommand.self,
            DataCommand.self,
            DemoCommand.self,
            DoctorCommand.self,
            EvaluateCommand.self,
            ForwardCommand.self,
            GenerateCommand.self,
            InspectCommand.self,
            RecipeCommand.self,
            StudyCommand.self,
            TrainCommand.self,
        ])

    package init() {}

    /// The way into the program: the environment first, then the subcommand, then one line for whatever went wrong.
    package static func main() {
        OpenMPEnvironment.apply()
        if let error = failure(of: nil) ?? LostOutput() { ExitStatus.end(after: error) }
    }

    /// Runs a command line, by default the process's own; what went wrong, nil when nothing did.
    private static func failure(of arguments: [String]?) -> (any Error)? {
        do {
            let (arguments, notes) = RenamedOptions.replaced(arguments ?? Array(CommandLine.arguments.dropFirst()))
            for note in notes { ExitStatus.writeToStandardError("note: \(note)\n") }
            var command = try parseAsRoot(arguments)
            try command.run()
            return nil
        } catch {
            return error
        }
    }

    /// Runs a command line inside this process: what the program would print of its failure, and its exit status.
    package static func outcome(of arguments: [String]) -> (message: String, status: Int32) {
        failure(of: arguments).map { ExitStatus.outcome(of: $0, arguments: arguments) } ?? ("", 0)
    }

    /// The help of every command, in as many columns, by the words that are typed for it; of this one first.
    package static func helps(columns: Int) -> [(words: [String], text: String)] {
        func helps(_ command: any ParsableCommand.Type, _ words: [String]) -> [(words: [String], text: String)] {
            [(words, helpMessage(for: command, columns: columns))]
                + command.configuration.subcommands.flatMap { helps($0, words + [$0._commandName]) }
        }
        return helps(SyrinxCommand.self, [])
    }
}
