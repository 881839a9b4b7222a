import ArgumentParser
import Checkpoints
import Foundation
import Syrinx
import Torch

/// `syrinx forward`: one forward pass whose every stage is written to a file.
struct ForwardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Write the tensors that a model computes from one prompt, stage by stage.",
        usage: "syrinx forward --model <dir> --input <file> --output <file> [<options>]",
        discussion: """
            The request is a JSON file. Paths are relative to it; only the prompt is required. Images come before the \
            text, or where it says <image>; the text <image> is written \\\\<image> in JSON:

              {"prompt": "<image>colours:", "images": ["apple.png"], "target": " red"}
              {"prompt": "<video>What moves?", "videos": ["cat.mp4"], "frames": 8}

            The output is a safetensors file with pixel_values, vision_features, connector_output, token_ids, \
            position_ids, spliced_embeddings, hidden_states and logits; with a target also labels and loss; for a model \
            that reads clips also video_pixel_values (other models read a video's frames as images). Use it to compare \
            another implementation, with the same weights and request, stage by stage.

              syrinx forward --model my-model --input request.json --output out.safetensors
            """)

    @OptionGroup var modelOptions: ModelOptions

    @Option(help: ArgumentHelp("The request, a JSON file; - reads standard input.", valueName: "file"))
    var input: String

    @Option(
        help: ArgumentHelp(
            "The safetensors file to write; a file from an earlier syrinx forward is replaced.", valueName: "file"))
    var output: String

    @Flag(help: "Print JSON: each tensor's dtype and shape, and the loss.")
    var json = false

    func run() throws {
        let request = try ForwardRequest(path: input)
        try checkOutput()
        let model = try modelOptions.load()
        let activations = try model.activations(
            of: try model.prepare(request))
        try activations.write(to: output)
        let summary = ForwardSummary(activations, model: modelOptions.model, output: output)
        print(json ? try summary.json() : summary.text)
    }
}

extension ForwardCommand {
    /// Refuses to write over anything but an earlier output: a model's weights, say, or the request.
    private func checkOutput() throws {
        let attributes = try? FileManager.default.attributesOfItem(atPath: output)
        guard let attributes, (attributes[.size] as? NSNumber)?.intValue != 0 else { return }
        let names = (try? SafetensorsFile(path: output))?.names ?? []
        guard names.contains("token_ids"), names.contains("logits") else {
            throw ValidationError(
                "\(output) exists and was not written by syrinx forward; choose another --output or remove it")
        }
    }
}

/// What was written.
private struct ForwardSummary: Encodable {
    struct Entry: Encodable {
        var name: String
        var dtype: String
        var shape: [Int]
    }

    var model: String
    var output: String
    var tensors: [Entry]
    var loss: Double?

    init(_ activations: Activations, model: String, output: String) {
        self.model = model
        self.output = output
        tensors = activations.tensors.map { Entry(name: $0.name, dtype: "\($0.tensor.dtype)", shape: $0.tensor.shape) }
        loss = activations["loss"]?.item()
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var text: String {
        let width = tensors.map(\.name.count).max() ?? 0
        var lines = tensors.map { entry in
            entry.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + "\(entry.dtype) \(entry.shape)"
        }
        if let loss { lines.append("loss " + String(format: "%.6f", loss)) }
        return (lines + ["written to \(output)"]).joined(separator: "\n")
    }
}
