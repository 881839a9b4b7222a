import ArgumentParser
import Corpora
import DataPipeline
import Evaluation
import Foundation
import Recipes
import Reports
import Terminal
import Training

/// `syrinx demo`: from nothing to a model that describes images.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Train a small model from scratch on real images and text, and see it describe new images.",
        usage: "syrinx demo [<options>]",
        discussion: """
            Fetches the starter corpus, trains for about seven minutes, scores the model on images it never saw, and \
            writes a report with curves, images and scores. Run it again to resume an interrupted run.
            """)

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How many seeds to train, one after the other.", valueName: "count")
    )
    var seeds = 1

    @Option(parsing: .unconditional, help: ArgumentHelp("The first seed.", valueName: "number"), transform: Seed.value)
    var seed: UInt64 = 0

    @Flag(help: "Run a few steps on rendered scenes: checks in ten seconds that everything works.")
    var short = false

    @Option(help: "The corpus: minimal, prototype or full.")
    var size: StarterSize = .minimal

    @Flag(help: "Use rendered scenes instead of the starter corpus; scores are then not comparable.")
    var scenes = false

    @Option(help: ArgumentHelp("The folder for runs and reports (default: demo, or demo-short).", valueName: "dir"))
    var output: String?

    @Option(help: ArgumentHelp("The folder for corpora and package files.", valueName: "dir"))
    var corpora = "corpora"

    @Option(name: .customLong("set"), help: "Change a value of the recipe: key.path=value. Repeatable.")
    var settings: [String] = []

    @Flag(help: "Print the results as JSON on standard output.")
    var json = false

    func validate() throws {
        if seeds < 1 { throw ValidationError("--seeds is \(seeds); it must be at least 1") }
    }

    func run() throws {
        InterruptFlag.install()
        let style = TerminalStyle.standardError
        func say(_ text: String) { ExitStatus.writeToStandardError(text + "\n") }
        let demo = DemoRun(
            .init(
                folder: output ?? (short ? "demo-short" : "demo"), size: short || scenes ? nil : size, corpora: corpora,
                isShort: short, overrides: settings, command: commandLine)
        ) { say(style.bold($0)) }
        let results: [DemoRun.Result]
        do {
            let corpus = try demo.prepareCorpus()
            results = try (0..<UInt64(seeds)).map { index in
                try demo.run(seed: seed + index, corpus: corpus) { [ProgressObserver(print: say)] }
            }
        } catch let interrupted as Interrupted {
            say("interrupted; run the same command again to resume:\n\n    \(ShellLine.text(CommandLine.arguments))\n")
            throw ExitCode(interrupted.exitCode)
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(results), as: UTF8.self))
        } else {
            for result in results { describe(result) }
        }
        let failures = results.flatMap { result in
            result.risingSources.map { "seed \(result.seed): validation loss of \($0) did not fall" }
                + result.missedMarks.map { "seed \(result.seed): \($0)" }
        }
        if !failures.isEmpty { throw DemoFailure(description: failures.joined(separator: "; ")) }
    }

    private var commandLine: String {
        (["syrinx"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
    }

    private func describe(_ result: DemoRun.Result) {
        print("\nseed \(result.seed): the model's descriptions of images it has never seen")
        for item in result.report.gallery.prefix(8) {
            print("  \(item.truth)\n    -> \(item.generated)")
        }
        if let evaluation = result.report.evaluation { print("\n" + evaluation.table) }
        print("\nreport: \(result.reportPath)")
        if short {
            print("A short run shows that everything works, not what a model learns: `make demo` does that.")
        }
    }
}

/// A demo that ran to its end and did not reach what it should.
private struct DemoFailure: Error, CustomStringConvertible {
    let description: String
}
