import Foundation
import Processors
import Testing

@Suite struct QuestionFileTests {
    private func file(_ text: String) throws -> QuestionFile { try QuestionFile(Data(text.utf8), name: "FILE") }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "accepted"
        } catch { return "\(error)" }
    }

    @Test func `The field's question files are read alike`() throws {
        let llava = #"{"question_id": 0, "image": "001.jpg", "text": "What is this?", "category": "conv"}"#
        let pope = #"{"question_id": 1, "image": "1.jpg", "text": "Is there a dog?", "label": "no"}"#
        let vqa =
            #"{"question_id": 262148000, "image": "2.jpg", "question": "<image>\nWhat colour?", "answer": "red", "image_id": 5}"#
        let own = #"{"id": "x", "prompt": "<image>\nWhat?", "images": ["3.jpg", "4.jpg"], "seed": 3, "frames": 2}"#
        let crowd =
            #"{"questionId": "7", "image": "5.jpg", "question": "What?", "answers": [{"answer": "a", "answer_confidence": "yes"}, {"answer": "b"}]}"#
        let all = [llava, pope, vqa, own, crowd]
        for text in [
            all.joined(separator: "\n"), "\u{FEFF}[" + all.joined(separator: ",\n") + "]",
            #"{"info": {}, "questions": ["# + all.joined(separator: ",") + "]}",
            "{\n\"questions\": [\n" + all.joined(separator: ",") + "]}",
        ] {
            let file = try file(text)
            #expect(file.count == 5 && QuestionFile.holdsQuestions(Data(text.utf8)))
            let records = try (0..<5).map { try file.record($0) }
            #expect((0..<5).map { file.id($0).text } == ["0", "1", "262148000", "x", "7"])
            #expect(records.map(\.images) == [["001.jpg"], ["1.jpg"], ["2.jpg"], ["3.jpg", "4.jpg"], ["5.jpg"]])
            #expect(records[0].text.spelling == "What is this?" && records[0].category == "conv")
            #expect(records[1].answers == ["no"] && records[4].answers == ["a", "b"])
            // Line ends beside a mark are the file's; in a prompt they are the writer's.
            #expect(records[2].text.spelling == "<image>What colour?" && records[3].text.spelling == "<image>\nWhat?")
            #expect(records[3].seed == 3 && records[3].frames == 2)
        }
    }

    @Test func `Numbers are identifiers, written as they came, and the same as their digits`() throws {
        let file = try file(#"{"id": 17, "prompt": "a"}"# + "\n" + #"{"question_id": "18", "text": "b"}"# + "\n{}")
        let encoder = JSONEncoder()
        let written = try (0..<3).map { String(decoding: try encoder.encode([file.id($0)]), as: UTF8.self) }
        #expect(written == ["[17]", #"["18"]"#, #"["3"]"#])
        #expect(
            refusal { _ = try self.file(#"[{"id": 17, "prompt": "a"}, {"question_id": "17", "text": "b"}]"#) }
                == "FILE: questions 1 and 2 have the same id \"17\"; give every question a unique id")
        #expect(
            refusal { _ = try self.file("{\"question_id\": 2}\n{}") }
                == "FILE: lines 1 and 2 have the same id \"2\" (the default id is the line's number); give every question a "
                + "unique id")
        let far = try self.file(#"{"id": 123456789012345678901234567890}"#)
        #expect(far.id(0).text == "123456789012345678901234567890")
    }

    @Test(
        "What would change the question and cannot be used is refused by name",
        arguments: [
            (#"{"question": "a", "prompt": "b"}"#, "both prompt and question, which mean the same"),
            (#"{"question": "a", "image_id": 262148}"#, "names its image only by image_id"),
            (#"{"question": "a", "options": ["b"]}"#, "the key 'options' is not one of"),
            (#"{"prompt": 3}"#, "prompt should be text, not a number"),
            (#"{"prompt": "a", "id": true}"#, "id should be text or a number, not "),
            (#"{"prompt": "a", "question_id": [3]}"#, "question_id should be text or a number, not "),
            (#"{"prompt": "a", "images": [3]}"#, "images should be a path or a list of paths"),
            (#"{"prompt": "a", "images": ["b.png", ""]}"#, "images contains an empty path"),
            (#"{"prompt": "a", "seed": -1}"#, "seed should be a whole number from 0"),
            (#"{"prompt": "a", "conversation": [{"txt": "b"}]}"#, "a part of conversation has the key 'txt'"),
            ("[3]", "it is a number, but a question is an object"), ("{\"prompt\": ", "at byte"),
        ])
    func refused(line: String, expected: String) throws {
        let found = refusal { _ = try file(line).record(0) }
        #expect(found.contains(expected), "\(found)")
    }

    @Test(arguments: [
        #"{"image": "a.jpg", "captions": ["a house"], "id": 3}"#,
        #"[{"id": 1, "image": "a.jpg", "conversations": [{"from": "human", "value": "question {"}]}]"#,
        #"{"image": ["a.jpg"], "text": "Human: <image>\nHuman: What?\nAI: A bridge."}"#, "", "no json", "{",
    ])
    func `Captions and conversations are no questions`(text: String) {
        #expect(!QuestionFile.holdsQuestions(Data(text.utf8)))
    }
}
