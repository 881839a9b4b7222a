import ArgumentParser
import Checkpoints
import Foundation
import Media
import Processors
import Reports
import Syrinx
import Terminal

/// `syrinx batch`: answers many questions together, into a file that a later run goes on with.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Answer a file of questions, or one question about each of many images or videos.",
        discussion: """
            The input is one JSON object a line: {"prompt": "<image>What is this?", "images": ["a.png"]}; "videos", \
            "frames", "conversation" (earlier turns), "id" and "seed" may be added, and paths are relative to the file. \
            LLaVA's question files ("question_id", "image", "text"), POPE's and VQA's in lines ("question") are read too, \
            and JSON lists; --images gives the folder that their paths begin at. Images stand before the text, or \
            where it says <image>; \\<image> is the text <image>. An id stands once; a line without one has its number. The \
            output has one line per question, in the same order: the answer, the ids of prompt and answer, tokens by \
            kind, what became of each image; or "error" and one sentence.

              syrinx batch --model my-model --input questions.jsonl --output answers.jsonl
              syrinx batch --model my-model --image images --output out.jsonl "colours:"

            Of a folder, the images (--image) or videos (--video) in it are taken, told by content. Stop it at any \
            moment: the same command goes on where it stopped.
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(
        help: ArgumentHelp(
            "The questions: one JSON object a line, or a JSON list; - reads standard input.", valueName: "file"))
    var input: String?

    @Option(
        help: ArgumentHelp(
            "With --input: the folder that the questions' paths begin at (default: the file's own).",
            valueName: "folder"))
    var images: String?

    @Option(
        help: ArgumentHelp(
            "An image, a quoted pattern or a folder; - reads standard input. May be given several times.",
            valueName: "path"))
    var image: [String] = []

    @OptionGroup var video: VideoOptions

    @Option(help: ArgumentHelp("The file of the answers; what is there is gone on with.", valueName: "file"))
    var output: String

    @Option(
        parsing: .unconditional,
        help: "Rows computed together; by default up to 8 on a CPU (32 elsewhere), fewer where memory is short.")
    var batchSize: Int?

    @OptionGroup var conversation: ConversationOptions

    @Flag(help: "Take every prompt as it is, without the model's template.")
    var raw = false

    @OptionGroup var sampling: SamplingOptions

    @Flag(help: "Add to every line how many seconds its rows took.")
    var times = false

    @Flag(help: "Add to every line how likely each token was (natural logarithm, before any sampling rule).")
    var logProbabilities = false

    @Flag(help: "Answer every question alone too, and say how far both agree.")
    var checkAlone = false

    @Argument(help: "With --image or --video: the question about each.")
    var prompt: String?

    func validate() throws {
        if let batchSize, !(1...1024).contains(batchSize) {
            throw ValidationError("--batch-size is \(batchSize); it must lie from 1 to 1024")
        }
        guard [input != nil, !image.isEmpty, !video.video.isEmpty].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "give the questions as --input, or images as --image, or videos as --video, and one question about each"
            )
        }
        if raw && (conversation.template != nil || conversation.system != nil) {
            throw ValidationError("--raw takes prompts as they are; leave out --template and --system")
        }
        if input == nil, images != nil {
            throw ValidationError("--images is the folder of --input's paths; name images to ask about with --image")
        }
        if input != nil, prompt != nil {
            throw ValidationError("a question beside --input has no place: the file has one in every line")
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
            ExitStatus.writeToStandardError("interrupted; to go on:\n\n    \(command)\n\n")
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
                ExitStatus.writeToStandardError("\(path): \(leftOut.count) \(noun) left out\(leftOut.reasons)\n")
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
        "\(count) of \(total) questions could not be answered; their lines in \(output) say why under \"error\""
    }
}

extension BatchAgreement {
    /// Both figures, for people.
    func sentence(batchSize: Int) -> String {
        guard itemCount > 0 else { return "alone and together: nothing was computed in this run" }
        let share = String(format: "%.1f", 100 * Double(identicalCount) / Double(itemCount))
        let largest = String(format: "%.2g", largestDifference)
        let relative = String(format: "%.2g", largestRelativeDifference)
        return
            "alone and up to \(batchSize) together: \(identicalCount) of \(itemCount) answers identical (\(share) %); "
            + "over \(stepCount) steps with the same words before them, logits differ by at most \(largest) "
            + "(\(relative) of the step's largest)"
    }
}
