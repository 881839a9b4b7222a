import Foundation
import Testing

/// `syrinx generate` and `syrinx chat` on folders that the published code saved.
@Suite("Conversation on the command line") struct ConversationCommandTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("SyrinxModelsTests/Fixtures").path

    private struct Published: Decodable {
        let picture: String?
        let mode: String?
        let prompt: String
        let text: String
    }

    private func generate(_ system: String, _ arguments: [String]) throws -> SyrinxProcess {
        try SyrinxProcess.run(["generate", "--model", "\(Self.fixtures)/\(system)/model"] + arguments)
    }

    private func picture(_ name: String) -> [String] { ["--image", "\(Self.fixtures)/mplug-owl/pictures/\(name)"] }

    /// The text of a JSON answer, and the object.
    private func answer(_ run: SyrinxProcess) throws -> (text: String, object: [String: Any]) {
        #expect(run.status == 0, "\(run.errors)")
        let object = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        return (object["text"] as? String ?? "", object)
    }

    @Test("a bare question is answered as the published code answers it in its template, in every picture mode")
    func publishedAnswers() throws {
        let modes = ["resize": "squareFirst", "pad": "padMean", "none": "shortestSideCrop"]
        for system in ["mplug-owl", "mplug-owl2"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/\(system)/answers.json"))
            for expected in try JSONDecoder().decode([Published].self, from: data) {
                // Of mPLUG-Owl, the fixture's prompts have no system line.
                let question = expected.picture == nil ? "What is a cat?" : "How many cats are there?"
                #expect(expected.prompt.contains(question))
                let mode = expected.mode.map { ["--picture-mode", modes[$0] ?? "squash"] } ?? []
                let run = try generate(
                    system,
                    ["--greedy", "--max-new-tokens", "20", "--json", "--system", "", question] + mode
                        + (expected.picture.map(picture) ?? []))
                let found = try answer(run)
                #expect(found.text == expected.text.trimmingCharacters(in: .whitespaces))
                #expect(found.object["template"] as? String == system)
            }
        }
    }

    @Test("an evaluation asks in the model's template: its captions are the answers that generate gives")
    func evaluatedInTemplate() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let names = ["wide.jpg", "tall.png", "small.png"]
        let lines = names.map { name in
            "{\"image\": \"\(Self.fixtures)/mplug-owl2/pictures/\(name)\", \"id\": \"\(name)\", \"caption\": \"a cat\"}\n"
        }
        try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: folder + "/mine.jsonl"))
        let question = "How many cats are there?"
        let run = try SyrinxProcess.run([
            "evaluate", "--model", "\(Self.fixtures)/mplug-owl2/model", "--corpus", folder + "/mine.jsonl", "--tasks",
            "captioning", "--question", question, "--output", folder + "/scores",
        ])
        #expect(run.status == 0, "\(run.errors)")
        let log = try String(contentsOfFile: folder + "/scores/predictions.jsonl", encoding: .utf8)
        let answers = try log.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        for name in names {
            let generated = try generate(
                "mplug-owl2",
                [
                    "--greedy", "--max-new-tokens", "64", question, "--image",
                    "\(Self.fixtures)/mplug-owl2/pictures/\(name)",
                ])
            let firstLine = generated.output.split(separator: "\n").first.map(String.init) ?? ""
            let evaluated = answers.first { $0["id"] as? String == name }?["generated"] as? String
            #expect(evaluated?.isEmpty == false)
            #expect(evaluated == firstLine.trimmingCharacters(in: .whitespaces), "\(name)")
        }
    }

    @Test("without options it samples as the README does, the same each time, and says so")
    func recommendedSampling() throws {
        let first = try generate("mplug-owl2", ["--verbose", "--max-new-tokens", "12", "Why?"])
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains("template: mplug-owl2\n"))
        #expect(first.errors.contains("temperature 0.7, top-k 50, top-p 1.0, seed 0, up to 12 tokens"))
        #expect(try generate("mplug-owl2", ["--max-new-tokens", "12", "Why?"]).output == first.output)
        let other = try generate("mplug-owl2", ["--max-new-tokens", "12", "--seed", "4", "Why?"])
        #expect(other.output != first.output)
        let whole = try generate("mplug-owl", ["--json", "Why?"])
        #expect(
            try answer(whole).object["sampling"] as? [String: Double] == [
                "max_new_tokens": 511, "temperature": 1, "top_k": 5, "top_p": 1,
            ])
    }

    @Test("few-shot prompts, several pictures, raw prompts and conversations from a file are laid out as they say")
    func layouts() throws {
        func tokens(_ arguments: [String]) throws -> [Int] {
            let run = try generate("mplug-owl2", ["--greedy", "--max-new-tokens", "4", "--json"] + arguments)
            let usage = try #require(answer(run).object["usage"] as? [String: Int])
            return [usage["text_token_count"] ?? 0, usage["image_token_count"] ?? 0]
        }
        let two = picture("small.png") + picture("wide.jpg")
        let plain = try tokens(two + ["Which?"])
        #expect(plain[1] == 12)
        #expect(try tokens(two + ["--raw", "USER: <image><image>Which? ASSISTANT:"]) == plain)
        let example = ["--example", picture("small.png")[1], "One."]
        #expect(try tokens(picture("wide.jpg") + ["Which?"] + example)[1] == 12)
        let file = NSTemporaryDirectory() + "syrinx-turns-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(
            """
            [{"image": "\(picture("small.png")[1])"}, {"text": "Which?"}, {"role": "assistant", "text": "One."}]
            """.utf8
        ).write(to: URL(fileURLWithPath: file))
        #expect(
            try tokens(["--prompt-file", file] + picture("wide.jpg") + ["Which?"])
                == tokens(picture("wide.jpg") + ["Which?"] + example))
        let raw = try generate("mplug-owl2", ["--raw", "--prompt-file", file])
        #expect(raw.status == 2 && raw.errors.contains("leave --raw out"))
    }

    @Test("with --each, examples are computed once")
    func sharedExamples() throws {
        let run = try generate(
            "mplug-owl2",
            ["--greedy", "--max-new-tokens", "4", "--json", "--each", "--example", picture("small.png")[1], "One."]
                + picture("wide.jpg") + picture("tall.png") + ["Which?"])
        #expect(run.status == 0, "\(run.errors)")
        let cached = try run.output.split(separator: "\n").map { line -> Int in
            let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            return (object["usage"] as? [String: Int])?["cached_token_count"] ?? -1
        }
        #expect(cached.count == 2 && cached[0] == 0 && cached[1] > 20)
    }

    @Test(
        "wrong names and counts are one sentence",
        arguments: [
            (["--template", "mplugowl2", "Why?"], "did you mean 'mplug-owl2'?"),
            (["--picture-mode", "squarefirst", "Why?"], "did you mean 'squareFirst'?"),
            (["--raw", "--template", "document", "Why?"], "--raw takes the prompt as it is"),
            (["--greedy", "--temperature", "1", "Why?"], "give one of them"),
            (["<image> and <image>", "--image", "PICTURE"], "2 <image> markers, but 1 picture was given"),
        ])
    func badInput(arguments: [String], message: String) throws {
        let run = try generate("mplug-owl2", arguments.map { $0 == "PICTURE" ? picture("small.png")[1] : $0 })
        #expect(run.status == 2 && run.output.isEmpty)
        #expect(run.errors.contains(message), "\(run.errors)")
    }

    @Test("a chat remembers pictures and turns, computes only what is new, and takes a turn back")
    func chat() throws {
        let lines = [
            "/image \(picture("wide.jpg")[1])", "What is shown?", "Why?", "/undo", "Why?", "/clear", "/undo",
            "/nonsense",
        ]
        let run = try SyrinxProcess.run(
            ["chat", "--model", "\(Self.fixtures)/mplug-owl2/model", "--greedy", "--max-new-tokens", "6", "--verbose"],
            input: lines.joined(separator: "\n") + "\n")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.components(separatedBy: "wide.jpg: JPEG").count == 4, "\(run.errors)")
        #expect(run.errors.components(separatedBy: "kept from before").count == 3, "\(run.errors)")
        let output = run.output.components(separatedBy: "The last question and its answer are taken back.\n")
        #expect(output.count == 2)
        #expect(
            output[1].contains(
                "The conversation is forgotten.\nThere is nothing to take back.\n/nonsense is not a command"))
        // Asked again, the second question gets the same answer.
        let again = try #require(output.last?.components(separatedBy: "The conversation").first)
        #expect(output[0].hasSuffix(again))
    }
}
