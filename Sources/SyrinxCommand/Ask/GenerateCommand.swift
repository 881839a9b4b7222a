import ArgumentParser
import Codecs
import Foundation
import Generation
import Processors
import Syrinx
import Terminal

/// `syrinx generate`: goes on from a prompt of text and images.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answer a question about images, or continue a prompt of text and images.",
        discussion: """
            Images come before the text, or where the prompt says <image>; \\<image> is the text <image>. A model trained on \
            conversations gets the prompt as a question in its chat template; --raw gives it the prompt as it is. A model \
            trained on captions describes images without any prompt; "colours:" or "name:" asks for a field.

              syrinx generate --model my-model --image apple.png
              syrinx generate --model my-model --image apple.png "colours:"
              syrinx generate --model my-model --example sun.png "a sun" --image apple.png
              syrinx generate --model my-model --each --json --image 'pictures/*.png'
              syrinx generate --model models/7b --image a.png "What is this?"
              syrinx generate --model my-model --image - "What is this?" < photo.jpg
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(
        help: ArgumentHelp(
            """
            An image or a quoted pattern; - reads standard input, and data:image/png;base64,... is the image itself. \
            Repeatable.
            """, valueName: "file"))
    var image: [String] = []

    @OptionGroup var video: VideoOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "A few-shot example: an image and its answer, placed before the prompt.", valueName: "file text"))
    var example: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A JSON list of {"text": ...} and {"image": path}, placed before the prompt; "role": "assistant" and "user" make \
            it a conversation. - reads standard input.
            """, valueName: "file"))
    var promptFile: String?

    @OptionGroup var conversation: ConversationOptions

    @Flag(help: "Use the prompt as it is, without the model's template.")
    var raw = false

    @OptionGroup var sampling: SamplingOptions

    @Flag(inversion: .prefixedNo, help: "Print the answer as it is generated.")
    var stream = true

    @Flag(help: "Answer once for each image instead of once for all.")
    var each = false

    @Flag(
        help: """
            Print JSON: token ids, token counts, times, how each image was prepared; one line per image with --each.
            """)
    var json = false

    @Flag(
        help: "Add the log-probability of each token (natural logarithm) to the JSON, before any sampling rule.")
    var logProbabilities = false

    @Flag(
        name: .shortAndLong, help: "Report on standard error how each image was prepared, token counts and times.")
    var verbose = false

    @Argument(help: "The question, or the text to continue; <image> is the placeholder of an image.")
    var prompt: String?

    func validate() throws {
        if logProbabilities && !json {
            throw ValidationError("--log-probabilities adds to the JSON of an answer; give --json as well")
        }
        if raw && (conversation.template != nil || conversation.system != nil) {
            throw ValidationError("--raw uses the prompt as it is; omit --template and --system")
        }
    }

    func run() throws {
        let (examples, text) = try split()
        var question = Question(systemPrompt: conversation.system, start: try startMessages(), text: MarkedText(text))
        question.examples = try examples.map { (try ImageReference(path: $0.path), $0.text) }
        let images = try image.flatMap { try ImageReference.matching($0) }
        if each && images.isEmpty { throw ValidationError("--each needs at least one --image") }
        let videos = try video.references()
        let questions = (each ? images.map { [$0] } : [images]).map { images in
            var question = question
            question.images = images
            question.videos = videos
            return question
        }
        // What is wrong with the prompt is said before the model is loaded.
        for question in questions {
            if question.isEmpty { throw ValidationError("give a prompt, an --image or --video, or both") }
            try question.check(isRaw: raw)
        }
        // Not before: a signal that comes while standard input is waited for ends the program at once.
        InterruptFlag.install()
        let model = try modelOptions.load()
        let template = try conversation.parsedTemplate() ?? model.chatTemplate
        let prefix = PrefixCache()
        for (index, question) in questions.enumerated() {
            try answer(
                try model.prepare(question, in: raw ? nil : template), model: model, prefix: prefix,
                name: each ? images[index].name : nil)
        }
    }

    /// Few-shot examples in pairs; an odd value at the end is the prompt, which option parsing cannot tell apart.
    private func split() throws -> (examples: [(path: String, text: String)], prompt: String) {
        var values = example
        var text = prompt
        if values.count % 2 == 1, values.count > 1, text == nil { text = values.removeLast() }
        guard values.count % 2 == 0 else {
            throw ValidationError(
                "--example takes an image and a text each time, but \(values.count) "
                    + "\(values.count == 1 ? "value was" : "values were") given")
        }
        return (stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }, text ?? "")
    }

    private func startMessages() throws -> [Message] {
        guard let promptFile else { return [] }
        let bytes: [UInt8]
        do {
            bytes = try readInput(promptFile, limit: 16 << 20)
        } catch {
            throw CodecError.inFile(path: promptFile, error)
        }
        return try PromptFile(bytes, name: promptFile)
            .messages(in: URL(fileURLWithPath: promptFile).deletingLastPathComponent())
    }

    private func answer(
        _ prompt: PreparedPrompt, model: SyrinxModel, prefix: PrefixCache, name: String?
    ) throws {
        let streams = stream && !json && name == nil
        var options = sampling.options(for: model)
        options.givesLogProbabilities = logProbabilities
        let answer = try model.respond(
            to: prompt, options: options, reusing: prefix,
            onText: { text in
                guard streams else { return }
                print(TerminalStyle.standardOutput.harmless(text), terminator: "")
                fflush(nil)
            }, isCancelled: { InterruptFlag.isRaised })
        if json {
            let report = AnswerReport(
                answer, prompt: prompt, config: options.generation, path: modelOptions.model, model: model)
            print(try report.text(onOneLine: name != nil))
        } else if streams {
            print()
        } else {
            let text = TerminalStyle.standardOutput.harmless(answer.text)
            print(name.map { "\($0)\t\(text)" } ?? text)
        }
        if answer.stopReason == .contextFull, !json, TerminalStyle.standardError.isInteractive {
            fflush(nil)
            ExitStatus.writeToStandardError("[cut: the context is full]\n")
        }
        if verbose {
            fflush(nil)
            let template = prompt.template.map { "template: \($0.name)" } ?? "the prompt as it is"
            ExitStatus.writeToStandardError("\(template)\n\(sampling.account(for: model))\n\(answer.account)\n")
        }
        try InterruptFlag.check()
    }
}

extension Answer {
    /// What became of the images, tokens by kind, speed: a few lines for people.
    var account: String {
        var lines = images.filter { $0.frame == nil }.map { image in
            let turned = image.orientation == "upright" ? "" : ", turned upright (\(image.orientation))"
            let alpha = image.alphaOverWhite ? ", transparency over white" : ""
            return "\(image.name): \(image.format) \(image.width)x\(image.height)\(turned)\(alpha), "
                + "\(image.preparation), \(image.tokenCount) tokens"
        }
        lines += videos.map { video in
            let turned = video.orientation == "upright" ? "" : ", turned upright (\(video.orientation))"
            let frames = video.frames.map(String.init).joined(separator: ", ")
            let shown =
                images.first { $0.frame != nil && $0.name == video.name }.map { ", each \($0.preparation)" } ?? ""
            return "\(video.name): \(video.codec) in \(video.container), \(video.width)x\(video.height)\(turned), "
                + "frames \(frames) of \(video.frameCount)\(shown), \(video.tokenCount) tokens"
        }
        let ofVideos = usage.videoTokenCount > 0 ? ", \(usage.videoTokenCount) video tokens" : ""
        lines.append(
            "prompt: \(usage.textTokenCount) text and \(usage.imageTokenCount) image tokens\(ofVideos)"
                + (usage.cachedTokenCount > 0 ? ", \(usage.cachedTokenCount) of them reused from the cache, " : ", ")
                + "\(Int(timings.prefillTokensPerSecond)) tokens/s; answer: \(usage.generatedTokenCount) tokens, "
                + "\(Int(timings.decodeTokensPerSecond)) tokens/s; ended by \(stopReason.rawValue)")
        return lines.joined(separator: "\n")
    }
}

extension ImageAccount {
    /// How it became the square that the model sees.
    fileprivate var preparation: String { "\(resize) to \(resizedTo)x\(resizedTo)" }
}

/// An answer as JSON, keys in snake case.
private struct AnswerReport: Encodable {
    struct Times: Encodable {
        var prefillSeconds: Double
        var prefillTokensPerSecond: Double
        var decodeSeconds: Double
        var decodeTokensPerSecond: Double
    }

    struct Sampling: Encodable {
        var temperature: Double
        var topK: Int
        var topP: Double
        var maxNewTokens: Int
    }

    var model: String
    /// The adapter in use, and why it does not belong to the model; left out where there is neither.
    var adapter: String?
    var warning: String?
    /// Left out where the prompt was taken as it is.
    var template: String?
    var text: String
    var stopReason: StopReason
    var seed: UInt64
    var sampling: Sampling
    var usage: Usage
    var promptTokenIds: [Int]
    var answerTokenIds: [Int]
    /// Left out where it was not asked for.
    var answerLogProbabilities: [Float]?
    var times: Times
    var images: [ImageAccount]
    var videos: [VideoAccount]

    private enum CodingKeys: String, CodingKey {
        case model, adapter, warning, template, text, stopReason, seed, sampling, usage, promptTokenIds, answerTokenIds
        case answerLogProbabilities, times, videos
        // The answers have had this key from the start.
        case images = "pictures"
    }

    init(_ answer: Answer, prompt: PreparedPrompt, config: GenerationConfig, path: String, model: SyrinxModel) {
        self.model = path
        adapter = model.adapter
        warning = model.adapterWarning
        template = prompt.template?.name
        seed = config.seed
        sampling = Sampling(
            temperature: config.temperature, topK: config.topK, topP: config.topP, maxNewTokens: config.maxNewTokens)
        text = answer.text
        stopReason = answer.stopReason
        usage = answer.usage
        promptTokenIds = answer.promptTokenIDs
        answerTokenIds = answer.tokenIDs
        answerLogProbabilities = answer.logProbabilities
        images = answer.images
        videos = answer.videos
        times = Times(
            prefillSeconds: answer.timings.prefillSeconds,
            prefillTokensPerSecond: answer.timings.prefillTokensPerSecond,
            decodeSeconds: answer.timings.decodeSeconds,
            decodeTokensPerSecond: answer.timings.decodeTokensPerSecond)
    }

    func text(onOneLine: Bool) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if !onOneLine { encoder.outputFormatting.insert(.prettyPrinted) }
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
