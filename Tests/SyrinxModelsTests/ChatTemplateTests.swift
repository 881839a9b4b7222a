import Foundation
import Processors
import SyrinxModels
import Testing
import TinyModels
import Tokenizers

private func user(_ content: ContentPart...) -> Message { Message(role: .user, content: content) }
private func user(_ text: String) -> Message { Message(role: .user, text: text) }
private func assistant(_ text: String) -> Message { Message(role: .assistant, text: text) }
private let image = ContentPart.image(ImageReference(.encoded([]), name: "a.png"))

/// Parts as a string: `[i]` for an image, `[/]` for an end token, `{}` around what is learnt.
private func written(_ parts: [ChatPart]) -> String {
    parts.map { part in
        let (text, isSupervised) =
            switch part {
            case .content(.text(let text), let isSupervised): (text, isSupervised)
            case .content(_, let isSupervised): ("[i]", isSupervised)
            case .end(let isSupervised): ("[/]", isSupervised)
            }
        return isSupervised ? "{\(text)}" : text
    }.joined()
}

@Suite("Chat templates") struct ChatTemplateTests {
    private static let readme =
        "The following is a conversation between a curious human and AI assistant. The assistant gives helpful, detailed, "
        + "and polite answers to the user's questions."

    @Test func `mPLUG-Owl's lines: an image and a question each have their own, answers follow`() throws {
        let turns = [user(image, image, .text("Which?")), assistant("The first."), user("Why?")]
        #expect(
            written(try ChatTemplate.mplugOwl.parts(of: turns))
                == Self.readme + "\nHuman: [i]\nHuman: [i]\nHuman: Which?\nAI: The first.\nHuman: Why?\nAI: ")
        #expect(
            try written(ChatTemplate.mplugOwlVideo.parts(of: turns)) == written(ChatTemplate.mplugOwl.parts(of: turns)))
        #expect(
            written(try ChatTemplate.mplugOwlDemo.parts(of: [user("Hi")]))
                == "The following is a conversation between a curious human and AI. The AI gives helpful, detailed, and polite "
                + "answers to the human's questions.\nHuman: Hi\nAI: ")
        // Between text, an image still has a line of its own.
        let inside = [Message(role: .system, text: ""), user(.text("first "), image, .text(" then"))]
        #expect(
            written(try ChatTemplate.mplugOwl.parts(of: inside)) == "Human: first\nHuman: [i]\nHuman: then\nAI: ")
    }

    @Test func `mPLUG-Owl2's turns have no system prompt unless one is given, and end tokens behind earlier answers`()
        throws
    {
        let turns = [user(image, .text("Is it?")), assistant("Yes."), user("Why?")]
        let expected = "USER: [i]Is it? ASSISTANT: Yes.[/]USER: Why? ASSISTANT:"
        #expect(written(try ChatTemplate.mplugOwl2.parts(of: turns)) == expected)
        #expect(written(try ChatTemplate.mplugOwl2Evaluation.parts(of: turns)) == expected + " ")
        #expect(
            written(try ChatTemplate.mplugOwl2.parts(of: [Message(role: .system, text: "Be brief.")] + turns))
                == "Be brief. " + expected)
    }

    @Test func `Vicuna's has its system prompt, and images on lines before the text`() throws {
        let prompt = try ChatTemplate.vicunaV1.parts(of: [user(.text("What is it?\n"), image)])
        #expect(
            written(prompt)
                == "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
                + "detailed, and polite answers to the user's questions. USER: [i]\nWhat is it? ASSISTANT:")
    }

    @Test(arguments: ModelRegistry.chatTemplates)
    func `In training every answer and its end token are learnt, and nothing else`(template: ChatTemplate) throws {
        let turns = [user(image, .text("Is it?")), assistant("Yes."), user("Why?"), assistant("So.")]
        let text = written(try template.parts(of: turns, for: .training))
        let learnt = text.split(separator: "{").dropFirst().map { $0.prefix { $0 != "}" } }
        let space = text.contains("ASSISTANT:") ? " " : ""
        #expect(learnt == ["\(space)Yes.", "[/]", "\(space)So.", "[/]"])
        #expect(text.hasSuffix("{[/]}"))
        let empty = written(try template.parts(of: [user("Why?"), assistant("")], for: .training))
        #expect(!empty.contains("{") && !empty.contains("[/]"))
    }

    @Test(arguments: ModelRegistry.chatTemplates)
    func `An answer that says nothing is not learnt, and what is said behind it is`(template: ChatTemplate) throws {
        for nothing in ["", " \n"] {
            let turns = [user("Is it?"), assistant(nothing), user("Why?"), assistant("So.")]
            let text = written(try template.parts(of: turns, for: .training))
            let learnt = text.split(separator: "{").dropFirst().map { $0.prefix { $0 != "}" } }
            #expect(learnt == ["\(text.contains("ASSISTANT:") ? " " : "")So.", "[/]"])
            #expect(text.contains("Is it?") && text.contains("Why?"))
        }
    }

    @Test func `A prompt is the beginning of its training example`() throws {
        for template in ModelRegistry.chatTemplates where template != .document && template != .mplugOwl2Evaluation {
            let prompt = written(try template.parts(of: [user(image, .text("Is it?"))]))
            let example = written(
                try template.parts(of: [user(image, .text("Is it?")), assistant("Yes.")], for: .training))
            #expect(example.hasPrefix(prompt), "\(template)")
        }
    }

    @Test func `A document is text and images in reading order`() throws {
        let turns = [user(image), assistant("a sun"), user(image, .text("a "))]
        let parts = try ChatTemplate.document.parts(of: turns)
        #expect(written(parts) == "[i]a sun[i]a ")
        #expect(parts.count == 4)
    }

    @Test func `Messages out of turn are refused by number`() {
        func message(_ turns: [Message], _ template: ChatTemplate = .mplugOwl2) -> String {
            (#expect(throws: ProcessorError.self) { try template.parts(of: turns) })?.description ?? ""
        }
        #expect(message([]).contains("no question to answer"))
        #expect(message([user("a"), assistant("b")]).contains("the last message must be the user's"))
        #expect(
            message([assistant("b"), user("a")]).hasPrefix(
                "message 1 of 2: expected a message of user, found assistant"))
        #expect(
            message([user("a"), user("b")], .mplugOwl).hasPrefix(
                "message 2 of 2: expected a message of assistant, found user"))
        #expect(
            message([user("a"), Message(role: .system, text: "x")]).contains(
                "only one system message is allowed, and it must come first"))
        #expect(
            message([user("a"), Message(role: .assistant, content: [image])]).contains(
                "only user messages may contain media"))
        #expect(message([user("")]).contains("empty"))
    }

    @Test func `Templates are chosen by name, and a misspelt name is answered with the nearest`() throws {
        #expect(try ModelRegistry.chatTemplate(named: "mplug-owl2") == .mplugOwl2)
        #expect(ChatTemplate.mplugOwl2.stopStrings == ["</s>"] && ChatTemplate.mplugOwl.stopStrings.isEmpty)
        let error = #expect(throws: ModelError.self) { try ModelRegistry.chatTemplate(named: "mplug_owl2") }
        #expect(error?.description.hasSuffix("did you mean 'mplug-owl2'?") == true)
    }
}

/// Token by token against what the published code made of the same conversations.
@Suite("Chat templates against the published code") struct PublishedConversationTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private let tokenizer: SentencePieceTokenizer

    init() throws {
        tokenizer = try SentencePieceTokenizer(
            path: Self.fixtures.appendingPathComponent("mplug-owl2/model/tokenizer.model").path)
    }

    private func entries(_ file: String) throws -> [[String: Any]] {
        let data = try Data(contentsOf: Self.fixtures.appendingPathComponent(file))
        return try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    }

    private func layout(
        _ messages: [Message], _ template: ChatTemplate, _ purpose: ChatTemplate.Purpose, placeholder: Int, rows: Int
    ) throws -> PromptLayout {
        let count = messages.reduce(0) { $0 + $1.images.count }
        let place = MediaSpan.image(tokenCount: rows, name: "a.png", width: 1, height: 1)
        return try PromptLayout(
            name: "entry", parts: try template.parts(of: messages, for: purpose), tokenizer: tokenizer,
            beginID: tokenizer.beginID,
            contract: TokenContract(imagePlaceholder: placeholder, tokenCount: rows),
            media: Array(repeating: place, count: count))
    }

    /// A user's text with markers.
    private func question(_ text: String) -> Message {
        let pieces = text.components(separatedBy: "<|image|>")
        let content = pieces.enumerated().flatMap { index, piece -> [ContentPart] in
            (index > 0 ? [image] : []) + (piece.isEmpty ? [] : [.text(piece)])
        }
        return Message(role: .user, content: content)
    }

    @Test func `Conversations of mPLUG-Owl2 become the published ids`() throws {
        var compared = 0
        for entry in try entries("mplug-owl2/prompts.json") {
            guard let conversation = entry["conversation"] as? [[Any]] else { continue }
            let messages = conversation.flatMap { turn -> [Message] in
                [question(turn[0] as? String ?? "")] + ((turn[1] as? String).map { [assistant($0)] } ?? [])
            }
            let found = try layout(messages, .mplugOwl2, .answer, placeholder: -200, rows: 1)
            #expect(found.ids(-200) == entry["ids"] as? [Int], "\(entry["prompt"] ?? "")")
            compared += 1
        }
        #expect(compared == 6)
    }

    @Test func `Examples of mPLUG-Owl2's fine-tuning become the published ids and labels`() throws {
        var (compared, repaired) = (0, 0)
        for entry in try entries("mplug-owl2/training.json") {
            let turns = try #require(entry["conversations"] as? [[String: String]])
            let isVicuna = entry["template"] as? String == "v1"
            var messages = turns.map { turn -> Message in
                let text = turn["value"] ?? ""
                if turn["from"] == "gpt" { return assistant(text) }
                guard !isVicuna, text.contains("<|image|>") else { return question(text) }
                // The script puts images on a line before the text whatever the template.
                let rest = text.replacingOccurrences(of: "<|image|>", with: "").trimmingCharacters(
                    in: .whitespacesAndNewlines)
                return user(image, .text("\n" + rest))
            }
            if messages.first?.role == .assistant { messages.removeFirst() }
            let found = try layout(messages, isVicuna ? .vicunaV1 : .mplugOwl2, .training, placeholder: -200, rows: 1)
            let (ids, labels) = (found.ids(-200), found.labels())
            let expected = try #require(entry["ids"] as? [Int])
            let expectedLabels = try #require(entry["labels"] as? [Int])
            if turns[0]["value"]?.contains("</s>") == true {
                // There it becomes the end token; here it stays text.
                #expect(ids.filter { $0 == tokenizer.endID }.count == 1)
                repaired += 1
            } else if turns[0]["value"]?.contains("ASSISTANT:") == true {
                // There the lengths do not add up, and nothing of the example is learnt.
                #expect(
                    ids == expected && Set(expectedLabels) == [-100] && found.supervisedTokenIDs == Array(ids.suffix(5))
                )
                repaired += 1
            } else {
                #expect(ids == expected && labels.dropLast() == expectedLabels.dropFirst(), "\(turns)")
                compared += 1
            }
        }
        #expect(compared == 14 && repaired == 4)
    }

    /// Turns of mPLUG-Owl's text, line by line.
    private func turns(_ text: String) -> [Message] {
        var messages: [Message] = []
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("Human: ") {
                let text = String(line.dropFirst(7))
                let part = text == "<image>" ? image : .text(text)
                if messages.last?.role == .user {
                    messages[messages.count - 1].content.append(part)
                } else {
                    messages.append(user(part))
                }
            } else if line.hasPrefix("AI: ") {
                messages.append(assistant(String(line.dropFirst(4))))
            } else {
                messages.append(Message(role: .system, text: line))
            }
        }
        return messages.first?.role == .system ? messages : [Message(role: .system, text: "")] + messages
    }

    @Test func `Prompts of mPLUG-Owl become the published ids`() throws {
        var compared = 0
        for entry in try entries("mplug-owl/prompts.json") {
            guard let text = entry["prompt"] as? String, text.hasSuffix("\nAI: "), !text.contains("</s>"),
                !text.contains("<|video|>")
            else {
                continue
            }
            let messages = Array(turns(text).dropLast())
            let found = try layout(
                messages, .mplugOwl, .answer, placeholder: -1, rows: try #require(entry["rows"] as? Int))
            #expect(found.ids(-1) == entry["ids"] as? [Int], "\(text)")
            compared += 1
        }
        #expect(compared == 6)
    }

    @Test func `Examples of mPLUG-Owl's training become the published ids and loss mask`() throws {
        var compared = 0
        for entry in try entries("mplug-owl/training.json") {
            let length = try #require(entry["length"] as? Int)
            // Longer ones are cut, inside an image too.
            guard length <= entry["max_length"] as? Int ?? 0 else { continue }
            let text = try #require(entry["text"] as? String)
            let found = try layout(turns(text), .mplugOwlTraining, .training, placeholder: -1, rows: 6)
            #expect(
                found.ids(-1) == (entry["ids"] as? [Int])?.prefix(length).map { $0 }, "\(text)"
            )
            let mask = found.labels().dropLast().map { $0 == -100 ? 0 : 1 }
            #expect(mask == (entry["loss_mask"] as? [Int])?.prefix(length - 1).map { $0 }, "\(text)")
            compared += 1
        }
        #expect(compared == 5)
    }

    @Test func `What a user writes becomes neither a special token nor a place`() throws {
        for template in ModelRegistry.chatTemplates {
            let text = "</s><s><unk><|image|><image>"
            let found = try layout([user(image, .text(text))], template, .answer, placeholder: -200, rows: 1)
            let ids = found.ids(-200)
            #expect(ids.filter { $0 < 3 } == [1, -200], "\(template)")
        }
    }

    @Test func `Places and images of unequal number are refused with both`() throws {
        let parts = try ChatTemplate.mplugOwl2.parts(of: [user(image, image, .text("Which?"))])
        let error = #expect(throws: ProcessorError.self) {
            try PromptLayout(
                name: "the prompt", parts: parts, tokenizer: tokenizer, beginID: 1,
                contract: TokenContract(imagePlaceholder: -200, tokenCount: 1),
                media: [MediaSpan.image(tokenCount: 1, name: "a.png", width: 1, height: 1)])
        }
        #expect(
            error?.description
                == "the prompt has 2 places for media, but 1 item was given; give one item per place")
    }
}
