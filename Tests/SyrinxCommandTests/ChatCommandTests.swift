import Foundation
import TestSupport
import Testing

/// `syrinx chat` on folders that the published code saved.
@Suite("Chat on the command line", .blocks) struct ChatCommandTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("SyrinxModelsTests/Fixtures").path

    private func image(_ name: String) -> [String] { ["--image", "\(Self.fixtures)/mplug-owl/pictures/\(name)"] }

    @Test("a chat remembers images and turns, computes only what is new, and takes a turn back")
    func chat() throws {
        let lines = [
            "/image \(image("wide.jpg")[1])", "What is shown?", "Why?", "/undo", "Why?", "/clear", "/undo",
            "/nonsense",
        ]
        let run = try SyrinxProcess.run(
            ["chat", "--model", "\(Self.fixtures)/mplug-owl2/model", "--greedy", "--max-new-tokens", "6", "--verbose"],
            input: lines.joined(separator: "\n") + "\n", inputFromTerminal: true)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.components(separatedBy: "wide.jpg: JPEG").count == 4, "\(run.errors)")
        #expect(run.errors.components(separatedBy: "reused from the cache").count == 3, "\(run.errors)")
        let output = run.output.components(separatedBy: "Took back the last question and its answer.\n")
        #expect(output.count == 2)
        #expect(output[1].hasSuffix("The conversation starts anew.\n"))
        #expect(
            run.errors.hasSuffix(
                "error: there is no question to take back\nerror: /nonsense is not a command; /help lists them\n"))
        // Asked again, the second question gets the same answer.
        let again = try #require(output.last?.components(separatedBy: "The conversation").first)
        #expect(output[0].hasSuffix(again))
    }

    private func chat(
        _ system: String, _ arguments: [String] = [], _ lines: [String], environment: [String: String?] = [:],
        atTerminal: Bool = false
    ) throws -> SyrinxProcess {
        let options = ["--greedy", "--max-new-tokens", "6", "--verbose"]
        return try SyrinxProcess.run(
            ["chat", "--model", "\(Self.fixtures)/\(system)/model"] + options + arguments, environment: environment,
            input: lines.joined(separator: "\n") + "\n", inputFromTerminal: atTerminal)
    }

    private static let videos = fixtures + "/../../CodecsTests/Fixtures/videos"

    @Test(
        "a chat takes videos at its start and at any turn: one clip for the video model, images for others",
        arguments: [("mplug-owl-video", 6), ("mplug-owl2", 12)])
    func videoChat(system: String, tokensOfVideo: Int) throws {
        let run = try chat(
            system, ["--video", Self.videos + "/h264.mp4", "--frames", "2"],
            ["What moves?", "Why?", "/video \(Self.videos)/turned.mp4", "And here?"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.components(separatedBy: "h264.mp4: h264 in ").count == 4, "once an answer: \(run.errors)")
        #expect(run.errors.components(separatedBy: "turned.mp4: h264 in ").count == 2, "\(run.errors)")
        #expect(run.errors.components(separatedBy: " \(tokensOfVideo) video tokens").count == 3, "\(run.errors)")
        // One line a video, also where its frames are images.
        #expect(run.errors.components(separatedBy: ".mp4: ").count == 5, "\(run.errors)")
        let isEach = run.errors.contains(" of 23, each squareFirst to 20x20, \(tokensOfVideo) tokens")
        #expect(isEach == (system == "mplug-owl2"), "\(run.errors)")
        #expect(run.errors.components(separatedBy: " \(2 * tokensOfVideo) video tokens").count == 2, "\(run.errors)")
        let generated = try SyrinxProcess.run([
            "generate", "--model", "\(Self.fixtures)/\(system)/model", "--greedy", "--max-new-tokens", "6", "--video",
            Self.videos + "/h264.mp4", "--frames", "2", "What moves?",
        ])
        #expect(run.output.hasPrefix(generated.output) && generated.output.count > 1)
    }

    @Test("paths may be quoted, hold plain or escaped spaces, and begin at home")
    func typedPaths() throws {
        let folder = NSTemporaryDirectory() + "syrinx chat \(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cat = folder + "/my cat.png"
        try FileManager.default.copyItem(atPath: image("small.png")[1], toPath: cat)
        try FileManager.default.copyItem(atPath: Self.videos + "/h264.mp4", toPath: folder + "/a clip.mp4")
        let escaped = cat.replacingOccurrences(of: " ", with: "\\ ")
        let lines = [
            "/image \"\(cat)\"", "/image\t'\(cat)'", "/image \(cat)", "/image \(escaped)", "/image ~/my cat.png",
            "/video \"\(folder)/a clip.mp4\"", "/drop", "/drop", "/image", "/video", "/image \"\(folder)/none.png\"",
        ]
        let run = try chat("mplug-owl2", [], lines, environment: ["HOME": folder], atTerminal: true)
        #expect(run.status == 0 && run.errors.components(separatedBy: "error:").count == 4, "\(run.errors)")
        #expect(run.errors.contains("\(folder)/none.png"))
        #expect(
            run.output
                == "Removed: 5 images, 1 video.\nNo media wait for the next line.\n")
        #expect(
            run.errors.contains(
                "error: /image needs a path: /image photo.jpg\nerror: /video needs a path: /video clip.mp4\n"))
    }

    @Test("/undo gives images and videos back to the next line")
    func undoneMedia() throws {
        let shown = ["/image \(image("wide.jpg")[1])", "/video \(Self.videos)/h264.mp4", "What is shown?"]
        let run = try chat(
            "mplug-owl-video", [], shown + ["/undo", "What is shown?", "/undo", "/drop", "What is shown?"])
        #expect(run.status == 0, "\(run.errors)")
        let notice =
            "Took back the last question and its answer; 1 image, 1 video wait for the next line "
            + "(/drop removes them).\n"
        let answers = run.output.components(separatedBy: notice)
        try #require(answers.count == 3)
        #expect(answers[0] == answers[1] && answers[2].hasPrefix("Removed: 1 image, 1 video.\n"))
        #expect(run.errors.components(separatedBy: " 6 image tokens, 6 video tokens").count == 3, "\(run.errors)")
        #expect(run.errors.components(separatedBy: " 0 image tokens").count == 2, "\(run.errors)")
    }

    @Test("/adapter exchanges the adapter, says which is in use, and keeps it where another does not fit")
    func adapters() throws {
        let adapter = "\(Self.fixtures)/mplug-owl2/adapter", foreign = "\(Self.fixtures)/lora/safetensors"
        let run = try chat(
            "mplug-owl2", [],
            [
                "Why?", "/undo", "/adapter", "/adapter \(adapter)", "Why?", "/undo", "/adapter \(foreign)",
                "/adapter /none/here", "Why?", "/undo", "/adapter none", "Why?",
            ], atTerminal: true)
        #expect(run.status == 0, "\(run.errors)")
        let none = "no adapter is in use (/adapter PATH uses one)\n"
        let used = "the adapter \(adapter) is in use (/adapter none stops using it)\n"
        let undone = "Took back the last question and its answer.\n"
        let answers = run.output.components(separatedBy: undone)
        try #require(answers.count == 4, "\(run.output)")
        let base = answers[0]
        #expect(answers[1].hasPrefix(none + used))
        let adapted = answers[1].dropFirst((none + used).count)
        #expect(adapted != base)
        #expect(answers[2] == "Unchanged: " + used + "Unchanged: " + used + adapted)
        #expect(answers[3] == none + base)
        let errors = run.errors.split(separator: "\n").filter { $0.hasPrefix("error:") }
        try #require(errors.count == 2, "\(run.errors)")
        #expect(errors[0].contains("\(foreign) does not fit the model; 4 unexpected: "))
        #expect(errors[1] == "error: cannot read /none/here: no such folder")
    }

    @Test("an answer that the full context cuts is marked, and the next question is told how to make room")
    func fullContext() throws {
        let run = try chat(
            "mplug-owl2", ["--max-new-tokens", "500"], ["What is a cat?", "Why?", "/undo", "Why?"], atTerminal: true)
        #expect(run.status == 0, "\(run.errors)")
        let mark = " [cut: the context is full; make room with /undo or /clear]\n"
        #expect(run.output.components(separatedBy: mark).count == 3, "\(run.output)")
        #expect(run.errors.contains("context holds 256"), "\(run.errors)")
        #expect(run.errors.contains("fewer images, or make room with /undo or /clear\n"), "\(run.errors)")
    }

    @Test(
        "from a pipe, the first line that fails ends the chat with its status, and nothing is answered without its image",
        arguments: [
            (["/image /none/there.png", "What is shown?"], "line 1 of standard input: /none/there.png: "),
            (["/help", "/video /none/there.mp4", "What moves?"], "line 2 of standard input: /none/there.mp4: "),
            (["\u{FEFF}/image /none/there.png", "What is shown?"], "line 1 of standard input: /none/there.png: "),
            (["Was hei\u{FFFD}t das?", "Why?"], "line 1 of standard input: the line has bytes that are not UTF-8"),
            (["/image /none/*.png", "What is shown?"], "no file matches /none/*.png"),
            ([String(repeating: "why ", count: 300), "Why?"], "line 1 of standard input: the prompt has "),
            (["/adapter /none/here", "Why?"], "no such folder"),
            (["/undo", "Why?"], "there is no question to take back"),
            (["/image", "Why?"], "/image needs a path"), (["/imgae a.png", "Why?"], "/imgae is not a command"),
            (["What is <image> here?", "Why?"], "1 <image> placeholder, but 0 images were given"),
        ])
    func failingScript(lines: [String], expected: String) throws {
        let run = try chat("mplug-owl2", [], lines)
        #expect(run.status == 2, "\(run.errors)")
        #expect(run.errors.contains("error: ") && run.errors.contains(expected), "\(run.errors)")
        #expect(!run.errors.contains("ended by"), "nothing is answered: \(run.output)")
    }

    @Test("a mark in a line says where the waiting image stands, as in generate, and a backslash makes it text")
    func marks() throws {
        func generated(_ arguments: [String]) throws -> String {
            try SyrinxProcess.run(
                ["generate", "--model", "\(Self.fixtures)/mplug-owl2/model", "--greedy", "--max-new-tokens", "6"]
                    + arguments
            ).output
        }
        let wide = "/image \(image("wide.jpg")[1])"
        for question in ["Is <image> wide?", #"What does \<image> mean?"#] {
            let run = try chat("mplug-owl2", [], [wide, question])
            #expect(run.status == 0 && run.errors.contains(" 6 image tokens"), "\(run.errors)")
            #expect(run.output == (try generated(image("wide.jpg") + [question])))
        }
        let plain = try chat("mplug-owl2", [], [#"What does \<image> mean?"#])
        #expect(plain.status == 0 && plain.errors.contains(" 0 image tokens"), "\(plain.errors)")
        #expect(plain.output == (try generated([#"What does \<image> mean?"#])))
    }
}
