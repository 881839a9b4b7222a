import DataPipeline
import Foundation
import Processors
import SyrinxModels
import Testing

/// What `data check` counts against what a loader learns from.
@Suite struct ConversationCheckTests {
    private static func record(_ turns: [(String, String)]) -> String {
        let lines = turns.map { #"{"from": "\#($0.0)", "value": "\#($0.1)"}"# }
        return #"{"conversations": [\#(lines.joined(separator: ", "))]}"#
    }

    private static let lines = [
        record([("human", "a"), ("gpt", ""), ("human", "b"), ("gpt", "later")]),
        record([("human", "a"), ("gpt", "one"), ("human", "b"), ("gpt", " "), ("human", "c"), ("gpt", "two")]),
        record([("human", "a"), ("gpt", "one"), ("human", "b"), ("gpt", "")]),
        record([("human", "a"), ("human", "b"), ("gpt", "one")]),
        record([("human", "a"), ("gpt", "one"), ("gpt", "two")]),
        record([("human", "a"), ("gpt", " ")]),
        record([("human", "a"), ("gpt", "one"), ("system", "x"), ("human", "b"), ("gpt", "two")]),
        record([("human", ""), ("gpt", "one")]), record([("gpt", "none"), ("human", "a"), ("gpt", "one")]),
        #"{"text": "Human: a\nAI: one\nHuman: b\nAI: two"}"#, #"{"text": "Human: a\nAI: one\nAI: two"}"#,
        #"{"text": "Human: a"}"#, "nonsense",
    ]

    @Test(arguments: ModelRegistry.chatTemplates)
    func `The check counts the answers that are learnt, and names the records that training cannot use`(
        template: ChatTemplate
    ) throws {
        let fixture = try ConversationFixture(Self.lines.joined(separator: "\n"), name: "data.jsonl")
        let source = try fixture.source(template: template, contextLength: 1024)
        var (learnt, unusable) = (0, [String]())
        for number in Self.lines.indices {
            let example = try? source.examples(ofEntry: number).first
            // In these records every answer that is learnt has an end token behind it that is learnt, too.
            let ends = example?.layout.supervisedTokenIDs.count { $0 == ByteTokenizer().endID } ?? 0
            learnt += ends
            if ends == 0 { unusable.append("\(fixture.path)#\(number)") }
        }
        let report = try ConversationCheck(
            try ConversationFile(fixture.path), decoder: FiveByteDecoder(), template: template
        ).run(workerCount: 1)
        #expect(report.answerCount == learnt && report.failures.map(\.id) == unusable)
        #expect(report.template == template.name && report.recordCount == Self.lines.count)
    }

    @Test func `Answers behind an empty one are learnt, and the check says which turn is out of order`() throws {
        let fixture = try ConversationFixture(Self.lines.joined(separator: "\n"), name: "data.jsonl")
        let source = try fixture.source()
        let learnt = try (0..<3).map {
            ByteTokenizer().decode(try source.example(ofEntry: $0).layout.supervisedTokenIDs)
        }
        #expect(learnt == [" later", " one two", " one"])
        let report = try ConversationCheck(
            try ConversationFile(fixture.path), decoder: FiveByteDecoder(), template: .mplugOwl2
        ).run(workerCount: 2)
        #expect(report.failures.count == 8 && report.answerCount == 7)
        for (place, reason) in [
            (0, "message 2 of 3: expected a message of assistant, found user"),
            (1, "message 3 of 3: expected a message of user, found assistant"),
            (2, "the assistant's answers are empty"),
        ] { #expect(report.failures[place].reason.contains(reason), "\(report.failures[place].reason)") }
    }
}
