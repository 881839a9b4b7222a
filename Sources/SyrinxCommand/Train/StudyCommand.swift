import ArgumentParser
import Foundation
import Recipes
import Terminal
import Training

/// `syrinx study`: comparisons over several runs.
struct StudyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study", abstract: "Compare models over several runs and seeds.",
        subcommands: [OwlDecoder.self])

    /// `syrinx study owl2-from-owl`.
    struct OwlDecoder: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "owl2-from-owl",
            abstract: "mPLUG-Owl2's modality-adaptive decoder against plain ones, in small.",
            usage: "syrinx study owl2-from-owl [<options>]",
            discussion: """
                Trains a small plain model (the recipe owl2-from-owl-start) and goes on from it (owl2-from-owl) with three \
                decoders: modality-adaptive, plain of the same width, and plain with as many parameters, which has a wider \
                start of its own. Prints held-out losses with intervals over the seeds. Runs that are finished are kept, \
                so the same command goes on after an interruption.
                """)

        @Option(help: ArgumentHelp("Where the runs go.", valueName: "folder"))
        var output = "studies/owl2-from-owl"

        @Option(parsing: .unconditional, help: "How many seeds, from 0.")
        var seeds = 3

        @Option(
            name: .customLong("set"),
            help: "Change a value of owl2-from-owl for all runs: key.path=value. May be repeated.")
        var settings: [String] = []

        @Option(name: .customLong("set-start"), help: "The same for owl2-from-owl-start.")
        var startSettings: [String] = []

        @Flag(help: "Print JSON, with every run.")
        var json = false

        func validate() throws {
            if !(1...1000).contains(seeds) {
                throw ValidationError("--seeds \(seeds): from 1 to 1000 are possible; intervals need 2")
            }
        }

        func run() throws {
            InterruptFlag.install()
            func say(_ text: String) { ExitStatus.writeToStandardError(text + "\n") }
            let study = DecoderStudy(
                folder: output, seeds: (0..<UInt64(seeds)).map { $0 }, startOverrides: startSettings,
                overrides: settings)
            let runs = try study.run(observers: { _ in [ProgressObserver(print: say)] }, say: say)
            let comparison = DecoderComparison(runs)
            guard json else { return print(comparison.table) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(comparison), as: UTF8.self))
        }
    }
}
