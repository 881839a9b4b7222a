import ArgumentParser
import Checkpoints
import Foundation
import Media
import Processors
import Reports
import Syrinx
import Terminal

/// `syrinx batch`: answers many questions together, into a file that a later run resumes.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Answer a file of questions, or one question about each of many images or videos.",
        discussion: """
            The input is one JSON object a line: {"prompt": "<image>What is this?", "images": ["a.png"]}. Optional keys are \
            "videos", "frames", "conversation" (earlier turns), "id" and "seed"; paths are relative to the file. Question \
            files in the formats of LLaVA ("question_id", "image", "text"), POPE and VQA (in lines, "question") and JSON \
            lists are read too; --images sets the folder that their paths start from. Images come before the text, or where it \
            says <image>; \\<image> is the text <image>. Every id must be unique; the default is the line's number. The \
            output has one line per question, in the same order: the answer, the ids of prompt and answer, token counts by \
            kind and how each image was prepared; or "error" and one sentence.

              syrinx batch --model my-model --input questions.jsonl --output answers.jsonl
              syrinx batch --model my-model --image images --output out.jsonl "colours:"

            In a folder, every image (--image) or video (--video) is taken, recognised by content. Runs are resumable: \
            stop at any time and run the same command again.
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(
        help: ArgumentHelp(
            "The questions: one JSON object a line, or a JSON list; - reads standard input.", valueName: "file"))
    var input: String?

    @Option(
        help: ArgumentHelp(
            "With --input: the folder that the questions' paths start from (default: the file's own).",
            valueName: "folder"))
    var images: String?

    @Option(
        help: ArgumentHelp(
            "An image, a quoted pattern or a folder; - reads standard input. Repeatable.",
            valueName: "path"))
    var image: [String] = []

    @OptionGroup var video: VideoOptions

    @Option(help: ArgumentHelp("The file for the answers; an interrupted run resumes it.", valueName: "file"))
    var output: String

    @Option(
        parsing: .unconditional,
        help: "Rows computed together; by default up to 8 on a CPU (32 elsewhere), fewer if memory is short.")
    var batchSize: Int?

    @OptionGroup var conversation: ConversationOptions

    @Flag(help: "Use every prompt as it is, without the model's template.")
    var raw = false

    @OptionGroup var sampling: SamplingOptions

    @Flag(help: "Add to every line the seconds that its rows took.")
    var times = false

    @Flag(help: "Add the log-probability of each token (natural logarithm), before any sampling rule.")
    var logProbabilities = false

    @Flag(help: "Answer every question a second time, alone, and report the agreement.")
    var checkAlone = false

    @Argument(help: "With --image or --video: the question to ask about each.")
    var prompt: String?

    func validate() throws {
        if let batchSize, !(1...1024).contains(batchSize) {
            throw ValidationError("--batch-size is \(batchSize); it must be from 1 to 1024")
        }
        guard [input != nil, !image.isEmpty, !video.video.isEmpty].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "give one of --input (questions), --image or --video; with --image or --video, also a question about each"
            )
        }
        if raw && (conversation.template != nil || conversation.system != nil) {
            throw ValidationError("--raw uses prompts as they are; omit --template and --system")
        }
        if input == nil, images != nil {
            throw ValidationError("--images is the folder of --input's paths; use --image to ask about images")
        }
        if input != nil, prompt != nil {
            throw ValidationError(
                "--input and a question cannot be combined: each line of the file has its own question")
        }
    }

    func run() throws {
        InterruptFlag.install()
        // What is wrong with the input is said before the model is loaded.
        let questions = try readInput()
        let model = try modelOptions.load()
        var options = sampling.options(for: model)
        options.givesLogProbabilities = logProbabilities
        var settings = BatchRun.Settings(options)
        settings.template = try conversation.parsedTemplate()
        settings.systemPrompt = conversation.system
        settings.isRaw = raw
        settings.frameCount = video.frames
        settings.batchSize = batchSize
        settings.writesTimes = times
        settings.checksAlone = checkAlone
        var bar: ProgressBar?
        let outcome = try BatchRun(model, questions, settings: settings).run(
            output: output,
            modelFingerprint: try EvaluationIdentity.hash(
                of: ModelFolder(path: modelOptions.model), adapter: modelOptions.compute.adapter),
            options: try identifyingOptions(model),
            onProgress: { completed in
                if bar == nil {
                    bar = ProgressBar("answering", total: questions.count, unit: "questions", completed: completed)
                }
                bar?.update(completed)
            }, isCancelled: { InterruptFlag.isRaised })
        bar?.finish()
        if let agreement = outcome.agreement { print(agreement.sentence(batchSize: outcome.batchSize)) }
        if let exitCode = InterruptFlag.exitCode {
            let command = ShellLine.text(CommandLine.arguments)
            ExitStatus.writeToStandardError("interrupted; resume with:\n\n    \(command)\n\n")
            throw ExitCode(exitCode)
        }
        if outcome.errorCount > 0 {
            throw UnansweredQuestions(count: outcome.errorCount, total: outcome.count, output: output)
        }
    }

    private func readInput() throws -> BatchInput {
        if let input { return try BatchInput(linesOf: input, images: images) }
        let areVideos = image.isEmpty
        var files = [String]()
        for path in areVideos ? video.video : image {
            let (found, leftOut) = try areVideos ? BatchInput.videos(at: path) : BatchInput.images(at: path)
            files += found
            if leftOut.count > 0 {
                let noun = leftOut.count == 1 ? "file is" : "files are"
                ExitStatus.writeToStandardError("\(path): \(leftOut.count) \(noun) skipped\(leftOut.reasons)\n")
            }
        }
        return BatchInput(files: files, areVideos: areVideos, question: prompt ?? "")
    }

    /// Every option that decides answers, by the name the user sets it with.
    private func identifyingOptions(_ model: SyrinxModel) throws -> [String: String] {
        let options = sampling.options(for: model)
        var values = [
            "--device": modelOptions.compute.device, "--dtype": modelOptions.compute.dtype,
            // The name under which earlier runs wrote it down.
            "--picture-mode": model.imageProcessor.resize.rawValue, "--frames": "\(video.frames)",
            "--stop": options.stopStrings.map(\.debugDescription).joined(separator: " "), "--times": "\(times)",
            "--log-probabilities": "\(logProbabilities)",
            "--raw": "\(raw)",
            "--template": (try conversation.parsedTemplate() ?? model.chatTemplate).name,
            "--system": conversation.system ?? "the template's",
        ]
        if modelOptions.storedTables { values["--stored-tables"] = "true" }
        let generation = try JSONSerialization.jsonObject(with: JSONEncoder().encode(options.generation))
        for (name, value) in generation as? [String: Any] ?? [:] {
            let list = (value as? [Any])?.map { "\($0)" }.sorted().joined(separator: " ")
            values[optionName(name)] = list ?? "\(value)"
        }
        return values
    }
}

/// Some questions of a batch have no answer.
struct UnansweredQuestions: Error, CustomStringConvertible {
    let count, total: Int
    let output: String

    var description: String {
        "\(count) of \(total) questions could not be answered; their lines in \(output) give the reason under \"error\""
    }
}

extension BatchAgreement {
    /// Both figures, for people.
    func sentence(batchSize: Int) -> String {
        guard itemCount > 0 else { return "alone and together: this run computed nothing" }
        let share = String(format: "%.1f", 100 * Double(identicalCount) / Double(itemCount))
        let largest = String(format: "%.2g", largestDifference)
        let relative = String(format: "%.2g", largestRelativeDifference)
        return
            "alone and up to \(batchSize) together: \(identicalCount) of \(itemCount) answers identical (\(share) %); "
            + "over \(stepCount) steps with the same preceding tokens, logits differ by at most \(largest) "
            + "(\(relative) of the largest logit of the step)"
    }
}
