import Foundation
import TestSupport
import Testing

/// `syrinx generate` and `syrinx chat` on folders that the published code saved.
@Suite("Conversation on the command line", .blocks) struct ConversationCommandTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("SyrinxModelsTests/Fixtures").path

    private struct Published: Decodable {
        let image: String?
        let mode: String?
        let prompt: String
        let text: String

        private enum CodingKeys: String, CodingKey {
            case mode, prompt, text
            case image = "picture"
        }
    }

    private func generate(_ system: String, _ arguments: [String]) throws -> SyrinxProcess {
        try SyrinxProcess.run(["generate", "--model", "\(Self.fixtures)/\(system)/model"] + arguments)
    }

    private func image(_ name: String) -> [String] { ["--image", "\(Self.fixtures)/mplug-owl/pictures/\(name)"] }

    /// The text of a JSON answer, and the object.
    private func answer(_ run: SyrinxProcess) throws -> (text: String, object: [String: Any]) {
        #expect(run.status == 0, "\(run.errors)")
        let object = try #require(JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        return (object["text"] as? String ?? "", object)
    }

    @Test("a bare question is answered as the published code answers it in its template, in every image mode")
    func publishedAnswers() throws {
        let modes = ["resize": "squareFirst", "pad": "padMean", "none": "shortestSideCrop"]
        for system in ["mplug-owl", "mplug-owl2"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/\(system)/answers.json"))
            for expected in try nonempty(JSONDecoder().decode([Published].self, from: data)) {
                // Of mPLUG-Owl, the fixture's prompts have no system line.
                let question = expected.image == nil ? "What is a cat?" : "How many cats are there?"
                #expect(expected.prompt.contains(question))
                let mode = expected.mode.map { ["--picture-mode", modes[$0] ?? "squash"] } ?? []
                let run = try generate(
                    system,
                    ["--greedy", "--max-new-tokens", "20", "--json", "--system", "", question] + mode
                        + (expected.image.map(image) ?? []))
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
        #expect(
            run.output.contains("skipped: captioning: CIDEr-D, which weighs a word")
                && !run.output.contains("CIDEr-D  "))
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

    @Test("an evaluation on LLaVA's JSON puts every question alone, and scores the answers that generate gives")
    func evaluatedOnQuestions() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func image(_ name: String) -> String { "\(Self.fixtures)/mplug-owl2/pictures/\(name)" }
        func generated(_ name: String, _ question: String) throws -> String {
            try generate(
                "mplug-owl2", ["--greedy", "--max-new-tokens", "64", question, "--image", image(name)]
            ).output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let (many, why) = ("How many cats are there?", "Why?")
        let right = try generated("wide.jpg", many)
        func record(_ id: String, _ file: String?, _ turns: [(String, String)]) -> [String: Any] {
            var record: [String: Any] = ["id": id]
            record["image"] = file.map(image)
            record["conversations"] = turns.enumerated().flatMap { place, turn in
                let mark = place == 0 && file != nil ? "<image>\n" : ""
                return [["from": "human", "value": mark + turn.0], ["from": "gpt", "value": turn.1]]
            }
            return record
        }
        let records = [
            record("a", "wide.jpg", [(many, right), (why, "no")]), record("b", "tall.png", [(many, "no")]),
            record("c", nil, [(many, "no")]),
        ]
        try JSONSerialization.data(withJSONObject: records).write(to: URL(fileURLWithPath: folder + "/held.json"))
        let arguments = [
            "evaluate", "--model", "\(Self.fixtures)/mplug-owl2/model", "--corpus", folder + "/held.json", "--output",
            folder + "/scores",
        ]
        let run = try SyrinxProcess.run(arguments)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("exactly one image or have no answer: 1\n"))
        #expect(run.output.contains("blank picture") && run.output.contains("majority of these items"))
        let log = try String(contentsOfFile: folder + "/scores/predictions.jsonl", encoding: .utf8)
        let answers = try log.split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(answers.map { $0["id"] as? String } == ["a#1", "b#1", "a#2"])
        #expect(answers.map { $0["source"] as? String } == [many, many, why])
        #expect(answers[0]["generated"] as? String == right)
        #expect((answers[0]["scores"] as? [String: Double])?["exact match"] == 1)
        #expect(answers[1]["generated"] as? String == (try generated("tall.png", many)))
        #expect((answers[1]["scores"] as? [String: Double])?["exact match"] == 0)
        #expect(answers[2]["generated"] as? String == (try generated("wide.jpg", why)))
        // The majority answer to a question is right for one of its two items.
        let majority = answers.prefix(2).compactMap {
            ($0["controls"] as? [String: Double])?["majority of these items, exact match"]
        }
        #expect(majority.sorted() == [0, 1])
        // A question file is answered alike by evaluate, batch and generate.
        let asked = #"{"question_id": 5, "image": "wide.jpg", "text": "\#(many)", "label": "no"}"#
        try Data(asked.utf8).write(to: URL(fileURLWithPath: folder + "/asked.jsonl"))
        let images = ["--images", "\(Self.fixtures)/mplug-owl2/pictures"]
        let question = try SyrinxProcess.run(
            arguments.prefix(3) + images + ["--corpus", folder + "/asked.jsonl", "--output", folder + "/asked"])
        #expect(question.status == 0, "\(question.errors)")
        func line(_ name: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: folder + name))
            return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let scored = try line("/asked/predictions.jsonl")
        #expect(scored["id"] as? String == "5" && scored["generated"] as? String == right)
        let batch = try SyrinxProcess.run(
            ["batch"] + arguments[1..<3] + images + [
                "--input", folder + "/asked.jsonl", "--output", folder + "/answers.jsonl", "--greedy",
                "--max-new-tokens", "64", "--log-probabilities",
            ])
        #expect(batch.status == 0, "\(batch.errors)")
        let answered = try line("/answers.jsonl")
        #expect(answered["id"] as? Int == 5 && answered["answer_log_probabilities"] is [Double])
        #expect((answered["answer"] as? String)?.trimmingCharacters(in: .whitespacesAndNewlines) == right)
        // A model without a template cannot be asked, and captions are not what these data have.
        let captions = try SyrinxProcess.run(arguments.dropLast() + [folder + "/captions", "--tasks", "captioning"])
        #expect(captions.status == 2 && captions.errors.contains("no item has a caption"), "\(captions.errors)")
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

    @Test("the JSON of an answer has the ids of prompt and answer, and their likelihoods where they are asked for")
    func tokenIDs() throws {
        let options = ["--greedy", "--max-new-tokens", "5", "--json", "What is a cat?"]
        let plain = try answer(try generate("mplug-owl2", options + image("small.png"))).object
        let prompt = try #require(plain["prompt_token_ids"] as? [Int])
        let usage = try #require(plain["usage"] as? [String: Int])
        #expect(prompt.count == (usage["text_token_count"] ?? 0) + (usage["image_token_count"] ?? 0))
        let ids = try #require(plain["answer_token_ids"] as? [Int])
        #expect(ids.count == usage["generated_token_count"] && plain["answer_log_probabilities"] == nil)
        let found = try answer(try generate("mplug-owl2", options + image("small.png") + ["--log-probabilities"]))
            .object
        #expect(found["answer_token_ids"] as? [Int] == ids)
        let likelihoods = try #require(found["answer_log_probabilities"] as? [Double])
        #expect(likelihoods.count == ids.count && likelihoods.allSatisfy { $0 < 0 })
    }

    @Test("few-shot prompts, several images, raw prompts and conversations from a file are laid out as they say")
    func layouts() throws {
        func tokens(_ arguments: [String]) throws -> [Int] {
            let run = try generate("mplug-owl2", ["--greedy", "--max-new-tokens", "4", "--json"] + arguments)
            let usage = try #require(answer(run).object["usage"] as? [String: Int])
            return [usage["text_token_count"] ?? 0, usage["image_token_count"] ?? 0]
        }
        let two = image("small.png") + image("wide.jpg")
        let plain = try tokens(two + ["Which?"])
        #expect(plain[1] == 12)
        #expect(try tokens(two + ["--raw", "USER: <image><image>Which? ASSISTANT:"]) == plain)
        let example = ["--example", image("small.png")[1], "One."]
        #expect(try tokens(image("wide.jpg") + ["Which?"] + example)[1] == 12)
        let file = NSTemporaryDirectory() + "syrinx-turns-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(
            """
            [{"image": "\(image("small.png")[1])"}, {"text": "Which?"}, {"role": "assistant", "text": "One."}]
            """.utf8
        ).write(to: URL(fileURLWithPath: file))
        #expect(
            try tokens(["--prompt-file", file] + image("wide.jpg") + ["Which?"])
                == tokens(image("wide.jpg") + ["Which?"] + example))
        let raw = try generate("mplug-owl2", ["--raw", "--prompt-file", file])
        #expect(raw.status == 2 && raw.errors.contains("omit --raw"))
    }

    @Test("a prompt file comes through a pipe, too")
    func promptThroughPipe() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(#"[{"text": "Which?"}]"#.utf8))
        try pipe.fileHandleForWriting.close()
        let process = Process()
        process.executableURL = SyrinxProcess.program
        process.arguments = [
            "generate", "--model", "\(Self.fixtures)/mplug-owl2/model", "--greedy", "--max-new-tokens", "4",
            "--prompt-file", "-",
        ]
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    @Test("with --each, examples are computed once")
    func sharedExamples() throws {
        let run = try generate(
            "mplug-owl2",
            ["--greedy", "--max-new-tokens", "4", "--json", "--each", "--example", image("small.png")[1], "One."]
                + image("wide.jpg") + image("tall.png") + ["Which?"])
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
            (["--image-mode", "squarefirst", "Why?"], "did you mean 'squareFirst'?"),
            (["--raw", "--template", "document", "Why?"], "--raw uses the prompt as it is"),
            (["--greedy", "--temperature", "1", "Why?"], "give only one"),
            (["<image> and <image>", "--image", "PICTURE"], "2 <image> placeholders, but 1 image was given"),
        ])
    func badInput(arguments: [String], message: String) {
        let arguments = arguments.map { $0 == "PICTURE" ? image("small.png")[1] : $0 }
        let run = SyrinxProcess.refusal(["generate", "--model", "\(Self.fixtures)/mplug-owl2/model"] + arguments)
        #expect(run.status == 2)
        #expect(run.errors.contains(message), "\(run.errors)")
    }

    @Test("at a terminal, an answer that the full context cuts is marked on standard error")
    func cutAtTerminal() throws {
        let arguments = [
            "generate", "--model", "\(Self.fixtures)/mplug-owl2/model", "--greedy", "--max-new-tokens", "500",
            "What is a cat?",
        ]
        let cut = try SyrinxProcess.run(arguments, errorsToTerminal: true)
        #expect(cut.status == 0 && cut.errors == "[cut: the context is full]\r\n", "\(cut.errors)")
        let short = try SyrinxProcess.run(arguments + ["--max-new-tokens", "5"], errorsToTerminal: true)
        #expect(short.status == 0 && short.errors.isEmpty)
        #expect(try SyrinxProcess.run(arguments).errors.isEmpty)
    }

    @Test("a video that is none is refused before the model is loaded")
    func noVideo() throws {
        for command in ["chat", "generate"] {
            let run = try SyrinxProcess.run([
                command, "--model", "/nowhere", "--video", "\(Self.fixtures)/mplug-owl/pictures/../LICENSE-none.mp4",
            ])
            #expect(run.status == 2 && run.errors.contains("LICENSE-none.mp4"), "\(run.errors)")
        }
    }
}
