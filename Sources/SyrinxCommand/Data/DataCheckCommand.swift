import ArgumentParser
import Codecs
import DataPipeline
import Foundation
import Processors
import SyrinxModels
import Terminal

/// `syrinx data check`: decodes a whole corpus, or a file of conversations, and names what is bad.
struct DataCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read and decode a whole corpus or file of conversations and name what is bad.",
        usage: "syrinx data check <folder> [<options>]",
        discussion: """
            Checks the shards against their SHA-256, the index against the records, and decodes every image. Of a file \
            (the JSON of LLaVA, ms-swift or LlamaFactory, or records of one text in lines) every record is written in the template \
            as training writes it, its marks are counted against its images, and something must be learnt from it. Keys \
            that nothing reads are listed with their counts. What cannot be used is written to the quarantine file, one \
            JSON object per line. Exit status: 0 when all is well, 1 when anything is bad.
            """)

    @Argument(help: "The corpus folder, or a .json or .jsonl file of conversations.")
    var folder: String

    @Option(help: ArgumentHelp("Where a conversation's images are (default: beside its file).", valueName: "folder"))
    var images: String?

    @Option(
        help: "How a conversation's turns are written (default: \(ModelRegistry.conversationTemplate)).",
        transform: DataInspectCommand.template)
    var template: ChatTemplate?

    @Option(parsing: .unconditional, help: "Threads that decode.")
    var workers: Int = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Where to write what is bad (default: quarantine.jsonl in the current folder).")
    var quarantine: String = "quarantine.jsonl"

    @Flag(help: "Print JSON.")
    var json: Bool = false

    func validate() throws {
        if workers < 1 { throw ValidationError("--workers \(workers): at least 1 is needed") }
        if let option = images != nil ? "--images" : template != nil ? "--template" : nil,
            !ConversationInspection.isFile(folder)
        {
            throw ValidationError("\(option) belongs to a .json or .jsonl file of conversations, not to \(folder)")
        }
    }

    func run() throws {
        InterruptFlag.install()
        if ConversationInspection.isFile(folder) { return try checkConversations() }
        let corpus = try CorpusFolder(URL(fileURLWithPath: folder))
        let progress = ProgressBar("checking", total: corpus.index.entries.count, unit: "records")
        let report = try CorpusCheck(corpus, decoder: ImageCodec()).run(workerCount: workers) {
            progress.advance(by: $0)
        }
        progress.finish()
        try show(
            report, failures: report.failures,
            read: "\(report.recordCount) records, \(report.imageCount) good images, \(report.shardCount) shards")
    }

    private func checkConversations() throws {
        let conversations = try ConversationFile(folder, images: images)
        let progress = ProgressBar("checking", total: conversations.count, unit: "records")
        let report = try ConversationCheck(
            conversations, decoder: ImageCodec(), template: template ?? ModelRegistry.conversationTemplate
        ).run(workerCount: workers) { progress.advance(by: $0) }
        progress.finish()
        try show(
            report, failures: report.failures,
            read: "\(report.recordCount) records, \(report.imageCount) good images, \(report.answerCount) answers "
                + "to learn in the template \(report.template)",
            note: conversations.unreadKeys.sentence)
    }

    /// Prints what was found, writes down what is bad, and ends with status 1 where there is something.
    private func show(
        _ report: some Encodable, failures: [QuarantineEntry], read: String, note: String? = nil
    ) throws {
        if !failures.isEmpty { try CorpusCheck.write(failures, to: quarantine) }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            let style = TerminalStyle.standardOutput
            if failures.isEmpty {
                print(style.paint("all is well", .green) + ": " + read)
            } else {
                print(style.paint("\(failures.count) bad", .red) + " of " + read + "; they are listed in \(quarantine)")
            }
            if let note { print(note) }
            for failure in failures.prefix(10) { print("  \(failure.id): \(failure.reason)") }
            if failures.count > 10 { print("  ... and \(failures.count - 10) more") }
        }
        if !failures.isEmpty { throw ExitCode(ExitStatus.failure) }
    }
}
