import Media
import Processors
import Syrinx
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Marks and templates beside scalars that Swift makes one character with them.
@Suite struct ScalarPromptTests {
    private let folder: TinyFolder
    private let model: SyrinxModel

    init() throws {
        folder = try TinyFolder()
        model = try Syrinx.load(folder.path)
        _ = try folder.image("red.png", RGB(red: 200, green: 0, blue: 0))
    }

    private func tokens(_ prompt: PreparedPrompt) -> [Int] {
        prompt.input.tokenIDs.array(of: Int64.self).map(Int.init)
    }

    @Test(arguments: CombiningScalars.all)
    func `An image stands at its mark beside any scalar`(scalar: String) throws {
        let red = try ImageReference(path: "\(folder.path)/red.png")
        for mark in ["<image>", "<|image|>"] {
            let marked = try Prompt("USER: \(scalar)\(mark)\(scalar)x", images: [red], videos: [], keepsSpaces: true)
            let parts = Prompt([.text("USER: \(scalar)"), .image(red), .text("\(scalar)x")])
            #expect(tokens(try model.prepare(marked)) == tokens(try model.prepare(parts)))
            #expect(throws: SyrinxError.self) { try Prompt("\(mark)\(scalar)", images: [], videos: []) }
            let literal = try Prompt("\(scalar)\\\(mark)\(scalar)", images: [], videos: [])
            #expect(
                tokens(try model.prepare(literal)) == tokens(try model.prepare(Prompt("\(scalar)\(mark)\(scalar)"))))
        }
    }

    @Test(arguments: CombiningScalars.all)
    func `A template writes what is said scalar by scalar`(scalar: String) throws {
        // The lines' template drops white space around images, and never an accent on a space.
        let red = try ImageReference(path: "\(folder.path)/red.png")
        let messages = [Message(role: .user, content: [.text(" \(scalar)a "), .image(red), .text(" \(scalar)b")])]
        let parts = try ChatTemplate.mplugOwl.parts(of: messages)
        let texts = parts.compactMap { if case .content(.text(let text), _) = $0 { text } else { nil } }
        #expect(
            texts[0].utf8.elementsEqual(
                ((ChatTemplate.mplugOwl.systemPrompt ?? "") + "\nHuman: \(scalar)a\nHuman: ").utf8))
        #expect(texts[1].utf8.starts(with: "\nHuman: \(scalar)b".utf8))
    }

    @Test(arguments: [#"[{"text": "What is <image>?"}]"#, #"[{"role": "assistant", "text": "a <|video|>\u0301"}]"#])
    func `A mark in a part of a file, which nothing can stand for, is refused`(text: String) throws {
        let error = #expect(throws: SyrinxError.self) { try PromptFile(Array(text.utf8), name: "FILE") }
        #expect(
            error?.description.hasPrefix("FILE: part 1 of 1: its text has the placeholder <") == true, "\(error as Any)"
        )
        let escaped = try PromptFile(Array(#"[{"text": "What is \\<image>?"}]"#.utf8), name: "FILE")
        #expect(escaped.parts == [.init(.text("What is <image>?"))])
        let unknown = #expect(throws: SyrinxError.self) {
            try PromptFile(Array(#"[{"text": "a", "vidoe": "b"}]"#.utf8), name: "FILE")
        }
        #expect(unknown?.description.contains("'vidoe'") == true)
    }
}
