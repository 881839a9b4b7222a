import Checkpoints
import Foundation
import Generation
import Media
import Processors
import Syrinx
import Testing
import TinyModels
import Torch

/// Published folders through the front door: the answers of the published code to prompts with images, token by token.
@Suite("Answers of published folders") struct OwlAnswerTests {
    private struct Answer: Decodable {
        let image: String?
        let mode: String?
        let prompt: String
        let ids: [Int]

        private enum CodingKeys: String, CodingKey {
            case mode, prompt, ids
            case image = "picture"
        }
    }

    /// Prompts whose ids differ on purpose: special tokens spelled out in text stay text here, and an image at the very
    /// beginning of mPLUG-Owl2's stands behind the begin token.
    private static let exceptions = ["</s>", "<s>"]

    @Test(arguments: [
        ("mplug-owl", "<image>", "<|image|>"), ("mplug-owl-video", "<image>", "<|image|>"),
        ("mplug-owl2", "<|image|>", "<image>"),
    ])
    func `Prompts become the published code's ids`(system: String, marker: String, other: String) throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let fixtures = tests.appendingPathComponent("SyrinxModelsTests/Fixtures/\(system)")
        let model = try Syrinx.load(fixtures.appendingPathComponent("model").path)
        let video = VideoReference(
            path: tests.appendingPathComponent("CodecsTests/Fixtures/videos/h264.mp4").path, frameCount: 2)
        let image = try ImageReference(path: fixtures.appendingPathComponent("pictures/small.png").path)
        let entries = try JSONSerialization.jsonObject(
            with: Data(contentsOf: fixtures.appendingPathComponent("prompts.json")))
        var (compared, clips) = (0, 0)
        for case let entry as [String: Any] in try #require(entries as? [Any]) {
            guard let text = entry["prompt"] as? String, let ids = entry["ids"] as? [Int], !text.isEmpty,
                (entry["rows"] as? Int ?? model.model.imageTokenCount) == model.model.imageTokenCount,
                !Self.exceptions.contains(where: text.contains), !text.hasPrefix("<|image|>")
            else { continue }
            // The video model's clips are parts of their own; to the others the marker is a word.
            let isClip = system == "mplug-owl-video" && text.contains("<|video|>")
            let count = text.components(separatedBy: marker).count - 1
            // What is a mark here and a word to the published code needs a backslash.
            let words = [other] + (isClip ? [] : ["<|video|>", "<video>"])
            let prompt = try Prompt(
                words.reduce(text) { $0.replacing($1, with: "\\" + $1) },
                images: Array(repeating: image, count: count), videos: isClip ? [video] : [], keepsSpaces: true)
            let found = try model.prepare(prompt).input.tokenIDs.array(of: Int64.self).map(Int.init)
            // mPLUG-Owl2's ids have one placeholder for each image, the video model's another one for clips.
            let expected = ids.flatMap { id in
                switch id {
                case -200: Array(repeating: id, count: model.model.imageTokenCount)
                case -2: [model.model.imagePlaceholder]
                default: [id]
                }
            }
            #expect(found == expected, "\(text)")
            compared += 1
            clips += isClip ? 1 : 0
        }
        #expect(compared > 10 && clips == (system == "mplug-owl-video" ? 1 : 0))
    }

    @Test func `Image files of every kind become the published pixels of mPLUG-Owl, palettes and alpha too`() throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("SyrinxModelsTests/Fixtures/mplug-owl")
        let model = try Syrinx.load(fixtures.appendingPathComponent("model").path)
        let expected = try SafetensorsFile(path: fixtures.appendingPathComponent("pictures.safetensors").path)
        let processor = model.imageProcessor
        var compared = 0
        for name in expected.names where name.hasPrefix("square.") && !name.hasSuffix(".normalised") {
            let file = String(name.dropFirst("square.".count))
            let path = fixtures.appendingPathComponent("pictures/\(file)").path
            let prompt = try model.prepare(["USER: ", .image(at: path)])
            let values = try #require(prompt.input.pixelValues).array(of: Float.self)
            let plane = values.count / 3
            let pixels = values.enumerated().map { index, value in
                let channel = index / plane
                let scaled = Double(value) * processor.standardDeviation[channel] + processor.mean[channel]
                return UInt8((scaled * 255).rounded())
            }
            #expect(pixels == (try expected.tensor(name)).array(of: UInt8.self), "\(file)")
            #expect(prompt.images[0].resize == "squashStored" && !prompt.images[0].alphaOverWhite)
            compared += 1
        }
        #expect(compared == 6)
    }

    @Test(arguments: ["mplug-owl", "mplug-owl2"])
    func `A folder that the published library saved answers as the published code does`(system: String) throws {
        let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("SyrinxModelsTests/Fixtures/\(system)")
        let model = try Syrinx.load(fixtures.appendingPathComponent("model").path)
        let answers = try JSONDecoder().decode(
            [Answer].self, from: Data(contentsOf: fixtures.appendingPathComponent("answers.json")))
        var compared = 0
        // The default of each system is the mode its authors recommend; the others are options.
        for answer in answers where ["resize", "square", nil].contains(answer.mode) {
            let images = try answer.image.map {
                [try ImageReference(path: fixtures.appendingPathComponent("pictures/\($0)").path)]
            }
            let prompt = try model.prepare(
                try Prompt(answer.prompt, images: images ?? [], videos: [], keepsSpaces: model.keepsPromptSpaces))
            let found = try model.engine.generate(
                GenerationRequest(prompt.input, config: GenerationConfig(maxNewTokens: answer.ids.count)))
            #expect(found.tokenIDs == answer.ids, "\(answer.prompt)")
            compared += 1
        }
        #expect(compared == 2)
    }
}
