import ArgumentParser
import Codecs
import DataPipeline
import Evaluation
import Foundation
import Media
import Recipes
import Syrinx
import Terminal
import Torch

/// `syrinx evaluate`: what a model knows of pictures it never saw, with controls and intervals.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score a model on a corpus' held-out pictures, with controls and intervals.",
        discussion: """
            Four questions: the dominant colour, which of four pictures a caption fits, the group, the name. Each score \
            stands beside what a blank picture, shuffled pictures or the training majority would get, with 95 % bootstrap \
            intervals over the items.
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(help: ArgumentHelp("The corpus folder.", valueName: "folder"))
    var corpus: String

    @Option(help: "The split to score: val or test.")
    var split = "test"

    @Option(
        help: ArgumentHelp(
            "A source to report on its own and to find groups in; may be given several times.", valueName: "name"))
    var source: [String] = ["emoji"]

    @Option(help: ArgumentHelp("Score at most this many items per source.", valueName: "count"))
    var limit: Int?

    @Option(help: "The seed of distractors, shuffles and bootstrap.", transform: Seed.value)
    var seed: UInt64 = 0

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        if CorpusRecord.Split(rawValue: split) == nil || split == "train" {
            throw ValidationError("--split is \"\(split)\"; val and test are held out")
        }
        if let limit, limit < 5 { throw ValidationError("--limit is \(limit); at least 5 items per source are needed") }
    }

    func run() throws {
        InterruptFlag.install()
        let model = try modelOptions.load()
        let folder = try CorpusFolder(URL(fileURLWithPath: corpus))
        let held = try CaptionedSet(folder, split: CorpusRecord.Split(rawValue: split) ?? .test, limitPerSource: limit)
        {
            model.imageProcessor.pixelValues(try PictureCodec().picture(from: $0))
        }
        let style = TerminalStyle.standardError
        let report = try CaptionEvaluation(sources: source, groupSources: source, seed: seed).run(
            EvaluationSubject(model: model.model, tokenizer: model.tokenizer), set: held,
            statistics: try CaptionStatistics(folder), blank: model.imageProcessor.blankPixelValues
        ) { step in
            try InterruptFlag.check()
            if style.isInteractive { ExitStatus.writeToStandardError(style.paint("scoring: \(step)\n", .grey)) }
        }
        try InterruptFlag.check()
        guard json else {
            print(report.table)
            return print("\(split) split, seed \(seed), \(String(format: "%.1f", report.seconds)) s")
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
}
