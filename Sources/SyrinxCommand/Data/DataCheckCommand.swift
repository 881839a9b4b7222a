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
        abstract: "Read and decode a whole corpus or file of conversations and report what is bad.",
        usage: "syrinx data check <folder> [<options>]",
        discussion: """
            Checks the shards against their SHA-256 and the index against the records, and decodes every image. In a file \
            (the JSON of LLaVA, ms-swift or LlamaFactory, or records of one text in lines), every record is rendered with the \
            template as in training, its placeholders are counted against its images, and it must have something to learn. \
            Keys that nothing reads are listed with their counts. Bad records are written to the quarantine file, one JSON \
            object per line. Exit status: 0 if all is well, 1 if anything is bad.
            """)

    @Argument(help: "The corpus folder, or a .json or .jsonl file of conversations.")
    var folder: String

    @Option(help: ArgumentHelp("The folder of a conversation's images (default: its file's own).", valueName: "folder"))
    var images: String?

    @Option(
        help: "The chat template of conversations (default: \(ModelRegistry.conversationTemplate)).",
        transform: DataInspectCommand.template)
    var template: ChatTemplate?

    @Option(parsing: .unconditional, help: "The number of decoding threads.")
    var workers: Int = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Where to write bad records (default: quarantine.jsonl in the current folder).")
    var quarantine: String = "quarantine.jsonl"

    @Flag(help: "Print JSON.")
    var json: Bool = false

    func validate() throws {
        if workers < 1 { throw ValidationError("--workers is \(workers); it must be at least 1") }
        if let option = images != nil ? "--images" : template != nil ? "--template" : nil,
            !ConversationInspection.isFile(folder)
        {
            throw ValidationError("\(option) applies to a .json or .jsonl file of conversations, not to \(folder)")
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
                print(style.paint("\(failures.count) bad", .red) + " of " + read + "; \(quarantine) lists them")
            }
            if let note { print(note) }
            for failure in failures.prefix(10) { print("  \(failure.id): \(failure.reason)") }
            if failures.count > 10 { print("  ... and \(failures.count - 10) more") }
        }
        if !failures.isEmpty { throw ExitCode(ExitStatus.failure) }
    }
}
