import DataPipeline
import Foundation
import Processors
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

@Suite(.blocks) struct ConversationLoaderTests {
    /// 30 records with images and 10 without.
    private func mixed() throws -> ConversationFixture {
        let records = (0..<40).map {
            ConversationFixture.record("r\($0)", image: $0 % 4 == 3 ? nil : "p\($0).bin", answer: "answer \($0)")
        }
        let images = (0..<40).map { ("p\($0).bin", [8, 8, UInt8($0), 2, 3] as [UInt8]) }
        return try ConversationFixture(
            "[\(records.joined(separator: ", "))]", images: Dictionary(uniqueKeysWithValues: images))
    }

    private func config(seed: UInt64 = 7, workers: Int = 2) -> Loader.Config {
        Loader.Config(batchSize: 2, seed: seed, augmentation: Augmentation(), workerCount: workers)
    }

    @Test func `A restored loader gives the same batches to the last bit`() throws {
        let fixture = try mixed()
        let loader = try Loader(conversations: try fixture.source(), textShare: 0.5, config: config())
        var positions = [loader.position]
        var expected: [BatchContent] = []
        for _ in 0..<16 {
            expected.append(BatchContent(try #require(try loader.next())))
            positions.append(loader.position)
        }
        for place in [0, 3, 9] {
            let saved = try JSONDecoder().decode(LoaderPosition.self, from: try JSONEncoder().encode(positions[place]))
            let other = try Loader(conversations: try fixture.source(), textShare: 0.5, config: config(workers: 1))
            _ = try other.next()
            try other.restore(saved)
            let found = try (0..<4).map { _ in BatchContent(try #require(try other.next())) }
            #expect(found == Array(expected[place..<place + 4]))
        }
        let seeded = try Loader(conversations: try fixture.source(), textShare: 0.5, config: config(seed: 8))
        #expect(throws: DataError.self) { try seeded.restore(positions[3]) }
        let other = try Loader(conversations: try fixture.source(template: .vicunaV1), textShare: 0.5, config: config())
        #expect(throws: DataError.self) { try other.restore(positions[3]) }
    }

    @Test func `With a share of text, rows with and without images alternate in every update`() throws {
        let fixture = try mixed()
        let loader = try Loader(conversations: try fixture.source(), textShare: 0.5, config: config())
        for _ in 0..<10 {
            let batch = try #require(try loader.next())
            let columns = batch.input.layout.columns
            let rows = Set((batch.input.mediaPositions?.array(of: Int64.self) ?? []).map { Int($0) / columns })
            #expect(rows == [0], "the first row of two has images, the second has none")
            #expect(batch.imageCount > 0)
        }
    }

    @Test func `Samples without a supervised token are skipped, counted and named, and no batch is without a label`()
        throws
    {
        let records = (0..<20).map {
            ConversationFixture.record("r\($0)", image: nil, answer: $0 % 5 == 0 ? "" : "yes")
        }
        let fixture = try ConversationFixture(records.joined(separator: "\n"), name: "data.jsonl")
        let list = fixture.path + "-quarantine"
        let loader = try Loader(
            conversations: try fixture.source(), textShare: nil, config: config(), quarantinePath: list)
        while loader.quarantine.skippedCount < 12 {
            let batch = try #require(try loader.next())
            #expect(batch.supervisedTokenCount > 0)
            #expect(!batch.itemIDs.contains("r0") && !batch.itemIDs.contains("r5"))
        }
        #expect(loader.quarantine.count == 0)
        let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4 && lines.allSatisfy { $0.contains("it has no supervised token") })
        #expect(loader.position.skippedCount > 0)
    }

    @Test func `Records of which none has anything to learn end the reading instead of going round for ever`() throws {
        let records = (0..<20).map { ConversationFixture.record("r\($0)", image: nil, answer: "") }
        let fixture = try ConversationFixture(records.joined(separator: "\n"), name: "data.jsonl")
        let loader = try Loader(conversations: try fixture.source(), textShare: nil, config: config())
        let error = #expect(throws: DataError.self) { while try loader.next() != nil {} }
        #expect(error?.description.contains("records has a token to learn from") == true, "\(error as Any)")
    }

    @Test func `A few records of which none can be read end the reading, and a good one among them goes on`() throws {
        let broken = ["no record", #"{"id": "b"}"#, #"{"id": "c", "conversations": 1}"#]
        let bad = try ConversationFixture(broken.joined(separator: "\n"), name: "data.jsonl")
        let loader = try Loader(conversations: try bad.source(), textShare: nil, config: config())
        let error = #expect(throws: DataError.self) { while try loader.next() != nil {} }
        #expect(error?.description.contains("none of the 3 records has a token to learn from") == true)
        #expect(error?.description.contains("data.jsonl#") == true, "\(error as Any)")

        let mixed = try ConversationFixture(
            (broken + [ConversationFixture.record("good", image: nil)]).joined(separator: "\n"), name: "data.jsonl")
        let second = try Loader(conversations: try mixed.source(), textShare: nil, config: config())
        for _ in 0..<20 { #expect(try second.next() != nil) }
    }

    @Test func `An image that is missing is quarantined with its path`() throws {
        let records = (0..<120).map { ConversationFixture.record("r\($0)", image: $0 == 5 ? "gone.bin" : "a.bin") }
        let fixture = try ConversationFixture(records.joined(separator: "\n"), name: "data.jsonl")
        let list = fixture.path + "-quarantine"
        let loader = try Loader(
            conversations: try fixture.source(), textShare: nil, config: config(), quarantinePath: list)
        while loader.quarantine.count == 0 { _ = try loader.next() }
        let text = try String(contentsOfFile: list, encoding: .utf8)
        #expect(text.contains("r5: the image \(fixture.url.path)/gone.bin does not exist"), "\(text)")
    }

    @Test func `Conversations about one image lie on one side of the split`() throws {
        let records = (0..<200).map { ConversationFixture.record("r\($0)", image: "p\($0 / 2).bin") }
        let fixture = try ConversationFixture("[\(records.joined(separator: ","))]")
        let source = try fixture.source(heldOutShare: 0.2)
        let held = Set(source.numbers(split: .val))
        #expect((20...60).contains(held.count))
        #expect((0..<100).allSatisfy { held.contains(2 * $0) == held.contains(2 * $0 + 1) })
    }

    @Test func `Lists and lines are found without being read, and a file that is cut off is refused`() throws {
        let inside = #"{"id": "a \"image\": [1]", "image": [], "conversations": [{"image": "x"}]}"#
        // The last begins with a byte order mark.
        for text in [
            "\n [\(inside) , \(inside)]\n", "\(inside)\n\n  \(inside)\n", "\u{FEFF}[\(inside), \(inside)]",
        ] {
            let fixture = try ConversationFixture(text)
            let file = try ConversationFile(fixture.path)
            #expect(file.count == 2 && file.imageRecordCount == 0)
        }
        for (text, expected) in [
            ("[\(inside), {\"id\": \"b", "ends inside record 1"), ("[\(inside),", "has no end after 1 records"),
            ("[\(inside)]\n[\(inside)]", "has text after its list of 1 records"),
            ("[1]", "element 0 of the list"), ("  \n", "is empty"), ("[]", "has no records"),
        ] {
            let fixture = try ConversationFixture(text)
            let error = #expect(throws: DataError.self) { try ConversationFile(fixture.path) }
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
    }

    @Test func `Captions become questions and answers, the same in every run`() throws {
        let fixture = try CorpusFixture([CorpusFixture.captioned(2)])
        let store = try CorpusConversations(fixture.folder)
        let first = try store.conversation(0)
        #expect(first.images == ["shapes-000000.0.png"])
        guard case .turns(let messages) = first.form else {
            Issue.record("no turns")
            return
        }
        #expect(messages.count == 6 && messages[0].images.count == 1)
        let answers = messages.filter { $0.role == .assistant }.map(\.text)
        #expect(Set(answers) == ["n2.", "blue.", "even."])
        guard case .turns(let again) = try store.conversation(0).form else {
            Issue.record("no turns")
            return
        }
        #expect(again.map(\.text) == messages.map(\.text))
    }
}
