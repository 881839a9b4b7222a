import ArgumentParser
import Foundation
import Generation
import Processors
import Syrinx
import Terminal

/// `syrinx generate`: goes on from a prompt of text and pictures.
struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Go on from a prompt of text and pictures.",
        discussion: """
            Pictures stand before the text, or where the prompt says <image>. A model trained on captions says what it \
            sees without any prompt; "colours:" or "name:" asks for a field.

              syrinx generate --model runs/demo/model --image apple.png
              syrinx generate --model runs/demo/model --image apple.png "colours:"
              syrinx generate --model runs/demo/model --example sun.png "a yellow sun" --image apple.png
              syrinx generate --model runs/demo/model --each --json --image 'pictures/*.png'
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(help: ArgumentHelp("A picture or a quoted pattern; may be given several times.", valueName: "file"))
    var image: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "A picture and what is to be said of it, put before the prompt (few-shot).", valueName: "file text"))
    var example: [String] = []

    @Option(
        help: ArgumentHelp(
            "A JSON list of {\"text\": ...} and {\"image\": path}, put before the prompt.", valueName: "file"))
    var promptFile: String?

    @OptionGroup var sampling: SamplingOptions

    @Flag(inversion: .prefixedNo, help: "Print the answer while it is being written.")
    var stream = true

    @Flag(help: "Answer once for each picture instead of once for all.")
    var each = false

    @Flag(help: "Print JSON: token counts, times, what became of each picture; one line per picture with --each.")
    var json = false

    @Flag(name: .shortAndLong, help: "Say on standard error what became of each picture, token counts and times.")
    var verbose = false

    @Argument(help: "The text to go on from; <image> marks where a picture stands.")
    var prompt: String?

    func run() throws {
        InterruptFlag.install()
        let (examples, text) = try split()
        let start = try examples.reduce(Prompt(try promptParts())) { start, example in
            start.adding(example: try ImageReference(path: example.path), example.text)
        }
        let images = try image.flatMap { try ImageReference.matching($0) }
        if each && images.isEmpty { throw ValidationError("--each needs at least one --image") }
        func questions(keepsSpaces: Bool) throws -> [Prompt] {
            try (each ? images.map { [$0] } : [images]).map {
                try Prompt(text, images: $0, marker: "<image>", keepsSpaces: keepsSpaces)
            }
        }
        // What is wrong with the prompt is said before the model is loaded.
        if try start.parts.isEmpty && questions(keepsSpaces: false).allSatisfy(\.parts.isEmpty) {
            throw ValidationError("give a prompt, an --image, or both")
        }
        let model = try modelOptions.load()
        for (index, question) in try questions(keepsSpaces: model.keepsPromptSpaces).enumerated() {
            try answer(start + question, model: model, name: each ? images[index].name : nil)
        }
    }

    /// Few-shot examples in pairs; an odd value at the end is the prompt, which option parsing cannot tell apart.
    private func split() throws -> (examples: [(path: String, text: String)], prompt: String) {
        var values = example
        var text = prompt
        if values.count % 2 == 1, values.count > 1, text == nil { text = values.removeLast() }
        guard values.count % 2 == 0 else {
            throw ValidationError(
                "--example takes a picture and a text each time, but \(values.count) "
                    + "\(values.count == 1 ? "value was" : "values were") given")
        }
        return (stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }, text ?? "")
    }

    private func promptParts() throws -> [Prompt.Part] {
        guard let promptFile else { return [] }
        guard let data = FileManager.default.contents(atPath: promptFile) else {
            throw ValidationError("--prompt-file \(promptFile) cannot be read")
        }
        let folder = URL(fileURLWithPath: promptFile).deletingLastPathComponent()
        return try PromptFile(Array(data), name: promptFile).parts.map { part in
            switch part {
            case .text(let text): .text(text)
            case .image(let path):
                .picture(try ImageReference(path: URL(fileURLWithPath: path, relativeTo: folder).path))
            }
        }
    }

    private func answer(_ prompt: Prompt, model: SyrinxModel, name: String?) throws {
        let streams = stream && !json && name == nil
        let answer = try model.respond(
            to: try model.prepare(prompt), options: sampling.options,
            onText: { text in
                guard streams else { return }
                print(text, terminator: "")
                fflush(nil)
            }, isCancelled: { InterruptFlag.isRaised })
        if json {
            print(try AnswerReport(answer, seed: sampling.seed, model: modelOptions.model).text(onOneLine: name != nil))
        } else if streams {
            print()
        } else {
            print(name.map { "\($0)\t\(answer.text)" } ?? answer.text)
        }
        if verbose {
            fflush(nil)
            ExitStatus.writeToStandardError(answer.account + "\n")
        }
        try InterruptFlag.check()
    }
}

extension Answer {
    /// What became of the pictures, tokens by kind, speed: a few lines for people.
    var account: String {
        var lines = pictures.map { picture in
            let turned = picture.orientation == "upright" ? "" : ", turned upright (\(picture.orientation))"
            let alpha = picture.alphaOverWhite ? ", transparency over white" : ""
            return "\(picture.name): \(picture.format) \(picture.width)x\(picture.height)\(turned)\(alpha), "
                + "\(picture.resize) to \(picture.resizedTo)x\(picture.resizedTo), \(picture.tokenCount) tokens"
        }
        lines.append(
            "prompt: \(usage.textTokenCount) text and \(usage.imageTokenCount) image tokens, "
                + "\(Int(timings.prefillTokensPerSecond)) tokens/s; answer: \(usage.generatedTokenCount) tokens, "
                + "\(Int(timings.decodeTokensPerSecond)) tokens/s; ended by \(stopReason.rawValue)")
        return lines.joined(separator: "\n")
    }
}

/// An answer as JSON, keys in snake case.
private struct AnswerReport: Encodable {
    struct Times: Encodable {
        var prefillSeconds: Double
        var prefillTokensPerSecond: Double
        var decodeSeconds: Double
        var decodeTokensPerSecond: Double
    }

    var model: String
    var text: String
    var stopReason: StopReason
    var seed: UInt64
    var usage: Usage
    var times: Times
    var pictures: [PictureAccount]

    init(_ answer: Answer, seed: UInt64, model: String) {
        self.model = model
        self.seed = seed
        text = answer.text
        stopReason = answer.stopReason
        usage = answer.usage
        pictures = answer.pictures
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
