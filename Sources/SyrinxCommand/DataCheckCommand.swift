import ArgumentParser
import Codecs
import DataPipeline
import Foundation
import Terminal

/// `syrinx data check`: decodes a whole corpus and names what is bad.
struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read and decode a whole corpus and name what is bad.",
        usage: "syrinx data check <folder> [<options>]",
        discussion: """
            Checks the shards against their SHA-256, the index against the records, and decodes every picture. What \
            cannot be used is written to the quarantine file, one JSON object per line. Exit status: 0 when all is \
            well, 1 when anything is bad.
            """)

    @Argument(help: "The corpus folder.")
    var folder: String

    @Option(help: "Threads that decode.")
    var workers: Int = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Where to write what is bad (default: quarantine.jsonl in the current folder).")
    var quarantine: String = "quarantine.jsonl"

    @Flag(help: "Print JSON.")
    var json: Bool = false

    func validate() throws {
        if workers < 1 { throw ValidationError("--workers \(workers): at least 1 is needed") }
    }

    func run() throws {
        InterruptFlag.install()
        let corpus = try CorpusFolder(URL(fileURLWithPath: folder))
        let progress = ProgressBar("checking", total: corpus.index.entries.count, unit: "records")
        let report = try CorpusCheck(corpus, decoder: PictureCodec()).run(workerCount: workers) {
            progress.advance(by: $0)
        }
        progress.finish()
        if !report.failures.isEmpty { try CorpusCheck.write(report.failures, to: quarantine) }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            printReport(report)
        }
        if !report.failures.isEmpty { throw ExitCode(ExitStatus.failure) }
    }

    private func printReport(_ report: CorpusCheck.Report) {
        let style = TerminalStyle.standardOutput
        let read = "\(report.recordCount) records, \(report.pictureCount) good pictures, \(report.shardCount) shards"
        guard !report.failures.isEmpty else {
            print(style.paint("all is well", .green) + ": " + read)
            return
        }
        print(style.paint("\(report.failures.count) bad", .red) + " of " + read + "; they are listed in \(quarantine)")
        for failure in report.failures.prefix(10) { print("  \(failure.id): \(failure.reason)") }
        if report.failures.count > 10 { print("  ... and \(report.failures.count - 10) more") }
    }
}
