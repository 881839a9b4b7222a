import ArgumentParser
import Foundation
import Recipes
import Terminal
import Training

/// `syrinx study`: comparisons over several runs.
struct StudyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study", abstract: "Compare models over several runs and seeds.",
        subcommands: RecipeRegistry.studies.map { command($0) })

    private static func command<Comparison: Study>(_ study: Comparison.Type) -> any ParsableCommand.Type {
        Run<Comparison>.self
    }

    /// `syrinx study NAME`.
    struct Run<Comparison: Study>: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                commandName: Comparison.name, abstract: Comparison.abstract,
                usage: "syrinx study \(Comparison.name) [<options>]", discussion: Comparison.discussion)
        }

        @Option(help: ArgumentHelp("The folder for the runs.", valueName: "folder"))
        var output = "studies/\(Comparison.name)"

        @Option(parsing: .unconditional, help: "How many seeds, from 0.")
        var seeds = 3

        @Option(
            name: .customLong("set"),
            help: "Change a value of \(Comparison.recipe) for all runs: key.path=value. Repeatable.")
        var settings: [String] = []

        @Option(name: .customLong("set-start"), help: "The same for \(Comparison.startRecipe).")
        var startSettings: [String] = []

        @Flag(help: "Print JSON, with every run.")
        var json = false

        func validate() throws {
            if !(1...1000).contains(seeds) {
                throw ValidationError("--seeds is \(seeds); it must be from 1 to 1000, and intervals need 2")
            }
        }

        func run() throws {
            InterruptFlag.install()
            func say(_ text: String) { ExitStatus.writeToStandardError(text + "\n") }
            let study = Comparison(
                folder: output, seeds: (0..<UInt64(seeds)).map { $0 }, startOverrides: startSettings,
                overrides: settings)
            let report = try study.report(observers: { _ in [ProgressObserver(print: say)] }, say: say)
            guard json else { return print(report.table) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(report.values), as: UTF8.self))
        }
    }
}
