import ArgumentParser

/// The root of the `syrinx` command; each subcommand lives in its own file.
@main
struct SyrinxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "syrinx",
        abstract: "Builds, trains, studies, evaluates and talks with multimodal language models.",
        version: "0.1.0",
        subcommands: [])
}
