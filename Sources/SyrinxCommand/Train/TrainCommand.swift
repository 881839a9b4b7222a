import ArgumentParser
import Foundation
import Recipes
import Terminal
import Training

/// `syrinx train`: runs a recipe.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model from a recipe.",
        usage: "syrinx train <recipe> [<options>]",
        discussion: """
            The run's folder gets recipe.yaml, log.jsonl, tensorboard/, checkpoints/ and, at the end, model/ in the layout \
            of Hugging Face. Ctrl-C, SIGTERM or a closed pipe finish the step, save a checkpoint, print the command that \
            resumes the run (--resume) and exit with 130, 143 or 141. A resumed run starts from the newest valid checkpoint; \
            if the recipe is limited by steps, the result is bit-identical.
            """)

    @Argument(help: "A recipe's name (syrinx recipe list), or a YAML file.")
    var recipe: String

    @Option(name: .customLong("set"), help: "Change a value: key.path=value. Repeatable.")
    var settings: [String] = []

    @Option(help: ArgumentHelp("The run's folder (default: runs/NAME).", valueName: "dir"))
    var output: String?

    @Flag(help: "Resume the run in the folder from its newest valid checkpoint.")
    var resume = false

    @Flag(help: "Check the recipe; print what trains and the memory it needs.")
    var dryRun = false

    @Flag(help: "Prove on a short version of the recipe that a resumed run is bit-identical.")
    var verifyResume = false

    @Flag(help: "Print JSON on standard output.")
    var json = false

    func validate() throws {
        if dryRun && verifyResume { throw ValidationError("--dry-run and --verify-resume cannot be combined") }
    }

    func run() throws {
        let recipe = try RecipeRegistry.recipe(recipe, overrides: settings)
        let style = TerminalStyle.standardError
        func say(_ text: String) { ExitStatus.writeToStandardError(text + "\n") }
        if dryRun {
            let plan = try MemoryPlan(recipe)
            for input in recipe.missingInputs { say("missing input: \(input)") }
            if let shortage = plan.disk.shortage(at: folder(recipe)) { say("not enough disk space: \(shortage)") }
            return print(json ? try Self.json(plan) : plan.table)
        }
        InterruptFlag.install()
        if verifyResume {
            let result = try ResumeCheck.run(
                recipe, say: { say(style.bold($0)) }, watchers: { [ProgressObserver(print: say)] })
            let text =
                "resume verified: \(result.stepsCompared) steps, \(result.interruptions) interruptions, losses and weights bit-identical "
                + "(weights \(result.weightsHash.prefix(16)))"
            return print(json ? try Self.json(result) : text)
        }
        let outcome: RecipeRunner.Outcome
        do {
            outcome = try RecipeRunner.run(
                recipe,
                .init(
                    output: folder(recipe), resume: resume,
                    observers: { [ProgressObserver(print: say), try SampleObserver($0)] }, say: { say(style.bold($0)) })
            )
        } catch let interrupted as Interrupted {
            say("interrupted; resume with:\n\n    \(continuation)\n")
            throw ExitCode(interrupted.exitCode)
        }
        if json {
            print(
                try Self.json(
                    Summary(
                        folder: outcome.folder.path, model: outcome.folder.model, weightsHash: outcome.weightsHash,
                        stages: outcome.reports)))
        }
    }

    private func folder(_ recipe: Recipe) -> String { output ?? "runs/\(recipe.name)" }

    /// The command that resumes this run.
    private var continuation: String { ShellLine.text(CommandLine.arguments + (resume ? [] : ["--resume"])) }

    private struct Summary: Encodable {
        let folder: String
        let model: String
        let weightsHash: String
        let stages: [EndReport]
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
