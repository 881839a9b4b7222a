import Foundation
import TestSupport
import Testing

@Suite(.blocks) struct DataCommandTests {
    /// A small rendered corpus in a temporary place.
    private func withScenes(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = try SyrinxProcess.run(["data", "fetch", "scenes", "--output", folder.path, "--count", "200"])
        try #require(made.status == 0, "\(made.errors)")
        try body(folder)
    }

    @Test func `Inspect counts the sources, as a table and as JSON, and writes a contact sheet`() throws {
        try withScenes { folder in
            let sheet = folder.path + ".png"
            defer { try? FileManager.default.removeItem(atPath: sheet) }
            let table = try SyrinxProcess.run(["data", "inspect", folder.path, "--contact-sheet", sheet])
            #expect(table.status == 0)
            #expect(table.output.contains("captioned"))
            #expect(table.output.contains("scores are not comparable"))
            #expect(!table.output.contains("\u{1B}"))
            let png = try Data(contentsOf: URL(fileURLWithPath: sheet))
            #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let json = try SyrinxProcess.run(["data", "inspect", folder.path, "--json"])
            let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect((object?["summary"] as? [String: Any])?["isGenerated"] as? Bool == true)
        }
    }

    @Test func `Check passes a whole corpus and fails a damaged one with status 1 and a quarantine file`() throws {
        try withScenes { folder in
            let quarantine = folder.path + ".jsonl"
            defer { try? FileManager.default.removeItem(atPath: quarantine) }
            let arguments = ["data", "check", folder.path, "--workers", "2", "--quarantine", quarantine]
            let whole = try SyrinxProcess.run(arguments)
            #expect(whole.status == 0)
            #expect(whole.output.hasPrefix("all is well: "))
            #expect(!FileManager.default.fileExists(atPath: quarantine))

            let shard = folder.appendingPathComponent("shard-00000.tar")
            var bytes = try Data(contentsOf: shard)
            let image = try #require(bytes.range(of: Data([0x89, 0x50, 0x4E, 0x47])))
            bytes[image.lowerBound] = 0
            try bytes.write(to: shard)
            let damaged = try SyrinxProcess.run(arguments)
            #expect(damaged.status == 1)
            #expect(damaged.output.hasPrefix("2 bad of "))
            let lines = try String(contentsOfFile: quarantine, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 2)
        }
    }

    @Test func `Check reads every conversation of a file and says which cannot be used`() throws {
        try withScenes { folder in
            let own = folder.path + "-conversations", quarantine = folder.path + ".jsonl"
            defer {
                for path in [own, quarantine] { try? FileManager.default.removeItem(atPath: path) }
            }
            let written = try SyrinxProcess.run([
                "data", "conversations", folder.path, "--output", own, "--only-pictures", "--limit", "5",
            ])
            #expect(written.output.hasSuffix("5 conversations, 5 with images\n"), "\(written.errors)")
            let check = ["data", "check", own + "/conversations.json", "--quarantine", quarantine]
            let whole = try SyrinxProcess.run(check)
            #expect(whole.status == 0 && whole.output.hasPrefix("all is well: 5 records, 5 good images, "))
            #expect(!FileManager.default.fileExists(atPath: quarantine))

            let image = try #require(try FileManager.default.contentsOfDirectory(atPath: own + "/pictures").first)
            try Data("no image".utf8).write(to: URL(fileURLWithPath: own + "/broken.png"))
            func record(_ image: String, _ question: String, _ answer: String) -> String {
                #"{"image": "\#(image)", "conversations": [{"from": "human", "value": "\#(question)"}, "#
                    + #"{"from": "gpt", "value": "\#(answer)"}]}"#
            }
            let lines = [
                record("pictures/" + image, "<image>What?", "It."), record("nowhere.png", "<image>What?", "It."),
                record("broken.png", "<image>What?", "It."), record("pictures/" + image, "<image><image>?", "It."),
                record("pictures/" + image, "<image>What?", " "), #"{"foo": 1}"#,
            ]
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: own + "/bad.jsonl"))
            let bad = try SyrinxProcess.run(["data", "check", own + "/bad.jsonl", "--quarantine", quarantine])
            #expect(bad.status == 1 && bad.output.hasPrefix("5 bad of 6 records, 1 good images, 1 answers"))
            for reason in [
                "#1: 1: the image \(own)/nowhere.png does not exist", "#2: 2: image 0 (broken.png): ",
                "2 <image> placeholders for 1 image", "the assistant's answers are empty",
                "has neither the list conversations",
            ] { #expect(bad.output.contains(reason), "\(reason) in \(bad.output)") }
            #expect(bad.output.contains("keys that are not read: foo (1)\n"))
            let entries = try String(contentsOfFile: quarantine, encoding: .utf8).split(separator: "\n")
            #expect(entries.count == 5)
            let unnamed = try SyrinxProcess.run(["data", "check", own])
            #expect(unnamed.status == 2 && unnamed.errors.contains("did you mean \(own)/conversations.json?"))
            let corpus = try SyrinxProcess.run(["data", "check", folder.path, "--images", own])
            #expect(corpus.status == 2 && corpus.errors.contains("--images applies to"))
        }
    }

    @Test func `Wrong input is one sentence with status 2`() throws {
        try withScenes { folder in
            let source = SyrinxProcess.refusal(["data", "inspect", folder.path, "--source", "scene"])
            #expect(source.status == 2)
            #expect(source.errors.hasPrefix("error: the corpus at "))
            #expect(source.errors.contains("has no source scene; its sources are "))
            let sample = SyrinxProcess.refusal(["data", "inspect", folder.path, "--sample", "1"])
            #expect(sample.status == 2)
            #expect(sample.errors.contains("give the vocabulary with --tokenizer FILE"))
        }
    }
}
