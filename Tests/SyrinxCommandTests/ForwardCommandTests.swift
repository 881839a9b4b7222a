import Foundation
import Media
import TestSupport
import Testing
import TinyModels

@Suite("syrinx forward", .blocks)
struct ForwardCommandTests {
    private let folder: TinyFolder

    init() throws {
        folder = try TinyFolder()
        _ = try folder.image("red.png", .init(red: 200, green: 0, blue: 0))
    }

    /// Writes the request beside the model and runs the command on it.
    private func forward(_ request: String, output: String? = nil, _ flags: [String] = []) throws -> SyrinxProcess {
        let input = folder.path + "/request.json"
        try Data(request.utf8).write(to: URL(fileURLWithPath: input))
        return try SyrinxProcess.run(
            [
                "forward", "--model", folder.path, "--input", input, "--output",
                output ?? folder.path + "/out.safetensors",
            ]
                + flags)
    }

    private func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("the summary names every stage with dtype and shape, and the file has the same")
    func summary() throws {
        let request = #"{"prompt": "<image> colours:", "images": ["red.png"], "target": "red"}"#
        let result = try forward(request, ["--json"])
        #expect(result.status == 0, "\(result.errors)")
        let summary = try object(Data(result.output.utf8))
        let tensors = try #require(summary["tensors"] as? [[String: Any]])
        #expect(
            tensors.compactMap { $0["name"] as? String } == [
                "pixel_values", "vision_features", "connector_output", "token_ids", "position_ids",
                "spliced_embeddings", "hidden_states", "logits", "labels", "loss",
            ])
        #expect((summary["loss"] as? Double).map { $0 > 0 && $0.isFinite } == true)
        // A safetensors file is the length of its header in eight bytes, the header, the values.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/out.safetensors"))
        let length = bytes.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
        let header = try object(bytes.dropFirst(8).prefix(length))
        #expect(header.count == tensors.count + 1)
        for tensor in tensors {
            let name = try #require(tensor["name"] as? String)
            let entry = try #require(header[name] as? [String: Any])
            #expect(try #require(entry["shape"] as? [Int]) == tensor["shape"] as? [Int], "\(name)")
        }
    }

    @Test("without --json it prints a table a person can read")
    func table() throws {
        let result = try forward(#"{"prompt": "name:"}"#)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("logits") && result.output.contains("written to"))
        #expect(!result.output.contains("loss"))
    }

    @Test(
        "what is wrong with a request is one line and status 2",
        arguments: [
            (#"{"promt": "name:"}"#, "did you mean 'prompt'?"),
            (#"{"prompt": "<image>", "images": []}"#, "1 <image> placeholder, but 0 images were given"),
            (#"{"prompt": "name:", "images": ["gone.png"]}"#, "gone.png"),
            ("[]", "request.json"),
        ])
    func badRequests(request: String, expected: String) throws {
        let result = try forward(request)
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.errors.hasPrefix("error: ") && result.errors.contains(expected), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out.safetensors"))
    }

    @Test("a missing request, model or output folder is one line that names it")
    func missing() throws {
        let request = folder.path + "/request.json", gone = folder.path + "/gone"
        try Data(#"{"prompt": "name:"}"#.utf8).write(to: URL(fileURLWithPath: request))
        for (model, input, output) in [
            (folder.path, gone, "out.safetensors"), (gone, request, "out.safetensors"),
            (folder.path, request, "gone/out.safetensors"),
        ] {
            let result = try SyrinxProcess.run(
                ["forward", "--model", model, "--input", input, "--output", "\(folder.path)/\(output)"])
            #expect(result.status == 2 && result.errors.contains(gone), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }
    }

    @Test("the request, a model's weights and pipes are not written over, an earlier output is")
    func foreignOutput() throws {
        let pipe = folder.path + "/pipe", weights = folder.path + "/model.safetensors"
        #expect(mkfifo(pipe, 0o600) == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: weights))
        for output in [folder.path + "/request.json", weights] {
            let result = try forward(#"{"prompt": "name:"}"#, output: output)
            #expect(result.status == 2 && result.errors.contains("exists and was not written by syrinx forward"))
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: weights)) == before)
        let result = try forward(#"{"prompt": "name:"}"#, output: pipe)
        #expect(result.status == 2 && result.errors.contains("it is a device or a pipe"), "\(result.errors)")
        for _ in 0..<2 { #expect(try forward(#"{"prompt": "name:"}"#).status == 0) }
    }
}
