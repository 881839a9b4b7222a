import ArgumentParser

/// The root of the `syrinx` command; each subcommand lives in its own file.
@main
struct SyrinxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "syrinx",
        abstract: "Builds, trains, studies, evaluates and talks with multimodal language models.",
        discussion: """
            Exit status: 0 when all went well, 1 when the work failed, 2 when the command line or an input is wrong, \
            130 after Ctrl-C, 143 after SIGTERM.
            """,
        version: "0.1.0",
        // One a line, in alphabetical order.
        subcommands: [
            BenchCommand.self,
            ChatCommand.self,
            DataCommand.self,
            DemoCommand.self,
            DoctorCommand.self,
            EvaluateCommand.self,
            ForwardCommand.self,
            GenerateCommand.self,
            InspectCommand.self,
            RecipeCommand.self,
            TrainCommand.self,
        ])

    /// The way into the program: the environment first, then the subcommand, then one line for whatever went wrong.
    static func main() {
        OpenMPEnvironment.apply()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            ExitStatus.end(after: error)
        }
    }
}
