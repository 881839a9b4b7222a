import Foundation
import Media
import TestSupport
import Testing
import TinyModels

@Suite("syrinx batch", .blocks) struct BatchCommandTests {
    private let folder: TinyFolder

    init() throws { folder = try TinyFolder() }

    private func write(_ lines: [String], _ name: String) throws -> String {
        let path = "\(folder.path)/\(name)"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func questions(_ count: Int) throws -> String {
        _ = try folder.image("red.png", RGB(red: 200, green: 0, blue: 0))
        return try write(
            (0..<count).map {
                $0 % 2 == 0
                    ? #"{"prompt": "name: \#($0)", "seed": \#($0)}"#
                    : #"{"prompt": "<image> colours \#($0):", "images": ["red.png"]}"#
            }, "questions.jsonl")
    }

    private func arguments(_ input: String, _ output: String, _ further: String...) -> [String] {
        ["batch", "--model", folder.path, "--input", input, "--output", output] + further
    }

    @Test func `A run that is killed goes on with the same command and gives the very same file`() throws {
        let input = try questions(160)
        let options = ["--max-new-tokens", "40", "--temperature", "1", "--batch-size", "2"]
        let whole = "\(folder.path)/whole.jsonl", output = "\(folder.path)/answers.jsonl"
        let complete = try SyrinxProcess.run(arguments(input, whole) + options)
        #expect(complete.status == 0, "\(complete.errors)")
        let expected = try Data(contentsOf: URL(fileURLWithPath: whole))
        #expect(expected.count { $0 == 0x0A } == 160)

        let process = Process()
        process.executableURL = SyrinxProcess.program
        process.arguments = arguments(input, output) + options
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Killed as soon as something is written, in the middle of the work.
        while process.isRunning, (try? Data(contentsOf: URL(fileURLWithPath: output)))?.isEmpty ?? true {
            usleep(1000)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let left = try Data(contentsOf: URL(fileURLWithPath: output))
        #expect(process.terminationReason == .uncaughtSignal && left.count < expected.count)
        #expect(expected.starts(with: left))

        let resumed = try SyrinxProcess.run(arguments(input, output) + options)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)) == expected)
    }

    @Test func `Questions come through standard input, too`() throws {
        let output = "\(folder.path)/piped.jsonl"
        let run = try SyrinxProcess.run(
            arguments("-", output, "--max-new-tokens", "2"), input: "{\"id\": \"a\", \"prompt\": \"name:\"}\n")
        #expect(run.status == 0, "\(run.errors)")
        #expect(try String(contentsOfFile: output, encoding: .utf8).contains("\"id\":\"a\""))
    }

    @Test func `SIGTERM ends it with whole lines and status 143`() throws {
        let input = try questions(4000)
        let output = "\(folder.path)/answers.jsonl"
        let process = Process()
        process.executableURL = SyrinxProcess.program
        process.arguments = arguments(input, output, "--max-new-tokens", "40", "--batch-size", "2")
        let errors = URL(fileURLWithPath: "\(folder.path)/errors")
        try Data().write(to: errors)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        while process.isRunning, (try? Data(contentsOf: URL(fileURLWithPath: output)))?.isEmpty ?? true {
            usleep(1000)
        }
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 143)
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).last == 0x0A)
        let said = try String(contentsOf: errors, encoding: .utf8)
        #expect(said.contains("interrupted; resume with:\n\n    ") && said.contains(" --output \(output) "), "\(said)")
    }

    @Test func `A question without an answer is told by the status, and the others are answered`() throws {
        let input = try write([#"{"prompt": "name:"}"#, #"{"prompt": "x", "images": ["none.png"]}"#], "two.jsonl")
        let output = "\(folder.path)/answers.jsonl"
        let result = try SyrinxProcess.run(arguments(input, output, "--check-alone", "--times"))
        #expect(result.status == 1)
        #expect(
            result.errors.contains(
                "error: 1 of 2 questions could not be answered; their lines in \(output) give the reason"))
        #expect(result.output.hasPrefix("alone and up to "))
        #expect(result.output.contains("1 of 1 answers identical (100.0 %)"))
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2 && lines[0].contains("\"answer\":") && lines[0].contains("\"prefill_seconds\":"))
        #expect(lines[1].contains("\"error\":") && lines[1].contains("none.png: "))
    }

    @Test func `A full disk is said, and what was written stays`() throws {
        let input = try questions(60)
        let output = "\(folder.path)/answers.jsonl"
        let result = try SyrinxProcess.run(
            arguments(input, output, "--max-new-tokens", "8", "--batch-size", "4"), fileSizeLimit: 4096)
        #expect(result.status == 1)
        #expect(result.errors.contains("\(output) cannot be written: File too large"))
        let resumed = try SyrinxProcess.run(arguments(input, output, "--max-new-tokens", "8"))
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).count { $0 == 0x0A } == 60)
    }

    @Test func `A device is no place for answers, and nothing is put beside it`() throws {
        let input = try questions(3)
        let pipe = "\(folder.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        for output in [pipe, "/dev/null"] {
            let result = SyrinxProcess.refusal(arguments(input, output))
            #expect(result.status == 2)
            #expect(
                result.errors
                    == "error: \(output) cannot be written: it is a device or a pipe, which cannot keep a file; "
                    + "give the name of a file\n")
        }
        #expect(!FileManager.default.fileExists(atPath: pipe + ".batch.json"))
    }

    @Test func `What stands beside the answers names options as they are typed`() throws {
        let output = "\(folder.path)/answers.jsonl"
        let result = try SyrinxProcess.run(arguments(try questions(2), output, "--max-new-tokens", "4"))
        #expect(result.status == 0, "\(result.errors)")
        let identity = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: output + ".batch.json")))
        let options = try #require((identity as? [String: Any])?["options"] as? [String: String])
        let generation = [
            "--banned-token-ids", "--max-new-tokens", "--min-p", "--repetition-penalty", "--seed", "--stop-token-ids",
            "--temperature", "--top-k", "--top-p",
        ]
        let others = [
            "--device", "--dtype", "--frames", "--log-probabilities", "--picture-mode", "--raw", "--stop", "--system",
            "--template", "--times",
        ]
        #expect(options.keys.sorted() == (generation + others).sorted())
        #expect(options["--banned-token-ids"]?.isEmpty == true && options["--max-new-tokens"] == "4")
        #expect(options["--picture-mode"] == "squash")
    }

    @Test func `Two strings that end an answer are not the one string of both`() throws {
        let input = try questions(2)
        let output = "\(folder.path)/answers.jsonl"
        let options = ["--max-new-tokens", "4"]
        let first = try SyrinxProcess.run(arguments(input, output, "--stop", "a", "--stop", "b") + options)
        #expect(first.status == 0, "\(first.errors)")
        let second = try SyrinxProcess.run(arguments(input, output, "--stop", "a b") + options)
        #expect(second.status == 2 && second.errors.contains("has answers with another --stop"), "\(second.errors)")
    }

    @Test func `A video stands in a prompt and in a line`() throws {
        let video = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("CodecsTests/Fixtures/videos/h264.mp4").path
        let single = try SyrinxProcess.run([
            "generate", "--model", folder.path, "--video", video, "--frames", "3", "--json", "--max-new-tokens", "8",
            "colours:",
        ])
        #expect(single.status == 0, "\(single.errors)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(single.output.utf8)) as? [String: Any])
        #expect((report["usage"] as? [String: Int])?["video_token_count"] == 12)
        let account = try #require((report["videos"] as? [[String: Any]])?.first)
        #expect(account["frames"] as? [Int] == [3, 10, 18] && account["frame_count"] as? Int == 23)
        let input = try write([#"{"prompt": "colours:", "videos": ["\#(video)"], "frames": 3}"#], "videos.jsonl")
        let output = "\(folder.path)/answers.jsonl"
        let batch = try SyrinxProcess.run(arguments(input, output, "--max-new-tokens", "8"))
        #expect(batch.status == 0, "\(batch.errors)")
        let line = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: output)))
        let text = try #require(report["text"] as? String)
        #expect((line as? [String: Any])?["answer"] as? String == text)
    }
}
