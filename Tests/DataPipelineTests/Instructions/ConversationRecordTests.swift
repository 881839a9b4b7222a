import DataPipeline
import Foundation
import Processors
import Testing
import TinyModels

/// The forms in which people have instruction data, and what a record may say that training cannot learn.
@Suite struct ConversationRecordTests {
    /// The tokens a record becomes, image places as -200, and those that are learnt.
    private func layout(_ record: String) throws -> (ids: [Int], learnt: [Int]) {
        let fixture = try ConversationFixture(
            record.replacing("\n", with: " ") + "\n", name: "data.jsonl",
            images: ["a.bin": [8, 8, 1, 2, 3], "b.bin": [6, 7, 1, 2, 3]])
        let layout = try fixture.source(contextLength: 256).example(ofEntry: 0).layout
        return (layout.ids(-200), layout.supervisedTokenIDs)
    }

    private func message(_ record: String) -> String {
        do {
            _ = try layout(record)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func `ms-swift, LlamaFactory, lists of parts and null columns give what LLaVA's form gives`() throws {
        let expected = try layout(
            #"""
            {"image": ["a.bin", "b.bin"], "conversations": [{"from": "system", "value": "Be short."},
             {"from": "human", "value": "<image>\n<image>\nSame?"}, {"from": "gpt", "value": "No."}]}
            """#)
        #expect(expected.ids.count { $0 == -200 } == 8 && !expected.learnt.isEmpty)
        for record in [
            #"""
            {"messages": [{"role": "system", "content": "Be short."},
             {"role": "user", "content": "<image><image>Same?"}, {"role": "assistant", "content": "No.", "loss": true}],
             "images": ["a.bin", {"path": "b.bin", "bytes": null}], "videos": [], "audios": null}
            """#,
            #"""
            {"conversations": [{"from": "human", "value": "<image><image>Same?"}, {"from": "gpt", "value": "No."}],
             "images": ["a.bin", "b.bin"], "system": "Be short.", "tools": "", "text": null, "image": ""}
            """#,
            #"""
            {"messages": [{"role": "system", "content": [{"type": "text", "text": "Be short."}]},
             {"role": "user", "content": [{"type": "image"}, {"type": "image", "text": null},
              {"type": "text", "text": "Same?"}]},
             {"role": "assistant", "content": [{"type": "text", "text": "No."}]}], "images": ["a.bin", "b.bin"]}
            """#,
        ] {
            let found = try layout(record)
            #expect(found.ids == expected.ids && found.learnt == expected.learnt, "\(record)")
        }
        let one = try ConversationFixture(
            #"[{"images": "a.bin", "messages": []}, {"image": null, "images": ["a.bin"]}, {"images": []}]"#)
        let file = try ConversationFile(one.path)
        #expect(file.imageRecordCount == 2)
    }

    private static let turns =
        #""conversations": [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "This."}]"#

    private static func turns(_ question: String, _ answer: String, _ more: String = "") -> String {
        #"{"conversations": [{"from": "human", "value": "\#(question)"}, {"from": "gpt", "value": "\#(answer)"\#(more)}]}"#
    }

    @Test(
        arguments: [
            (#"{"video": "clip.mp4", "conversations": [{"from": "human", "value": "<video>What?"}]}"#, "video names a"),
            ("{\"videos\": [\"clip.mp4\"], \(turns)}", "videos names a video"),
            ("{\"audios\": [\"a.wav\"], \(turns)}", "audios names sound"),
            ("{\"audio_path\": \"a.wav\", \(turns)}", "audio_path names sound"),
            ("{\"image_path\": \"a.bin\", \(turns)}", "not under image_path; rename the key"),
            ("{\"image\": \"a.bin\", \"images\": [\"a.bin\"], \(turns)}", "keep one of the keys"),
            ("{\"image\": \"https://a.b/c.png\", \(turns)}", "image contains a web address (https://a.b/c.png)"),
            (
                "{\"image\": \"data:image/png;base64,\(String(repeating: "A", count: 900))\", \(turns)}",
                "a data URL (data"
            ),
            ("{\"tools\": [{\"name\": \"f\"}], \(turns)}", "tools belongs in the prompt"),
            ("{\"text\": \"AI: x\", \(turns)}", "a conversation under text and under conversations"),
            ("{\"system\": 3, \(turns)}", "system is a number"),
            (turns("<video>What?", "This."), "turn 1 has the placeholder <video>"),
            (turns("<|image_1|>What?", "This."), "turn 1 has the placeholder <|image_1|>"),
            (turns("<Image>What?", "This."), "the placeholder of images is <image>"),
            (
                turns("What?", "See <image>."),
                "turn 2 has the placeholder <image>, but only user messages may contain images"
            ),
            (turns("What?", "This.", #", "loss": false"#), "turn 2: loss changes how an answer is learnt"),
            (turns("What?", "This.", #", "weight": 0"#), "turn 2: weight changes"),
            (turns("What?", "This.", #", "images": ["a.bin"]"#), "turn 2 has the key images"),
            (turns("What?", "This.", #", "tool_calls": [{}]"#), "turn 2: tool_calls is a call"),
            (
                #"{"text": "Human: <|image|>\nHuman: x\nAI: y"}"#,
                "has the placeholder <|image|>, which would be learnt as"
            ),
            (#"{"query": "x", "response": "y"}"#, "its keys are query, response"),
            (
                #"{"messages": [{"role": "user", "content": [{"type": "video"}]}]}"#,
                "a part of its content has the type video"
            ),
            (
                #"{"messages": [{"role": "user", "content": [{"type": "image", "image": "a.bin"}]}]}"#,
                "write its path under images"
            ),
            (#"{"messages": [{"role": "tool", "content": "x"}]}"#, "'tool' is not one of human, gpt, system"),
        ])
    func `What a record says of media and weights is refused by its name, not learnt as text`(
        record: String, expected: String
    ) {
        let text = message(record)
        #expect(text.contains(expected), "\(text)")
        #expect(text.count < 400)
    }

    @Test func `Markup that only looks like a mark is text`() throws {
        for text in ["What is <b>?", "Is 3 < 4 > 2?", "a < image > b", "<image src='x'> and </video>", "<imagery> <>"] {
            #expect(message(Self.turns(text, text)) == "no error", "\(text)")
        }
    }

    @Test func `Keys that nothing reads are listed once with their counts, those that are refused are not`() throws {
        let record = #"{"id": 1, "model": "x", "videos": [], "meta": {"image": [1], "a": {"b": 2}}, "#
        let turns =
            #""conversations": [{"from": "human", "value": "a, \"k\": {"}, {"from": "gpt", "value": "b", "mood": "x"}]}"#
        let lines = Array(repeating: record + turns, count: 3) + [#"{"score": 3, "messages": []}"#]
        for text in [lines.joined(separator: "\n"), "[\(lines.joined(separator: ","))]"] {
            let fixture = try ConversationFixture(text)
            let keys = try ConversationFile(fixture.path).unreadKeys
            #expect(keys.counts == ["model": 3, "meta": 3, "conversations[].mood": 3, "score": 1])
            #expect(
                keys.sentence
                    == "keys that are not read: conversations[].mood (3), meta (3), model (3), score (1)")
        }
        let plain = try ConversationFixture("[\(ConversationFixture.record("x", image: nil))]")
        #expect(try ConversationFile(plain.path).unreadKeys.sentence == nil)
        let many = (0..<3000).map { #""k\#($0)": 0"# }.joined(separator: ", ")
        let wide = try ConversationFixture("[{\(many)}]")
        let sentence = try #require(try ConversationFile(wide.path).unreadKeys.sentence)
        #expect(sentence.hasSuffix(", others (2988)") && sentence.count < 200, "\(sentence)")
    }
}
