import ArgumentParser
import DataPipeline
import Foundation

/// `syrinx data conversations`: a corpus' captions as LLaVA's JSON.
struct DataConversationsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conversations",
        abstract: "Write a corpus's captions as questions and answers in LLaVA's JSON, with its images.",
        usage: "syrinx data conversations <corpus> --output <folder> [<options>]",
        discussion: """
            The folder gets conversations.json and pictures/. Use it to try instruction tuning, or as an example of the \
            format for your own data.
            """)

    @Argument(help: "The corpus folder.")
    var corpus: String

    @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var output: String

    @Option(help: "The part of the corpus: train, val or test.", transform: DataInspectCommand.split)
    var split: CorpusSplit = .train

    @Flag(help: "Skip records without an image.")
    var onlyImages = false

    @Option(parsing: .unconditional, help: "Write at most this many conversations, spread evenly.")
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); it must be at least 1") }
    }

    func run() throws {
        let folder = try CorpusFolder(URL(fileURLWithPath: corpus))
        let written = try ConversationExport(folder).write(
            to: URL(fileURLWithPath: output), split: split, onlyImages: onlyImages, limit: limit)
        print("\(output)/conversations.json: \(written.records) conversations, \(written.images) with images")
    }
}
