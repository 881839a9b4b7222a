import DataPipeline
import Foundation
import Processors
import SyrinxModels
import Testing
import TinyModels
import Tokenizers

/// Records of files against what the published code makes of them: every token and every mask.
@Suite struct ConversationSourceTests {
    private static let fixtures =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        + "/../../SyrinxModelsTests/Fixtures/"

    private func entries(_ system: String) throws -> [[String: Any]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)\(system)/training.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    }

    private func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
    }

    private func tokenizer(_ system: String) throws -> SentencePieceTokenizer {
        try SentencePieceTokenizer(path: "\(Self.fixtures)\(system)/model/tokenizer.model")
    }

    @Test func `Records of mPLUG-Owl become the published ids and masks, cut where they are too long`() throws {
        var counts = (all: 0, empty: 0)
        for entry in try entries("mplug-owl") {
            let text = try #require(entry["text"] as? String)
            let length = try #require(entry["length"] as? Int), limit = try #require(entry["max_length"] as? Int)
            let images = text.components(separatedBy: "<image>").dropFirst().map { _ in "a.bin" }
            let fixture = try ConversationFixture(
                try json(["image": images, "text": text, "task_type": "llava_sft"]) + "\n", name: "data.jsonl")
            let source = try fixture.source(
                tokenizer: try tokenizer("mplug-owl"), template: .mplugOwlTraining, contextLength: limit + 1,
                placeholder: -1, visualTokens: 6)
            let example = try source.example(ofEntry: 0)
            let ids = try #require(entry["ids"] as? [Int])
            #expect(example.layout.ids(-1) == Array(ids.prefix(length)), "\(text)")
            let mask = try #require(entry["loss_mask"] as? [Int])
            #expect(
                example.layout.labels().dropLast().map { $0 == Labels.ignoreIndex ? 0 : 1 }
                    == Array(mask.prefix(length - 1)),
                "\(text)")
            #expect(example.images.count == example.layout.mediaSpans.count)
            #expect(try source.examples(ofEntry: 0).isEmpty == !mask.contains(1))
            counts.all += 1
            counts.empty += mask.contains(1) ? 0 : 1
        }
        #expect(counts.all == 8 && counts.empty == 3)
    }

    @Test func `LLaVA's records become the published ids and labels of mPLUG-Owl2's fine-tuning`() throws {
        var counts = (same: 0, repaired: 0)
        for entry in try entries("mplug-owl2") {
            let turns = try #require(entry["conversations"] as? [[String: String]])
            var record: [String: Any] = ["id": 7, "conversations": turns]
            if entry["image"] as? Bool == true { record["image"] = "a.bin" }
            let isVicuna = entry["template"] as? String == "v1"
            let fixture = try ConversationFixture(try json([record]))
            let source = try fixture.source(
                tokenizer: try tokenizer("mplug-owl2"), template: isVicuna ? .vicunaV1 : .mplugOwl2, contextLength: 400,
                visualTokens: 1)
            let layout = try source.example(ofEntry: 0).layout
            let (ids, labels) = (layout.ids(-200), layout.labels())
            var expected = zip(
                try #require(entry["ids"] as? [Int]), try #require(entry["labels"] as? [Int])
            ).map { (id: $0, label: $1) }
            let question = turns[0]["value"] ?? ""
            if question.contains("</s>") || question.contains("ASSISTANT:") {
                // There the example is masked whole; here its answer, "No." and the end token, is learnt.
                #expect(layout.supervisedTokenIDs.last == 2 && layout.supervisedTokenIDs.count == 5)
                counts.repaired += 1
                continue
            }
            if !isVicuna, record["image"] != nil {
                // In the template of inference no line end stands behind an image; the script writes one, and moves it first.
                guard question.hasPrefix("<|image|>") else { continue }
                let place = try #require(expected.firstIndex { $0.id == -200 })
                #expect(expected[place + 1...place + 2].map(\.id) == [286, 13])
                expected[place + 2] = expected[place + 1]
                expected.remove(at: place + 1)
            }
            #expect(ids == expected.map(\.id), "\(turns)")
            #expect(Array(labels.dropLast()) == expected.dropFirst().map(\.label), "\(turns)")
            counts.same += 1
        }
        #expect(counts.same == 13 && counts.repaired == 4)
    }

    @Test func `A conversation of several images and turns keeps the order of its marks`() throws {
        let fixture = try ConversationFixture(
            #"""
            [{"id": "x", "image": ["a.bin", "b.bin", "a.bin"], "conversations": [
              {"from": "system", "value": "Be short."},
              {"from": "human", "value": "First <image>\nand <|image|>?"}, {"from": "gpt", "value": "Yes."},
              {"from": "human", "value": "And\n<image>"}, {"from": "gpt", "value": "No."}]}]
            """#, images: ["a.bin": [8, 8, 1, 2, 3], "b.bin": [6, 7, 1, 2, 3]])
        let source = try fixture.source(contextLength: 256)
        let example = try source.example(ofEntry: 0)
        #expect(example.layout.mediaSpans.map(\.name) == ["a.bin", "b.bin", "a.bin"])
        #expect(example.layout.mediaSpans.map { $0.extent.last } == [8, 7, 8])
        let tokenizer = ByteTokenizer()
        let texts = example.layout.segments.map { segment -> String in
            guard case .text(let ids, let isSupervised) = segment else { return "[image]" }
            return (isSupervised ? "+" : "") + ids.map { tokenizer.piece($0) }.joined()
        }
        #expect(
            texts == [
                "<s>", "Be short. USER: First ", "[image]", "and ", "[image]", "? ASSISTANT:", "+ Yes.", "+</s>",
                "USER: And",
                "[image]", " ASSISTANT:", "+ No.", "+</s>",
            ])
    }

    @Test func `A record of mPLUG-Owl's form is turned into turns for another system's template`() throws {
        let text = #"Human: <image>\nHuman: What is it?\nAI: A cat.\nHuman: Why?\nAI: It meows."#
        let fixture = try ConversationFixture(#"[{"image": ["a.bin"], "text": "\#(text)"}]"#)
        let source = try fixture.source(template: .mplugOwl2)
        let layout = try source.example(ofEntry: 0).layout
        #expect(
            ByteTokenizer().decode(layout.ids(-200).filter { $0 >= 0 })
                == "USER: What is it? ASSISTANT: A cat.USER: Why? ASSISTANT: It meows.")
        #expect(ByteTokenizer().decode(layout.supervisedTokenIDs) == " A cat. It meows.")
    }

    @Test
    func `A long conversation is cut in its text, never inside an image, and an answer cut in turns gets no end`()
        throws
    {
        let fixture = try ConversationFixture(
            "[\(ConversationFixture.record("x", image: "a.bin", answer: String(repeating: "word ", count: 40)))]")
        let whole = try fixture.source(contextLength: 400).example(ofEntry: 0).layout
        let cut = try fixture.source(contextLength: 60).example(ofEntry: 0).layout
        #expect(cut.tokenCount == 60)
        #expect(cut.ids(-200) == Array(whole.ids(-200).prefix(60)))
        #expect(cut.supervisedTokenIDs.last != 2)
        let short = try fixture.source(contextLength: 9).example(ofEntry: 0)
        #expect(short.layout.mediaSpans.isEmpty && short.images.isEmpty)
    }

    @Test func `An image behind a link is read, and a folder in its place is called one`() throws {
        let records = ["link.bin", "shelf", "lost.bin"].map { ConversationFixture.record($0, image: $0) }
        let fixture = try ConversationFixture(records.joined(separator: "\n") + "\n", name: "data.jsonl")
        let folder = fixture.url.path
        try FileManager.default.createDirectory(atPath: folder + "/shelf", withIntermediateDirectories: false)
        for (link, target) in [("link.bin", "a.bin"), ("lost.bin", "gone.bin")] {
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: target)
        }
        let file = try ConversationFile(fixture.path, heldOutShare: 0)
        #expect(try file.image(0, of: 0) == [8, 8, 1, 2, 3])
        let shelf = #expect(throws: DataError.self) { try file.image(0, of: 1) }
        #expect("\(shelf!)".contains("shelf is a folder; name a file in it"))
        let lost = #expect(throws: DataError.self) { try file.image(0, of: 2) }
        #expect("\(lost!)".contains("lost.bin does not exist"))
    }

    @Test(
        arguments: [
            (#"{"id": 1}"#, "neither the list conversations"),
            (#"{"image": 3, "conversations": []}"#, "image is a number"),
            (#"{"image": [1], "conversations": []}"#, "image contains a number"),
            (#"{"conversations": [{"from": "humn", "value": "x"}]}"#, "did you mean 'human'"),
            (#"{"conversations": [{"from": "human"}]}"#, "turn 1 must be an object with from and value"),
            (
                #"{"image": "a.bin", "conversations": [{"from": "human", "value": "x"}]}"#,
                "0 <image> placeholders for 1 image"
            ),
            (#"{"conversations": [{"from": "human", "value": "<image>x"}]}"#, "1 <image> placeholder for 0 images"),
            (#"{"image": "b.bin", "conversations": [{"from": "human", "value": "<image>x"}]}"#, "b.bin does not exist"),
            (#"{"id": 1,, }"#, "is not valid JSON"),
        ])
    func `A bad record is refused with its place and what is wrong`(record: String, expected: String) throws {
        let fixture = try ConversationFixture(record + "\n", name: "data.jsonl")
        let source = try fixture.source()
        do {
            _ = try source.examples(ofEntry: 0)
            Issue.record("the record was accepted")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }
}
