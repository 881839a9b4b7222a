import Codecs
import Foundation
import Generation
import Media
import Processors
import Syrinx
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

@Suite("Videos in prompts") struct VideoPromptTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    private static func model(_ system: String) throws -> SyrinxModel {
        try Syrinx.load(tests.appendingPathComponent("SyrinxModelsTests/Fixtures/\(system)/model").path)
    }

    private static func video(_ name: String) -> String {
        tests.appendingPathComponent("CodecsTests/Fixtures/videos/\(name)").path
    }

    private func image() throws -> ImageReference {
        try ImageReference(
            path: Self.tests.appendingPathComponent("SyrinxModelsTests/Fixtures/mplug-owl/pictures/small.png").path)
    }

    @Test func `The video model reads a clip of frames that the decoder scaled`() throws {
        let model = try Self.model("mplug-owl-video")
        let path = Self.video("h264.mp4")
        let prepared = try model.prepare([
            "Human: ", .video(VideoReference(path: path, frameCount: 3)), "\nHuman: ", .image(try image()),
            "\nHuman: What moves?\nAI: ",
        ])
        let side = model.imageProcessor.imageSize
        let (indices, frames) = try VideoFile(path).frames(count: 3, side: side) {
            model.imageProcessor.pixelValues(prepared: [$0])
        }
        let clip = inferenceMode { model.model.clipTokens(Tensor.stack(frames, dim: 2)) }
        #expect(prepared.input.media.map(\.modality) == [.video, .image] && prepared.input.mediaItemCount == 2)
        let encoded = inferenceMode { model.model.encodingMedia(of: prepared.input) }
        let tokens = try #require(encoded.media[0].encoded)
        #expect(tokens.array(of: Float.self) == clip.flatten(0, 1).array(of: Float.self))
        #expect(prepared.videoTokenCount == 6 && prepared.imageTokenCount == 6)
        #expect(prepared.images.count == 1)
        let account = try #require(prepared.videos.first)
        #expect(account.frames == indices && account.frameCount == 23 && account.codec == "h264")
        #expect(account.name == path && account.width == 20 && account.height == 16)
        let answer = try model.respond(to: prepared, options: AnswerOptions(GenerationConfig(maxNewTokens: 5)))
        #expect(answer.usage.videoTokenCount == 6 && answer.videos == prepared.videos)
    }

    @Test func `Other frames give other scores, and the same ones the same`() throws {
        let model = try Self.model("mplug-owl-video")
        func scores(_ name: String, _ count: Int) throws -> [Float] {
            var request = GenerationRequest(
                try model.prepare([.video(VideoReference(path: Self.video(name), frameCount: count)), "a"]).input,
                config: GenerationConfig(maxNewTokens: 1))
            request.keepsLogits = true
            return try #require(try model.engine.generate(request).logits).array(of: Float.self)
        }
        let first = try scores("h264.mp4", 4)
        #expect(try scores("h264.mp4", 4) == first)
        let largest = first.map(abs).max() ?? 0
        for (name, count) in [("h264.mp4", 3), ("odd.avi", 4)] {
            let difference = try pairs(scores(name, count), first).map { abs($0 - $1) }.max() ?? 0
            // A hundred times what rounding may do (`Documentation/Parity.md`).
            #expect(difference > 1e-3 * largest, "\(name), \(count) frames: \(difference / largest)")
        }
    }

    @Test(arguments: ["mplug-owl", "mplug-owl2"])
    func `A model without clips is shown the frames as images`(system: String) throws {
        let model = try Self.model(system)
        let path = Self.video("turned.mp4")
        let video = VideoReference(path: path, frameCount: 3)
        let prepared = try model.prepare([Message(role: .user, content: [.video(video), .text("What moves?")])])
        let (indices, frames) = try VideoFile(path).frames(count: 3) { ImageReference(.image($0), name: path) }
        let asImages = try model.prepare([
            Message(role: .user, content: frames.map(ContentPart.image) + [.text("What moves?")])
        ])
        #expect(prepared.input.tokenIDs.array(of: Int64.self) == asImages.input.tokenIDs.array(of: Int64.self))
        let pixels = try #require(prepared.input.pixelValues), expected = try #require(asImages.input.pixelValues)
        #expect(pixels.array(of: Float.self) == expected.array(of: Float.self))
        #expect(prepared.videoTokenCount == 18 && prepared.imageTokenCount == 0)
        #expect(prepared.videos[0].frames == indices && prepared.images.count == 3)
        #expect(prepared.images.map(\.frame) == indices && prepared.images.allSatisfy { $0.format == "frame" })
        #expect(prepared.images[0].width == 16 && prepared.images[0].height == 24, "upright")
    }

    @Test func `Markers say where videos and images stand`() throws {
        let image = try image()
        let videos = ["a", "b"].map { VideoReference(path: $0) }
        func form(_ text: String, images: Int, videos count: Int) throws -> String {
            try Prompt(text, images: Array(repeating: image, count: images), videos: Array(videos.prefix(count)))
                .parts.map { part in
                    switch part.content {
                    case .text(let text): text
                    case .media(let video as VideoReference): "V" + video.path
                    case .media: "I"
                    }
                }.joined(separator: "|")
        }
        #expect(try form("x", images: 1, videos: 2) == "Va|Vb|I|x")
        #expect(try form("x<image>y", images: 1, videos: 1) == "Va|x|I|y")
        #expect(try form("x<video>y<image>z<video>", images: 1, videos: 2) == "x|Va|y|I|z|Vb")
        #expect(try form("x <video> y", images: 1, videos: 1) == "I|x|Va|y")
        func refusal(_ text: String, images: Int, videos: Int) -> String {
            let error = #expect(throws: SyrinxError.self) { try form(text, images: images, videos: videos) }
            return error?.description ?? ""
        }
        #expect(refusal("<video>", images: 0, videos: 2).contains("1 <video> placeholder, but 2 videos were given"))
        #expect(
            refusal("<video><image>", images: 2, videos: 1).contains("1 <image> placeholder, but 2 images were given"))
    }

    @Test func `Clips, images and text alone share a batch`() throws {
        let model = try Self.model("mplug-owl-video")
        let prompts: [Prompt] = [
            "What is a cat?", [.video(VideoReference(path: Self.video("h264.mp4"), frameCount: 5)), "What moves?"],
            [.image(try image()), "What is shown?"],
            [.video(VideoReference(path: Self.video("odd.avi"), frameCount: 2)), .image(try image()), "Both?"],
        ]
        let prepared = try prompts.map { try model.prepare($0) }
        let options = AnswerOptions(GenerationConfig(maxNewTokens: 12))
        let together = try model.respond(to: prepared, options: prepared.map { _ in options })
        let alone = try prepared.map { try model.respond(to: $0, options: options) }
        #expect(together.map(\.text) == alone.map(\.text))
        #expect(together.map(\.usage) == alone.map(\.usage))
        #expect(together.map(\.usage.videoTokenCount) == [0, 6, 0, 6])
    }
}
