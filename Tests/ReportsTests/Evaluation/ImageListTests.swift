import DataPipeline
import Evaluation
import Foundation
import Reports
import Testing
import Torch

@Suite("A list of the user's own images")
struct ImageListTests {
    @Test("captions, fields and identifiers are read, and the limit spreads over the list")
    func reading() throws {
        let images = try ImagesOfColours()
        let data = try images.data()
        #expect(data.set.items.count == 45 && data.set.sources == ["pictures"])
        #expect(data.set.items[4].id == "4.png" && data.set.items[4].caption.colours == ["green"])
        #expect(data.set.items[4].references(CaptionTemplate()) == ["green leaf", "a leaf"])
        #expect(data.set.pixelValues.shape == [45, 3, 8, 8])
        #expect(data.isOwn && data.groupSources == ["pictures"])
        #expect(try images.data(limit: 5).set.items.map(\.id) == ["0.png", "9.png", "18.png", "27.png", "36.png"])
    }

    @Test("identifiers may be numbers, and the same one twice is refused")
    func numbers() throws {
        let images = try ImagesOfColours()
        try images.write(["{\"image\": \"1.png\", \"id\": 17, \"caption\": \"a\"}"])
        #expect(try images.data().set.items.map(\.id) == ["17"])
        try images.write([
            "{\"image\": \"1.png\", \"id\": 17, \"caption\": \"a\"}",
            "{\"image\": \"2.png\", \"id\": \"17\", \"caption\": \"b\"}",
        ])
        let error = #expect(throws: EvaluationError.self) { try images.data() }
        #expect(error?.description.contains("has the id 17, as line 1 does") == true)
    }

    @Test("without training lines the majority is that of the items themselves, and says so")
    func majority() throws {
        let images = try ImagesOfColours()
        #expect(try images.data().statistics.majorityControl == "majority of these items")
        try images.write([
            "{\"image\": \"none.png\", \"caption\": \"a\", \"kind\": \"leaf\", \"split\": \"train\"}",
            "{\"image\": \"1.png\", \"caption\": \"b\", \"kind\": \"leaf\"}",
        ])
        let data = try images.data()
        #expect(data.statistics.majorityControl == "training majority")
        #expect(data.statistics.majorityCaption(CaptionTemplate(), source: nil) == "a")
        #expect(data.set.items.map(\.id) == ["1.png"])
    }

    @Test("the hash follows images and captions, not paths")
    func hash() throws {
        let images = try ImagesOfColours()
        let copy = try ImagesOfColours()
        let hash = try images.data().sha256
        #expect(try copy.data().sha256 == hash)
        try FileManager.default.removeItem(atPath: copy.path("3.png"))
        try FileManager.default.copyItem(atPath: copy.path("4.png"), toPath: copy.path("3.png"))
        #expect(try copy.data().sha256 != hash)
    }

    @Test(
        "a wrong line is named with what is wrong",
        arguments: [
            ("not json", "line 2 of"), ("[1]", "is not a JSON object"), ("{\"caption\": \"x\"}", "has no key image"),
            ("{\"image\": \"0.png\", \"captoin\": \"x\"}", "unknown key \"captoin\" (did you mean caption?)"),
            ("{\"image\": \"0.png\", \"captions\": \"x\"}", "captions has the wrong type"),
            ("{\"image\": \"0.png\", \"split\": \"dev\"}", "split must be train, val or test"),
            ("{\"image\": \"1.png\"}", "has the id 1.png, as line 1 does"),
            ("{\"image\": \"1.png\", \"id\": [1]}", "id has the wrong type"),
            ("{\"image\": \"absent.png\"}", "absent.png"),
            ("{\"image\": \"pictures.jsonl\"}", "pictures.jsonl"),
        ])
    func wrongLines(line: String, message: String) throws {
        let images = try ImagesOfColours()
        try images.write(["{\"image\": \"1.png\", \"caption\": \"a red fruit\"}", line])
        let error = #expect(throws: (any Error).self) { try images.data() }
        #expect("\(error.map { "\($0)" } ?? "")".contains(message))
    }

    @Test("no list, an empty list and a split without lines are named")
    func nothingToRead() throws {
        let images = try ImagesOfColours()
        try images.write([""])
        #expect(throws: EvaluationError.self) { try images.data() }
        try images.write(["{\"image\": \"1.png\", \"split\": \"val\"}"])
        let error = #expect(throws: EvaluationError.self) { try images.data() }
        #expect(error?.description.contains("none of the test split") == true)
        try FileManager.default.removeItem(atPath: images.list)
        #expect(throws: EvaluationError.self) { try images.data() }
    }
}
