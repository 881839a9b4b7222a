import ArgumentParser
import Checkpoints
import DataPipeline
import Evaluation
import Foundation
import Processors
import Reports
import Settings
import Syrinx
import Terminal

/// `syrinx evaluate`: scores a model on images it never saw, with controls and intervals.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score a model on held-out images, with controls and intervals, or compare two.",
        usage: "syrinx evaluate [--model <folder> --corpus <path>] [<options>]",
        discussion: """
            The corpus is a corpus folder (syrinx data fetch), or a .jsonl file with one of your own images a line:
            {"image": "a.jpg", "captions": ["a red house"], "kind": "buildings"}, or questions and answers about images: LLaVA's \
            JSON, or the question files that syrinx batch reads, with "answer", "answers" or "label". --tasks selects tasks; \
            the default is all that the data allow:

              captioning  a free caption: CIDEr-D, token F1, exact match
              colour      the dominant colour, after "colours:"
              matching    which of four images a caption, and a name alone, fits
              group       the group, by likelihood of "kind: ..."
              name        the name, after "name:"
              few-shot    invented words for groups, with 0, 4 and 8 examples in the prompt
              answering   the data's own questions: exact match, token F1

            Each score comes with controls (a blank image, a majority answer) and 95 % bootstrap intervals over the items. \
            The output folder gets evaluation.json, predictions.jsonl, scores.json and report.html. Runs are resumable with \
            the same command; on a finished evaluation it prints the results again. --compare takes two evaluations (output \
            folders). With --model it takes one evaluation, or another model's folder, which is then evaluated too, without \
            the --adapter.

              syrinx evaluate --model a/model --corpus corpora/minimal
              syrinx evaluate --model a/model --corpus mine.jsonl --tasks captioning
              syrinx evaluate --model a/model --corpus mine.jsonl --compare b/model
              syrinx evaluate --model base --adapter a --corpus mine.jsonl --compare base
              syrinx evaluate --model tuned --corpus held/conversations.json --compare base
              syrinx evaluate --compare evaluations/a-test evaluations/b-test
            """)

    @Option(help: ArgumentHelp("The model's folder.", valueName: "folder"))
    var model: String?

    @OptionGroup var compute: ComputeOptions

    @Option(
        help: ArgumentHelp("The corpus folder, a .jsonl list of images, or a file of questions.", valueName: "path"))
    var corpus: String?

    @Option(
        help: ArgumentHelp(
            "The folder that the paths of a list or of questions start from (default: the file's own).",
            valueName: "folder"))
    var images: String?

    @Option(help: ArgumentHelp("Tasks to run, separated by commas (default: all).", valueName: "names"))
    var tasks: String?

    @Option(help: "The split to score: val or test.")
    var split = "test"

    @Option(
        help: ArgumentHelp(
            "Also report this source separately. Repeatable.", valueName: "name"))
    var source: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Score at most this many items per source; 0 for all.", valueName: "count"))
    var limit = 200

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The numbers of few-shot examples, separated by commas.", valueName: "counts"))
    var shots = "0,4,8"

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The text between an image and its caption in captioning.", valueName: "text"))
    var prompt = ""

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "For models with a chat template: the user's text with each image; the tasks' texts begin the answer.",
            valueName: "text"))
    var question = "Provide a one-sentence caption for the provided image."

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The text after an image in few-shot; the word replaces {}.", valueName: "text"))
    var wordText = "name: {}."

    @Option(
        parsing: .unconditional, help: "The seed of distractors, shuffles, few-shot questions and the bootstrap.",
        transform: Seed.value)
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp("The folder for results (default: evaluations/MODEL-SPLIT).", valueName: "folder"))
    var output: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Two finished evaluations; or, with --model, an evaluation or a model's folder.", valueName: "folder"))
    var compare: [String] = []

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    func validate() throws {
        if model == nil {
            if compare.count != 2 {
                throw ValidationError(
                    compare.isEmpty
                        ? "give --model and --corpus, or two finished evaluations with --compare"
                        : "--compare has \(compare.count) of 2 evaluations; give two, or one and --model with --corpus")
            }
            return
        }
        if compare.count > 1 {
            throw ValidationError("with --model, --compare takes 1 folder, not \(compare.count)")
        }
        if corpus == nil {
            throw ValidationError("--corpus is missing: give a corpus folder, a .jsonl list of images, or LLaVA's JSON")
        }
        if CorpusRecord.Split(rawValue: split) == nil || split == "train" {
            throw ValidationError("--split is \"\(split)\"; it must be val or test, which are held out")
        }
        if limit != 0 && limit < 5 {
            throw ValidationError("--limit is \(limit); it must be at least 5 items per source, or 0 for all")
        }
        if wordText.firstRange(ofScalars: "{}") == nil {
            throw ValidationError("--word-text is \"\(wordText)\"; it must contain {} where the word goes")
        }
        _ = try questions()
        _ = try shotCounts()
    }

    func run() throws {
        InterruptFlag.install()
        guard let model, let corpus else {
            let saved = try compare.map { try SavedEvaluation($0) }
            let comparison = try saved[0].compared(with: saved[1])
            return try show(EvaluationSummary(evaluations: [], comparison: comparison))
        }
        let folder = output ?? defaultOutput(compute.adapter ?? model)
        var finished = [try evaluate(model, adapter: compute.adapter, corpus: corpus, output: folder)]
        var comparison: PairedComparison?
        if let other = compare.first {
            if FileManager.default.fileExists(atPath: "\(other)/\(ModelFolder.FileName.config)") {
                let second = output.map { $0 + "/compared" } ?? defaultOutput(other)
                guard second != folder else {
                    throw EvaluationError(
                        "\(model) and \(other) would share the output folder \(folder); give another --output")
                }
                // Without the adapter, so that it can be compared with the model it was trained on.
                finished.append(try evaluate(other, adapter: nil, corpus: corpus, output: second))
            }
            let second = finished.count > 1 ? finished[1].folder : other
            comparison = try SavedEvaluation(folder).compared(with: try SavedEvaluation(second))
        }
        for (number, evaluation) in finished.enumerated() {
            try evaluation.writePage(command: commandLine, comparison: number == 0 ? comparison : nil)
        }
        try show(EvaluationSummary(evaluations: finished, comparison: comparison))
    }

    private var commandLine: String {
        (["syrinx"] + CommandLine.arguments.dropFirst()).joined(separator: " ")
    }

    /// One folder per model and split: the model's path without the parts that say nothing.
    private func defaultOutput(_ model: String) -> String {
        let parts = model.split(separator: "/").filter { $0 != "." && $0 != ".." && $0 != "model" }.suffix(2)
        return "evaluations/" + (parts + [Substring(split)]).joined(separator: "-")
    }

    private func show(_ summary: EvaluationSummary) throws {
        print(json ? String(decoding: try EvaluationFile.json(summary), as: UTF8.self) : summary.text)
    }
}

extension EvaluateCommand {
    /// Evaluates one model in one folder, with a bar of progress.
    private func evaluate(
        _ path: String, adapter: String?, corpus: String, output: String
    ) throws -> FinishedEvaluation {
        let style = TerminalStyle.standardError
        func say(_ text: String) { ExitStatus.writeToStandardError(text + "\n") }
        let model = try compute.load(path, adapter: adapter)
        let data = try EvaluationData(
            corpus, split: CorpusRecord.Split(rawValue: split) ?? .test, images: images,
            limitPerSource: limit == 0 ? nil : limit,
            imageProcessor: model.imageProcessor)
        try checkSources(data)
        let identity = EvaluationIdentity(
            model: .init(
                path: adapter.map { "\(path) with \($0)" } ?? path,
                sha256: try EvaluationIdentity.hash(of: try ModelFolder(path: path), adapter: adapter)),
            data: .init(path: corpus, sha256: data.sha256),
            settings: .init(
                evaluation: try evaluation(data), split: split, limit: limit,
                compute: "\(compute.dtype) on \(compute.device)",
                conversation: model.chatTemplate == .document
                    ? nil : .init(template: model.chatTemplate.name, question: question)))
        say(style.bold("\(path): \(data.set.items.count) held-out items of \(corpus), results in \(output)"))
        if data.leftOutCount > 0 {
            say(
                "records skipped because they do not ask about exactly one image or have no answer: \(data.leftOutCount)"
            )
        }
        let progress = EvaluationProgress()
        defer { progress.finish() }
        do {
            let outcome = try EvaluationRun(folder: output, identity: identity).run(
                try EvaluationSubject(
                    model: model.model, tokenizer: model.tokenizer, template: model.chatTemplate, question: question,
                    device: model.device), data: data,
                imageProcessor: model.imageProcessor, requiredQuestions: tasks == nil ? [] : try questions()
            ) { step in
                progress.show(step)
                try InterruptFlag.check()
            }
            return FinishedEvaluation(folder: output, identity: identity, data: data, outcome: outcome)
        } catch let error as Interrupted {
            progress.finish()
            say("finished answers are in \(output); run the same command again to resume")
            throw error
        }
    }

    private func checkSources(_ data: EvaluationData) throws {
        for name in source where !data.set.sources.contains(name) {
            throw EvaluationError(
                "--source \(name) is not in the \(split) split of \(data.path); its sources are "
                    + data.set.sources.joined(separator: ", "))
        }
    }

    private func evaluation(_ data: EvaluationData) throws -> CaptionEvaluation {
        CaptionEvaluation(
            questions: try questions(data), sources: source,
            groupSources: source.isEmpty ? data.groupSources : source.filter(data.groupSources.contains),
            template: CaptionTemplate(prompt: prompt), shots: try shotCounts(), fewShotText: wordText, seed: seed)
    }

    /// The tasks: those of the command line, or what fits the kind of data.
    private func questions(_ data: EvaluationData) throws -> [CaptionEvaluation.Question] {
        if tasks != nil { return try questions() }
        return CaptionEvaluation.Question.allCases.filter { ($0 == .answering) == data.hasQuestions }
    }

    private func questions() throws -> [CaptionEvaluation.Question] {
        let names = CaptionEvaluation.Question.allCases.map(\.rawValue)
        guard let tasks else { return CaptionEvaluation.Question.allCases }
        let chosen = try Self.list(tasks, option: "--tasks").map { name in
            guard let question = CaptionEvaluation.Question(rawValue: name) else {
                let near = NearestName.find(name, among: names).map { "did you mean \($0)? The" } ?? "the"
                throw ValidationError(
                    "--tasks: there is no task \"\(name)\"; \(near) tasks are \(names.joined(separator: ", "))")
            }
            return question
        }
        return CaptionEvaluation.Question.allCases.filter(chosen.contains)
    }

    private func shotCounts() throws -> [Int] {
        let counts = try Self.list(shots, option: "--shots").map { text in
            guard let count = Int(text), (0...64).contains(count) else {
                throw ValidationError("--shots: \"\(text)\" is not a number from 0 to 64")
            }
            return count
        }
        return Set(counts).sorted()
    }

    private static func list(_ text: String, option: String) throws -> [String] {
        let parts = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        guard !parts.isEmpty else { throw ValidationError("\(option) is empty; give names separated by commas") }
        return parts
    }
}
