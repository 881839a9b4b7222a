import Checkpoints
import Foundation
import Generation
import Media
import Processors
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Tokenizers
import Torch

@Suite("One forward pass, stage by stage")
struct ForwardTests {
    private let folder: TinyFolder
    private let model: SyrinxModel

    init() throws {
        folder = try TinyFolder()
        model = try Syrinx.load(folder.path)
        _ = try folder.image("red.png", .init(red: 200, green: 0, blue: 0))
        _ = try folder.image("blue.png", .init(red: 0, green: 20, blue: 220), width: 9)
    }

    /// The activations of a request written into the folder.
    private func activations(_ request: String) throws -> Activations {
        let path = folder.path + "/request.json"
        try Data(request.utf8).write(to: URL(fileURLWithPath: path))
        let request = try ForwardRequest(path: path)
        return try model.activations(of: try model.prepare(request))
    }

    private let pair =
        #"{"prompt": "<image> name: <image>", "images": ["red.png", "blue.png"], "target": "colours: red"}"#

    @Test("every stage is there under its name, in order, and the file holds the same values")
    func stages() throws {
        let found = try activations(pair)
        #expect(
            found.tensors.map(\.name) == [
                "pixel_values", "vision_features", "connector_output", "token_ids", "position_ids",
                "spliced_embeddings", "hidden_states", "logits", "labels", "loss",
            ])
        let length = try #require(found["token_ids"]).size(1)
        #expect(found["pixel_values"]?.shape == [2, 3, 16, 16])
        #expect(found["connector_output"]?.shape == [2, 4, 32])
        #expect(found["spliced_embeddings"]?.shape == [1, length, 32])
        #expect(found["logits"]?.shape == [1, length, model.model.vocabularySize])
        let path = folder.path + "/activations.safetensors"
        try found.write(to: path)
        let file = try SafetensorsFile(path: path)
        #expect(Set(file.names) == Set(found.tensors.map(\.name)))
        for (name, tensor) in found.tensors { #expect(try file.tensor(name).bytes() == tensor.bytes(), "\(name)") }
    }

    @Test("the spliced embeddings hold the connector's output at the placeholders and the table's rows elsewhere")
    func splice() throws {
        let found = try activations(pair)
        let tokens = try #require(found["token_ids"])
        let isVisual = tokens.reshape([-1]).notEqual(to: Double(model.model.imagePlaceholder))
        let places = isVisual.notEqual(to: 1).nonzero().reshape([-1])
        let spliced = try #require(found["spliced_embeddings"]).reshape([-1, 32])
        let connected = try #require(found["connector_output"]).reshape([8, 32])
        #expect(spliced.indexSelect(dim: 0, places).bytes() == connected.bytes())
        let others = isVisual.nonzero().reshape([-1])
        let table = model.model.embed(tokenIDs: tokens).detach().reshape([-1, 32])
        #expect(spliced.indexSelect(dim: 0, others).bytes() == table.indexSelect(dim: 0, others).bytes())
    }

    @Test("the loss is the mean over the target's tokens, as scoring has it")
    func loss() throws {
        let found = try activations(pair)
        let labels = try #require(found["labels"]).array(of: Int64.self)
        let target = model.tokenizer.encode("colours: red")
        #expect(labels.filter { $0 != -100 } == target.map(Int64.init))
        let images = try ["red.png", "blue.png"].map { try ImageReference(path: "\(folder.path)/\($0)") }
        let prompt = try model.prepare(
            Prompt("<image> name: <image>", images: images, videos: []), target: "colours: red")
        let score = try model.engine.scores(of: [ScoringRequest(prompt.input, labels: labels.map(Int.init))])[0]
        let loss = try #require(found["loss"]).item()
        #expect(abs(loss + score.total / Double(target.count)) < 1e-5 * loss)
    }

    @Test("the scores are those of the prompt that generation reads, and the likeliest is what it says")
    func asGenerated() throws {
        let found = try activations(#"{"prompt": "name:", "images": ["red.png"]}"#)
        #expect(found["loss"] == nil && found["labels"] == nil)
        let logits = try #require(found["logits"])
        let prompt = try model.prepare(Prompt("name:", images: [try ImageReference(path: folder.path + "/red.png")]))
        let input = prompt.input
        let direct = inferenceMode {
            model.model.logits(embeddings: model.model.embed(input), positionIDs: input.positionIDs)
        }
        #expect(logits.bytes() == direct.bytes())
        let hidden = try #require(found["hidden_states"])
        #expect(inferenceMode { model.model.logits(hiddenStates: hidden) }.bytes() == logits.bytes())
        let scores = logits.select(dim: 1, index: logits.size(1) - 1).array(of: Float.self)
        let chosen = try model.engine.generate(GenerationRequest(input, config: GenerationConfig(maxNewTokens: 1)))
        #expect(chosen.tokenIDs == [scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }])
    }

    @Test("a prompt may fill the context to its last token, for no answer follows; one token more is refused")
    func fullContext() throws {
        func length(_ words: Int) throws -> Int {
            let text = String(repeating: "red ", count: words)
            return try #require(activations("{\"prompt\": \"\(text)\"}")["token_ids"]).size(1)
        }
        let one = try length(1), perWord = try length(2) - one
        let (words, rest) = (model.model.contextLength - one).quotientAndRemainder(dividingBy: perWord)
        try #require(rest == 0)
        #expect(try length(words + 1) == model.model.contextLength)
        let error = #expect(throws: SyrinxError.self) { try length(words + 2) }
        let text = error?.description ?? ""
        #expect(text.contains("context holds \(model.model.contextLength); shorten the text"), "\(text)")
        #expect(throws: SyrinxError.self) {
            try model.prepare(Prompt(String(repeating: "red ", count: words + 1)))
        }
    }

    @Test("a video's frames are images of a model without clips, as generation sees them")
    func frames() throws {
        let found = try activations(
            "{\"prompt\": \"colours:\", \"videos\": [\"\(Self.video)\"], \"frames\": 3, \"images\": [\"red.png\"]}")
        #expect(found["video_pixel_values"] == nil)
        #expect(found["pixel_values"]?.shape == [4, 3, 16, 16] && found["connector_output"]?.shape == [4, 4, 32])
        let image = try ImageReference(path: folder.path + "/red.png")
        let prompt = try model.prepare([
            .video(VideoReference(path: Self.video, frameCount: 3)), .image(image), "colours:",
        ])
        #expect(try #require(found["pixel_values"]).bytes() == prompt.input.pixelValues?.bytes())
        #expect(found["token_ids"]?.bytes() == prompt.input.tokenIDs.bytes())
    }

    @Test("a clip of the video model has its frames and visual tokens in the file, beside an image's")
    func clips() throws {
        let system = Self.tests.appendingPathComponent("SyrinxModelsTests/Fixtures/mplug-owl-video")
        let owl = try Syrinx.load(system.appendingPathComponent("model").path)
        let path = folder.path + "/clip.json"
        func found(_ request: String) throws -> Activations {
            try Data(request.utf8).write(to: URL(fileURLWithPath: path))
            return try owl.activations(of: try owl.prepare(try ForwardRequest(path: path)))
        }
        let side = owl.imageProcessor.imageSize
        let clip = try found("{\"prompt\": \"<video>Why?\", \"videos\": [\"\(Self.video)\"], \"frames\": 5}")
        #expect(
            clip.tensors.map(\.name) == [
                "video_pixel_values", "connector_output", "token_ids", "position_ids", "spliced_embeddings",
                "hidden_states", "logits",
            ])
        let pixels = try #require(clip["video_pixel_values"])
        #expect(pixels.shape == [1, 3, 5, side, side])
        #expect(clip["connector_output"]?.bytes() == inferenceMode { owl.model.clipTokens(pixels) }.bytes())
        let both = try found(
            "{\"prompt\": \"<image> or <video>?\", \"videos\": [\"\(Self.video)\"], \"frames\": 5, \"images\": [\"red.png\"]}"
        )
        #expect(
            both.tensors.map(\.name).prefix(4) == [
                "pixel_values", "vision_features", "video_pixel_values", "connector_output",
            ])
        let tokens = try #require(both["connector_output"])
        #expect(both["video_pixel_values"]?.bytes() == pixels.bytes() && both["pixel_values"]?.size(0) == 1)
        #expect(tokens.size(0) == 2)
        #expect(
            tokens.select(dim: 0, index: 1).array(of: Float.self) == clip["connector_output"]?.array(of: Float.self))
    }

    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let video = tests.appendingPathComponent("CodecsTests/Fixtures/videos/h264.mp4").path

    @Test("without images the image's stages are left out")
    func textAlone() throws {
        let found = try activations(#"{"prompt": "name:"}"#)
        #expect(
            found.tensors.map(\.name) == [
                "token_ids", "position_ids", "spliced_embeddings", "hidden_states", "logits",
            ])
    }

    @Test(
        "the image of a request stands at its mark beside a joiner, an accent or a vowel sign",
        arguments: ["\u{200D}", "\u{FE0F}", "\u{301}", "\u{93F}", "\u{E34}"])
    func scalarBesideMark(scalar: String) throws {
        func tokens(_ prompt: String) throws -> [Int64] {
            let found = try activations(#"{"prompt": "\#(prompt)", "images": ["red.png"]}"#)
            return try #require(found["token_ids"]).array(of: Int64.self)
        }
        let ids = try tokens("name: <image>\(scalar)x")
        let image = Int64(model.model.imagePlaceholder)
        let (plain, leading) = (try tokens("name: <image>x"), try tokens("name: x"))
        #expect(ids.count { $0 == image } == 4)
        #expect(ids.firstIndex(of: image) == plain.firstIndex(of: image))
        #expect(ids.firstIndex(of: image) != leading.firstIndex(of: image))
    }

    @Test(
        "a request that cannot be used is one sentence that names the file and what is wrong",
        arguments: [
            (
                #"{"prompt": "a", "image": ["red.png"]}"#,
                "'image' is not one of prompt, images, videos, frames, target; did you mean 'images'?"
            ),
            (#"{"images": ["red.png"]}"#, "the key prompt is missing"),
            (#"{"prompt": "a", "prompt": "b"}"#, "prompt"),
            (#"{"prompt": 3}"#, "prompt should be"),
            (#"["a"]"#, "request.json"),
            ("no json", "request.json"),
            (#"{"prompt": "<image> <image>", "images": ["red.png"]}"#, "2 <image> placeholders, but 1 image was given"),
            (#"{"prompt": "a", "images": ["missing.png"]}"#, "missing.png"),
            (#"{"prompt": "a", "images": ["request.json"]}"#, "request.json"),
            (#"{"prompt": "a", "videos": ["missing.mp4"]}"#, "missing.mp4"),
            (#"{"prompt": "a", "videos": ["red.png"]}"#, "red.png"),
            (#"{"prompt": "<video>"}"#, "1 <video> placeholder, but 0 videos were given"),
            (#"{"prompt": "a", "frames": 0}"#, "frames is 0; it must be from 1 to 1024"),
        ])
    func badRequests(request: String, expected: String) throws {
        let error = #expect(throws: (any Error).self) { try activations(request) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(expected) && !text.contains("\n"), "\(text)")
        #expect(error is any InputError)
    }
}
