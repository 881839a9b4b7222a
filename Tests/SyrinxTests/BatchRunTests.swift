import Foundation
import Generation
import Media
import Processors
import Syrinx
import Testing
import TinyModels

@Suite("A batch of questions") struct BatchRunTests {
    private let folder: TinyFolder
    private let model: SyrinxModel

    init() throws {
        folder = try TinyFolder()
        model = try Syrinx.load(folder.path)
        for (name, colour) in [("red", RGB(red: 200, green: 0, blue: 0)), ("blue", RGB(red: 0, green: 0, blue: 200))] {
            _ = try folder.image("\(name).png", colour)
        }
    }

    /// Twenty-six good questions and four bad ones, in the folder of the images.
    private func questions() throws -> String {
        var lines = (0..<26).map { number in
            switch number % 4 {
            case 0: #"{"id": "q\#(number)", "prompt": "name: \#(number)"}"#
            case 1: #"{"id": "q\#(number)", "prompt": "<image> colours:", "images": ["red.png"]}"#
            case 2:
                #"{"prompt": "<image>apple<image>frog \#(number)", "images": ["red.png", "blue.png"], "seed": \#(number)}"#
            default: #"{"id": "q\#(number)", "prompt": "", "images": ["blue.png"]}"#
            }
        }
        lines.insert(#"{"id": "lost", "prompt": "x", "images": ["nowhere.png"]}"#, at: 3)
        lines.insert(#"{"id": "long", "prompt": "\#(String(repeating: "qx ", count: 200))"}"#, at: 9)
        lines.insert("", at: 10)
        lines.insert(#"{"prompt": "x", "#, at: 12)
        lines.append(#"{"id": "odd", "promt": "x"}"#)
        let path = "\(folder.path)/questions.jsonl"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private var settings: BatchRun.Settings {
        var settings = BatchRun.Settings(AnswerOptions(GenerationConfig(maxNewTokens: 8)))
        settings.batchSize = 3
        return settings
    }

    private func run(
        _ input: String, output: String, settings: BatchRun.Settings? = nil, options: [String: String] = [:],
        isCancelled: () -> Bool = { false }
    ) throws -> (outcome: BatchRun.Outcome, lines: [[String: Any]]) {
        let outcome = try BatchRun(model, try BatchInput(linesOf: input), settings: settings ?? self.settings).run(
            output: output, modelFingerprint: "m", options: options, isCancelled: isCancelled)
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
        }
        return (outcome, lines)
    }

    @Test func `Answers come in the order of the questions and equal those given alone`() throws {
        let output = "\(folder.path)/answers.jsonl"
        let (outcome, lines) = try run(try questions(), output: output)
        #expect(outcome.count == 30 && outcome.completedCount == 30 && outcome.errorCount == 4)
        #expect(lines.count == 30)
        // The empty line counts as a line of the file, but is no question.
        #expect(lines[2]["id"] as? String == "3" && lines[11]["id"] as? String == "13")
        for (index, line) in lines.enumerated() where line["error"] == nil {
            let number = index - [3, 9, 11].count { $0 < index }
            let images = try ["red", "blue"].map { try ImageReference(path: "\(folder.path)/\($0).png") }
            let prompt: Prompt =
                switch number % 4 {
                case 0: Prompt("name: \(number)")
                case 1: try Prompt("<image> colours:", images: [images[0]], videos: [])
                case 2: try Prompt("<image>apple<image>frog \(number)", images: images, videos: [])
                default: Prompt("", images: [images[1]])
                }
            let alone = try model.respond(to: try model.prepare(prompt), options: settings.options)
            #expect(line["answer"] as? String == alone.text, "question \(index + 1)")
            let usage = try #require(line["usage"] as? [String: Int])
            #expect(usage["image_token_count"] == alone.usage.imageTokenCount)
            #expect(usage["text_token_count"] == alone.usage.textTokenCount)
            #expect(usage["generated_token_count"] == alone.usage.generatedTokenCount)
            #expect(line["stop_reason"] as? String == alone.stopReason.rawValue)
            #expect(line["seed"] as? Int == (number % 4 == 2 ? number : 0))
            let accounts = try #require(line["pictures"] as? [[String: Any]])
            #expect(accounts.count == alone.images.count)
            #expect(accounts.allSatisfy { $0["width"] as? Int == 20 && $0["token_count"] as? Int == 4 })
        }
    }

    @Test func `A bad question is one line with its reason`() throws {
        let (_, lines) = try run(try questions(), output: "\(folder.path)/answers.jsonl")
        func error(_ index: Int) -> String { lines[index]["error"] as? String ?? "" }
        #expect(lines[3]["id"] as? String == "lost" && lines[3].count == 2)
        #expect(error(3).contains("nowhere.png: ") && error(3).contains("No such file"))
        #expect(error(9).contains("the model's context holds 96"))
        #expect(error(11).contains("the line is not a readable question") && error(11).contains("at byte"))
        #expect(
            error(29).contains(
                "the line is not a readable question: the key 'promt' is not one of id, question_id, questionId, prompt,"
            )
                && error(29).contains("did you mean 'prompt'?"))
    }

    @Test func `A run that is stopped anywhere and gone on with gives the very same file`() throws {
        let input = try questions()
        let whole = "\(folder.path)/whole.jsonl"
        _ = try run(input, output: whole)
        let expected = try Data(contentsOf: URL(fileURLWithPath: whole))
        var cuts = [0, 1, expected.count - 1]
        cuts += stride(from: 97, to: expected.count, by: expected.count / 5)
        for cut in cuts {
            let output = "\(folder.path)/cut-\(cut).jsonl"
            try FileManager.default.copyItem(atPath: whole + ".batch.json", toPath: output + ".batch.json")
            try expected.prefix(cut).write(to: URL(fileURLWithPath: output))
            let (outcome, _) = try run(input, output: output)
            #expect(try Data(contentsOf: URL(fileURLWithPath: output)) == expected, "cut at byte \(cut)")
            #expect(outcome.resumedCount == expected.prefix(cut).count { $0 == 0x0A })
            #expect(outcome.errorCount == 4)
        }
        var asked = 0
        let stopped = "\(folder.path)/stopped.jsonl"
        let (half, lines) = try run(
            input, output: stopped,
            isCancelled: {
                asked += 1
                return asked > 80
            })
        #expect(half.completedCount < 30 && half.completedCount == lines.count && lines.count > 0)
        _ = try run(input, output: stopped)
        #expect(try Data(contentsOf: URL(fileURLWithPath: stopped)) == expected)
    }

    @Test func `The answers of another model, input or option are not gone on with`() throws {
        let input = try questions()
        let output = "\(folder.path)/answers.jsonl"
        _ = try run(input, output: output, options: ["--top-k": "3"])
        func refusal(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(
            refusal { _ = try run(input, output: output, options: ["--top-k": "5"]) }
                == "\(output) has answers with another --top-k (3 there, 5 here); give another --output, or remove it"
        )
        var wide = settings
        wide.batchSize = 4
        #expect(
            refusal { _ = try run(input, output: output, settings: wide, options: ["--top-k": "3"]) }
                .contains("with another --batch-size (3 there, 4 here)"))
        wide.batchSize = nil
        #expect(try run(input, output: output, settings: wide, options: ["--top-k": "3"]).outcome.batchSize == 3)
        #expect(
            refusal {
                _ = try BatchRun(model, try BatchInput(linesOf: input), settings: settings).run(
                    output: output, modelFingerprint: "n", options: ["--top-k": "3"])
            }.contains("answers of another model ("))
        try Data("{\"prompt\": \"x\"}\n".utf8).write(to: URL(fileURLWithPath: input))
        #expect(
            refusal { _ = try run(input, output: output, options: ["--top-k": "3"]) }
                .contains("answers to other questions ("))
        // What is left beside answers that were removed says nothing.
        try FileManager.default.removeItem(atPath: output)
        #expect(try run(input, output: output, options: ["--top-k": "5"]).outcome.completedCount == 1)
        #expect(refusal { _ = try run(input, output: output, options: ["--top-k": "3"]) }.contains("5 there, 3 here"))
        let foreign = "\(folder.path)/config.json"
        #expect(refusal { _ = try run(input, output: foreign) }.contains("exists without \(foreign).batch.json"))
    }

    @Test func `Lines that were taken out are noticed, and an empty file is begun anew with other options`() throws {
        let input = try questions()
        let output = "\(folder.path)/answers.jsonl"
        let (_, lines) = try run(input, output: output, options: ["--top-k": "3"])
        let text = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
        // Without the errors, as somebody does it who wants them asked again.
        let kept = zip(text, lines).filter { $1["error"] == nil }.map { $0.0 + "\n" }
        try Data(kept.joined().utf8).write(to: URL(fileURLWithPath: output))
        let error = #expect(throws: SyrinxError.self) { try run(input, output: output, options: ["--top-k": "3"]) }
        #expect(
            error?.description.contains("line 4 of \(output) answers \"q3\", but \"lost\" is expected") == true,
            "\(error as Any)")
        try Data().write(to: URL(fileURLWithPath: output))
        #expect(try run(input, output: output, options: ["--top-k": "5"]).outcome.completedCount == 30)
    }

    @Test func `A line of zeros is a bad question, and a line of spaces is none`() throws {
        let path = "\(folder.path)/zeros.jsonl"
        try Data("{\"prompt\": \"name:\"}\n\0\0\0\n \t\r\n{\"prompt\": \"x\"}\n".utf8)
            .write(to: URL(fileURLWithPath: path))
        let (outcome, lines) = try run(path, output: "\(folder.path)/answers.jsonl")
        #expect(outcome.count == 3 && outcome.errorCount == 1)
        #expect(lines.map { $0["id"] as? String } == ["1", "2", "4"] && lines[1]["error"] != nil)
    }

    @Test func `Of a model whose scores are no numbers every question has an error, and the run goes to its end`()
        throws
    {
        try folder.fillWeightsWithNaN()
        let broken = try Syrinx.load(folder.path)
        let input = BatchInput(files: ["red", "blue"].map { "\(folder.path)/\($0).png" }, question: "colours:")
        let output = "\(folder.path)/answers.jsonl"
        let outcome = try BatchRun(broken, input, settings: settings).run(
            output: output, modelFingerprint: "m", options: [:])
        #expect(outcome.completedCount == 2 && outcome.errorCount == 2)
        #expect(
            try String(contentsOfFile: output, encoding: .utf8).contains("the model's logits are NaN or infinite"))
    }

    @Test func `A folder's images are taken by content, each with the question`() throws {
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/media/.thumbs", withIntermediateDirectories: true)
        for name in ["b.png", "a.dat"] {
            try FileManager.default.copyItem(
                atPath: "\(folder.path)/red.png", toPath: "\(folder.path)/media/\(name)")
        }
        try Data("text".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/media/c.png"))
        try FileManager.default.createSymbolicLink(
            atPath: "\(folder.path)/media/d.png", withDestinationPath: "nowhere.png")
        let (files, leftOut) = try BatchInput.images(at: "\(folder.path)/media")
        #expect(files.map { $0.split(separator: "/").last } == ["a.dat", "b.png"])
        #expect(leftOut.count == 2 && leftOut.reasons == ": 1 of no known format, 1 unreadable")
        let output = "\(folder.path)/colours.jsonl"
        let input = BatchInput(files: files, question: "colours:")
        let outcome = try BatchRun(model, input, settings: settings).run(
            output: output, modelFingerprint: "m", options: [:])
        #expect(outcome.completedCount == 2 && outcome.errorCount == 0)
        let text = try String(contentsOfFile: output, encoding: .utf8)
        #expect(text.contains("\"id\":\"\(files[0])\""))
        #expect(BatchInput(files: files, question: "name:").fingerprint != input.fingerprint)
    }

    @Test func `A folder's videos are taken by content`() throws {
        let videos = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("CodecsTests/Fixtures/videos").path
        let media = "\(folder.path)/media"
        try FileManager.default.createDirectory(atPath: "\(media)/more", withIntermediateDirectories: true)
        for (name, copy) in [("h264.mp4", "b.dat"), ("odd.avi", "a.avi"), ("odd.avi.rgb", "c"), ("sound.ogg", "d.mp4")]
        {
            try FileManager.default.copyItem(atPath: "\(videos)/\(name)", toPath: "\(media)/\(copy)")
        }
        try FileManager.default.copyItem(atPath: "\(folder.path)/red.png", toPath: "\(media)/red.png")
        try FileManager.default.copyItem(atPath: "\(videos)/h264.mp4", toPath: "\(media)/.hidden.mp4")
        // A video cut short is one: its line says what is wrong.
        try Data(contentsOf: URL(fileURLWithPath: "\(videos)/plain.webm")).prefix(500)
            .write(to: URL(fileURLWithPath: "\(media)/e.webm"))
        let (files, leftOut) = try BatchInput.videos(at: media)
        #expect(files.map { $0.split(separator: "/").last } == ["a.avi", "b.dat", "e.webm"] && leftOut.count == 3)
        let error = #expect(throws: SyrinxError.self) { try BatchInput.videos(at: folder.path) }
        #expect(error?.description.hasPrefix("the folder \(folder.path) has no video among its ") == true)
        #expect(try BatchInput.videos(at: "\(media)/red.png").files == ["\(media)/red.png"])
    }

    @Test func `What differs is named: the question about each file, or the files`() throws {
        let output = "\(folder.path)/asked.jsonl"
        let files = ["red", "blue"].map { "\(folder.path)/\($0).png" }
        func ask(_ files: [String], _ question: String) throws -> BatchRun.Outcome {
            try BatchRun(model, BatchInput(files: files, question: question), settings: settings).run(
                output: output, modelFingerprint: "m", options: [:])
        }
        // A file that is named twice counts once.
        #expect(try ask(files + [files[0]], "colours:").count == 2)
        func refusal(_ files: [String], _ question: String) -> String {
            let error = #expect(throws: SyrinxError.self) { try ask(files, question) }
            return error?.description ?? ""
        }
        #expect(
            refusal(files, "name:")
                == "\(output) has answers to another question (\"colours:\" there, \"name:\" here); give another "
                + "--output, or remove it")
        #expect(refusal(files, String(repeating: "why ", count: 50)).contains("why w...\" of 200 characters here"))
        #expect(refusal([files[0]], "colours:").contains("answers about other files (2 images, SHA-256 "))
    }

    @Test func `Two lines with one id are refused with both numbers, also where one's id is its number`() throws {
        func refusal(_ lines: [String]) throws -> String {
            let path = "\(folder.path)/twice.jsonl"
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: SyrinxError.self) { _ = try BatchInput(linesOf: path) }
            return error.map { $0.description.replacingOccurrences(of: path, with: "FILE") } ?? ""
        }
        let lines = [#"{"id": "4", "prompt": "a"}"#, "", #"{"id": "x", "prompt": "b"}"#]
        #expect(
            try refusal(lines + [#"{"id": "y", "prompt": "c"}"#, #"{"id": "x", "prompt": "b"}"#])
                == "FILE: lines 3 and 5 have the same id \"x\"; give every question a unique id")
        #expect(
            try refusal(lines + [#"{"prompt": "c"}"#])
                == "FILE: lines 1 and 4 have the same id \"4\" (the default id is the line's number); give every question "
                + "a unique id")
    }

    @Test func `A file that one run is writing is closed to another`() throws {
        let input = try questions()
        let output = "\(folder.path)/answers.jsonl"
        var inner = ""
        _ = try BatchRun(model, try BatchInput(linesOf: input), settings: settings).run(
            output: output, modelFingerprint: "m", options: [:],
            onProgress: { _ in
                do { _ = try run(input, output: output) } catch { inner = "\(error)" }
            })
        #expect(inner == "another process is writing \(output); wait until it ends, or give another --output")
    }

    @Test func `Answers computed alone as well are compared`() throws {
        var settings = settings
        settings.checksAlone = true
        let (outcome, _) = try run(try questions(), output: "\(folder.path)/answers.jsonl", settings: settings)
        let agreement = try #require(outcome.agreement)
        #expect(agreement.itemCount == 26 && agreement.identicalCount == 26 && agreement.stepCount > 26)
        #expect(agreement.largestRelativeDifference < 1e-5)
    }
}
