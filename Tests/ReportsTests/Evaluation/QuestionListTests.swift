import DataPipeline
import Evaluation
import Foundation
import Reports
import Testing
import Torch

@Suite("Instruction data as questions to evaluate on")
struct QuestionListTests {
    private func data(_ text: String, limit: Int? = nil) throws -> EvaluationData {
        let images = try ImagesOfColours()
        let path = images.path("held.json")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try EvaluationData(
            path, split: .test, limitPerSource: limit, imageProcessor: images.imageProcessor)
    }

    private func record(_ id: Int, _ turns: [(String, String)], image: Bool = true) -> String {
        let lines = turns.enumerated().flatMap { place, turn in
            [
                #"{"from": "human", "value": "\#(image && place == 0 ? "<image>\\n" : "")\#(turn.0)"}"#,
                #"{"from": "gpt", "value": "\#(turn.1)"}"#,
            ]
        }
        let image = image ? #""image": "\#(id).png", "# : ""
        return #"{"id": \#(id), \#(image)"conversations": [\#(lines.joined(separator: ", "))]}"#
    }

    @Test("every question about one image is an item of the source of its wording; other records are counted")
    func reading() throws {
        let records = (0..<6).map { record($0, [("What?", "thing \($0 % 2)"), ("Colours?", "red")]) }
        let written = #"{"image": ["1.png"], "text": "Human: <image>\nHuman: What?\nAI: A bridge."}"#
        let all = records + [record(9, [("What?", "none")], image: false), written]
        let list = "[" + all.joined(separator: ",") + "]"
        for text in [list, "\u{FEFF}" + list, all.joined(separator: "\n")] {
            let data = try data(text)
            #expect(data.set.sources == ["What?", "Colours?"] && data.set.items.count == 12)
            #expect(data.leftOutCount == 2 && data.hasQuestions && data.isOwn)
            #expect(data.set.items.map(\.id).prefix(2) == ["0#1", "1#1"])
            #expect(data.set.items[7].question == .init(text: "Colours?", answers: ["red"]))
            #expect(data.set.pixelValues.shape == [12, 3, 8, 8])
        }
        let few = try data("[" + all.joined(separator: ",") + "]", limit: 5)
        #expect(few.set.items.count == 10)
        #expect(try data(records.joined(separator: "\n")).sha256 != few.sha256)
    }

    @Test("question files of the field are read as a batch reads them; what has no answer is counted")
    func questionFiles() throws {
        let pope = #"{"question_id": 1, "image": "1.png", "text": "Is it red?", "label": "no", "category": "random"}"#
        let vqa =
            #"{"question_id": 2, "image": "2.png", "question": "What is <image>?", "answers": ["leaf", "a leaf"]}"#
        let open = #"{"question_id": 3, "image": "3.png", "text": "Describe it.", "category": "detail"}"#
        for text in [[pope, vqa, open].joined(separator: "\n"), "[\(pope), \(vqa), \(open)]"] {
            let data = try data(text)
            #expect(data.set.items.map(\.id) == ["1", "2"] && data.set.sources == ["random", "What is <image>?"])
            #expect(data.set.items[1].question == .init(text: "What is <image>?", answers: ["leaf", "a leaf"]))
            #expect(data.leftOutCount == 1 && data.hasQuestions)
        }
        func message(_ text: String) -> String {
            do { _ = try data(text) } catch { return "\(error)" }
            return ""
        }
        #expect(message(open).contains("for questions without answers use syrinx batch"))
        #expect(message(pope + "\n" + pope).contains("lines 1 and 2 have the same id \"1\""))
        #expect(message(vqa.replacing("What is", with: "<image>")).contains("line 1 of"))
        #expect(message(pope + "\n" + #"{"question": "a", "hint": "b"}"#).contains("line 2 of"))
    }

    @Test("many wordings are one source")
    func manyWordings() throws {
        let data = try data((0..<30).map { record($0, [("What is \($0)?", "it")]) }.joined(separator: "\n"))
        #expect(data.set.sources == ["questions"] && data.set.items.count == 30)
    }

    @Test("another answer is other data, and a model without a template cannot be asked")
    func identity() throws {
        let images = try ImagesOfColours()
        let red = try data(record(0, [("What?", "red")])), blue = try data(record(0, [("What?", "blue")]))
        #expect(red.sha256 != blue.sha256)
        let error = #expect(throws: EvaluationError.self) { try images.run("a", data: red) }
        #expect(error?.description.contains("has no chat template") == true)
    }

    @Test("records that cannot be used are named")
    func wrongRecords() throws {
        func message(_ text: String) -> String {
            do { _ = try data(text) } catch { return "\(error)" }
            return ""
        }
        #expect(
            message("[" + record(0, [("What?", "none")], image: false) + "]").contains("none asks about exactly one"))
        #expect(message(#"[{"image": "0.png", "conversations": 3}]"#).contains("record 0 of"))
        #expect(message("[" + record(77, [("What?", "red")]) + "]").contains("77.png"))
    }
}
