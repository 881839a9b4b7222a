import Codecs
import Foundation
import Generation
import Media
import Processors
import Syrinx
import Testing
import TinyModels
import Tokenizers
import Torch

@Suite struct SyrinxModelTests {
    private let folder: TinyFolder
    private let model: SyrinxModel

    init() throws {
        folder = try TinyFolder()
        model = try Syrinx.load(folder.path)
    }

    private let options = AnswerOptions(GenerationConfig(maxNewTokens: 12))

    @Test func `a loaded folder describes an image, the same each time`() async throws {
        let image = try folder.image("red.png", .init(red: 200, green: 0, blue: 0))
        let first = try await model.describe(imageAt: image, options: options)
        #expect(try await model.describe(imageAt: image, options: options) == first)
    }

    @Test(
        "A preprocessing or vocabulary other than the one the weights were trained with is refused by file and both fingerprints",
        arguments: ["preprocessor_config.json", "tokenizer.model"])
    func foreignArtefacts(file: String) throws {
        let other = try TinyFolder(vocabularySize: 338)
        let path = URL(fileURLWithPath: "\(folder.path)/\(file)")
        switch file {
        case "tokenizer.model":
            try Data(contentsOf: URL(fileURLWithPath: "\(other.path)/\(file)")).write(to: path)
        default: try JSONEncoder().encode(ImageProcessor(imageSize: 16, resize: .padWhite)).write(to: path)
        }
        let error = #expect(throws: (any Error).self) { try Syrinx.load(folder.path) }
        let text = "\(error as Any)"
        #expect(text.contains("\(file) is not the one that the weights were trained with (fingerprint "), "\(text)")
    }

    @Test func `usage counts text and image tokens, and each image is accounted for`() async throws {
        let image = try folder.image("red.png", .init(red: 200, green: 0, blue: 0))
        let answer = try await model.answer(to: [try .image(at: image), "colours:"], options: options)
        let text = model.tokenizer.encode("colours:").count
        #expect(answer.usage.textTokenCount == text + 1)
        #expect(answer.usage.imageTokenCount == 4)
        let account = try #require(answer.images.first)
        #expect(account.name == image)
        #expect(account.format == "PNG")
        #expect(account.width == 20 && account.height == 10)
        #expect(account.resizedTo == 16 && account.resize == "squash" && account.tokenCount == 4)
        #expect(account.orientation == "upright" && !account.alphaOverWhite)
    }

    @Test func `streamed pieces join to the answer`() async throws {
        var text = ""
        var final: Answer?
        for try await event in model.stream(try model.prepare("name:"), options: options) {
            switch event {
            case .text(let piece): text += piece
            case .finished(let answer): final = answer
            }
        }
        #expect(final?.text == text)
        let blocking = try model.respond(to: try model.prepare("name:"), options: options)
        #expect(blocking.text == text)
    }

    @Test func `a stop string ends the answer and is not part of it`() throws {
        let prompt = try model.prepare("name:")
        let free = try model.respond(to: prompt, options: AnswerOptions(GenerationConfig(maxNewTokens: 40))).text
        let middle = free.index(free.startIndex, offsetBy: free.count / 2)
        let stop = String(free[middle...].prefix(2))
        let stopped = try model.respond(
            to: prompt, options: AnswerOptions(GenerationConfig(maxNewTokens: 40), stopStrings: [stop]))
        #expect(stopped.stopReason == .stopString)
        #expect(!stopped.text.contains(stop) && free.hasPrefix(stopped.text))
    }

    @Test func `markers place images inside the text and dropped markers put them first`() throws {
        let red = ImageReference(.encoded([]), name: "red")
        let placed = try Prompt("first <image> then <image> end", images: [red, red], videos: [])
        #expect(placed.parts.count == 5 && placed.imageCount == 2)
        let leading = try Prompt("text", images: [red], videos: [])
        #expect(leading.parts[0].content.media?.modality == .image)
        let error = #expect(throws: SyrinxError.self) {
            try Prompt("a <image>", images: [red, red], videos: [])
        }
        #expect(error?.description.contains("1 <image> placeholder, but 2 images were given") == true)
    }

    @Test func `a user's text cannot become a placeholder`() throws {
        let prompt = try model.prepare("look: <image>")
        #expect(prompt.imageTokenCount == 0)
        let tokens = prompt.input.tokenIDs.array(of: Int64.self).map(Int.init)
        #expect(!tokens.contains(model.model.imagePlaceholder))
    }

    @Test func `a prompt longer than the context is refused with both numbers`() throws {
        let error = #expect(throws: SyrinxError.self) {
            try model.prepare(Prompt(String(repeating: "zq ", count: 200)))
        }
        #expect(error?.description.contains("context holds 96") == true)
    }

    @Test func `missing folders, missing files and files that are no images are named`() async throws {
        let missing = #expect(throws: SyrinxError.self) { try Syrinx.load("/nowhere/at-all") }
        #expect(missing?.description.contains("/nowhere/at-all") == true)
        #expect(throws: CodecError.self) { try ImageReference(path: "\(folder.path)/none.png") }
        let text = "\(folder.path)/text.png"
        try Data("this is text".utf8).write(to: URL(fileURLWithPath: text))
        let error = await #expect(throws: CodecError.self) { try await model.describe(imageAt: text) }
        #expect(error?.description.contains("text.png") == true)
        #expect(throws: SyrinxError.self) { try ImageReference.matching("\(folder.path)/*.none") }
    }

    @Test func `patterns match in alphabetical order`() throws {
        for name in ["b.png", "a.png"] { _ = try folder.image(name, .init(red: 0, green: 0, blue: 9)) }
        let names = try ImageReference.matching("\(folder.path)/?.png").map { $0.name.suffix(5) }
        #expect(names == ["a.png", "b.png"])
    }

    @Test func `a prompt file gives parts in order and says which part is wrong`() throws {
        let good = Array(#"[{"image": "a.png"}, {"text": "a red apple"}]"#.utf8)
        #expect(
            try PromptFile(good, name: "p.json").parts == [.init(.image(path: "a.png")), .init(.text("a red apple"))])
        let turns = Array(#"[{"text": "Hi"}, {"role": "assistant", "text": "Hello."}]"#.utf8)
        #expect(try PromptFile(turns, name: "p.json").parts.map(\.role) == [.user, .assistant])
        let bad = Array(#"[{"text": "x"}, {"text": "y", "image": "z"}]"#.utf8)
        let error = #expect(throws: SyrinxError.self) { try PromptFile(bad, name: "p.json") }
        #expect(error?.description.contains("part 2 of 2") == true)
        #expect(throws: SyrinxError.self) { try PromptFile(Array("{}".utf8), name: "p.json") }
        let stranger = #expect(throws: SyrinxError.self) {
            try PromptFile(Array(#"[{"text": "x", "role": "asistant"}]"#.utf8), name: "p.json")
        }
        #expect(stranger?.description.contains("did you mean 'assistant'?") == true)
    }
}

@Suite struct ChatSessionTests {
    @Test func `a later turn sees the earlier ones until the conversation is cleared`() async throws {
        let folder = try TinyFolder()
        let model = try Syrinx.load(folder.path)
        let chat = ChatSession(model, options: AnswerOptions(GenerationConfig(maxNewTokens: 6)))
        let image = try ImageReference(path: try folder.image("a.png", .init(red: 250, green: 10, blue: 10)))
        let first = try await chat.respond(to: "colours:", images: [image])
        let second = try await chat.respond(to: "name:")
        let all = Prompt([.image(image), "colours:"] + (first.isEmpty ? [] : [.text(first)]) + ["name:"])
        #expect(second == (try await model.answer(to: all, options: chat.options)).text)
        chat.clear()
        #expect(try await chat.respond(to: "colours:", images: [image]) == first)
    }

    @Test func `streamed pieces join to the turn's answer and errors leave the conversation usable`() async throws {
        let folder = try TinyFolder()
        let chat = ChatSession(try Syrinx.load(folder.path), options: AnswerOptions(GenerationConfig(maxNewTokens: 6)))
        await #expect(throws: SyrinxError.self) {
            try await chat.respond(to: String(repeating: "zq ", count: 200))
        }
        var text = ""
        for try await piece in chat.streamResponse(to: "name:") { text += piece }
        let other = ChatSession(chat.model, options: chat.options)
        #expect(try await other.respond(to: "name:") == text)
    }
}
