import Foundation
import Generation
import Media
import Processors
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Conversations with published folders.
@Suite("Conversations with published folders") struct OwlChatTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("SyrinxModelsTests/Fixtures")

    private func folder(_ system: String) -> String { Self.fixtures.appendingPathComponent("\(system)/model").path }

    private func image(_ name: String) throws -> ImageReference {
        try ImageReference(path: Self.fixtures.appendingPathComponent("mplug-owl/pictures/\(name)").path)
    }

    @Test(arguments: ["mplug-owl", "mplug-owl-video", "mplug-owl2"])
    func `Every turn answers as if the whole conversation were computed anew, with images at any turn`(
        system: String
    ) throws {
        let model = try Syrinx.load(folder(system))
        let options = AnswerOptions(GenerationConfig(maxNewTokens: 8))
        let chat = ChatSession(model, options: options)
        let turns: [(text: String, images: [ImageReference])] = [
            ("What is shown?", [try image("wide.jpg")]), ("Why?", []),
            ("And these?", [try image("small.png"), try image("wide.jpg")]),
        ]
        for (index, turn) in turns.enumerated() {
            let question = Prompt(turn.text, images: turn.images)
            let prompt = try model.prepare(chat.messages + [question.message])
            let alone = try model.respond(to: prompt, options: options)
            let answer = try chat.answer(question, onText: { _ in }, isCancelled: { false })
            #expect(answer.text == alone.text && answer.usage.imageTokenCount == alone.usage.imageTokenCount)
            #expect(alone.usage.cachedTokenCount == 0 && (answer.usage.cachedTokenCount > 0) == (index > 0))
        }
        #expect(chat.messages.count == 6)
        #expect(chat.undo()?.images.count == 2 && chat.messages.count == 4)
        // Taken back, a turn leaves no trace.
        let again = try chat.answer(
            Prompt(turns[2].text, images: turns[2].images), onText: { _ in }, isCancelled: { false })
        #expect(again.usage.cachedTokenCount > 0)
        #expect(
            again.text
                == (try model.respond(to: try model.prepare(Array(chat.messages.dropLast())), options: options)).text)
    }

    @Test(arguments: [("mplug-owl-video", 6), ("mplug-owl2", 18)])
    func `A video is remembered across turns, beside images, and a turn taken back gives it back`(
        system: String, tokensOfVideo: Int
    ) throws {
        let model = try Syrinx.load(folder(system))
        let options = AnswerOptions(GenerationConfig(maxNewTokens: 8))
        let chat = ChatSession(model, options: options)
        let videos = Self.fixtures.appendingPathComponent("../../CodecsTests/Fixtures/videos").path
        func video(_ name: String) -> Prompt.Part { .video(VideoReference(path: "\(videos)/\(name)", frameCount: 3)) }
        let turns: [Prompt] = [
            [video("h264.mp4"), "What moves?"], "Why?",
            [.image(try image("small.png")), video("turned.mp4"), "And here?"],
        ]
        for (index, turn) in turns.enumerated() {
            let alone = try model.respond(to: try model.prepare(chat.messages + [turn.message]), options: options)
            let answer = try chat.answer(turn, onText: { _ in }, isCancelled: { false })
            #expect(answer.text == alone.text && answer.videos == alone.videos && answer.images == alone.images)
            #expect(answer.usage.videoTokenCount == (index == 2 ? 2 : 1) * tokensOfVideo)
            #expect(answer.usage.imageTokenCount == alone.usage.imageTokenCount)
            #expect((answer.usage.cachedTokenCount > tokensOfVideo) == (index > 0))
        }
        let last = try #require(chat.undo())
        #expect(last.content.map(\.isMedia) == [true, true, false])
        let again = try chat.answer(
            Prompt(last.content.map(Prompt.Part.init)), onText: { _ in }, isCancelled: { false })
        #expect(again.videos.map(\.name) == ["\(videos)/h264.mp4", "\(videos)/turned.mp4"])
        #expect(chat.undo() != nil && chat.undo() != nil && chat.undo() != nil && chat.undo() == nil)
        #expect(chat.messages.isEmpty)
    }

    @Test func `A question that is too long names what to do; after earlier turns, also how to make room`() throws {
        let chat = ChatSession(
            try Syrinx.load(folder("mplug-owl2")), options: AnswerOptions(GenerationConfig(maxNewTokens: 8)))
        func refusal(_ text: String) -> String {
            let error = #expect(throws: SyrinxError.self) {
                try chat.answer(Prompt(text), roomAdvice: "use /undo", onText: { _ in }, isCancelled: { false })
            }
            return error?.description ?? ""
        }
        let long = String(repeating: "a cat ", count: 200)
        #expect(refusal(long).hasSuffix("shorten the text or give fewer images"))
        _ = try chat.answer("What?", onText: { _ in }, isCancelled: { false })
        #expect(refusal(long).hasSuffix("shorten the text or give fewer images, or use /undo"))
        #expect(chat.messages.count == 2)
    }

    @Test func `Families have templates, image modes and ways of sampling of their own`() throws {
        func facts(_ system: String) throws -> (ChatTemplate, ImageProcessor.Resize, GenerationConfig) {
            let model = try Syrinx.load(folder(system))
            return (model.chatTemplate, model.imageProcessor.resize, model.recommendedOptions.generation)
        }
        let owl = GenerationConfig(maxNewTokens: 511, temperature: 1, topK: 5)
        #expect(try facts("mplug-owl") == (.mplugOwl, .squashStored, owl))
        #expect(try facts("mplug-owl-video") == (.mplugOwlVideo, .shortestSideCrop, owl))
        let second = GenerationConfig(maxNewTokens: 512, temperature: 0.7, topK: 50)
        #expect(try facts("mplug-owl2") == (.mplugOwl2, .squareFirst, second))
        #expect(try Syrinx.load(folder("mplug-owl2"), imageMode: .padMean).imageProcessor.resize == .padMean)
    }

    @Test func `A folder can name its template, and a name that is none is refused with the nearest`() throws {
        let path = NSTemporaryDirectory() + "syrinx-template-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.copyItem(atPath: folder("mplug-owl2"), toPath: path)
        let config = URL(fileURLWithPath: path + "/config.json")
        let published = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: config)) as? [String: Any])
        func load(_ template: String) throws -> SyrinxModel {
            let named = published.merging(["artefacts": ["chat_template": template]]) { $1 }
            try JSONSerialization.data(withJSONObject: named).write(to: config)
            return try Syrinx.load(path)
        }
        #expect(try load("vicuna-v1").chatTemplate == .vicunaV1)
        let error = #expect(throws: SyrinxError.self) { try load("vicuna1") }
        #expect(error?.description.hasSuffix("did you mean 'vicuna-v1'?") == true)
        #expect(error?.description.hasPrefix(path + "/config.json: ") == true)
    }

    @Test func `A conversation in another template and with another system prompt reads as that says`() throws {
        let model = try Syrinx.load(folder("mplug-owl2"))
        let chat = ChatSession(model, template: .mplugOwl, systemPrompt: "Be brief.")
        #expect(chat.template == .mplugOwl && chat.messages.map(\.role) == [.system])
        let plain = try model.prepare("Be brief.\nHuman: Why?\nAI: ")
        let asked = try model.prepare(chat.messages + [Message(role: .user, text: "Why?")], template: .mplugOwl)
        #expect(asked.input.tokenIDs.array(of: Int64.self) == plain.input.tokenIDs.array(of: Int64.self))
    }
}
