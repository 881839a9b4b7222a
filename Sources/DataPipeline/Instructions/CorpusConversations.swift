import Foundation
import Processors

/// The captions of a corpus as questions and answers, and the glosses of its dictionary as questions about words.
///
/// What is asked of an image, in which words and in which order, follows from its identifier: the same in every run.
public final class CorpusConversations: ConversationStore {
    private let corpus: CorpusFolder
    private let entries: [Int]

    /// The source of text records whose lines are a word, a colon and its gloss.
    static let glosses = "wordnet"

    /// - Throws: ``DataError`` when the corpus has no captions.
    public init(_ corpus: CorpusFolder) throws(DataError) {
        self.corpus = corpus
        entries = corpus.index.entries.indices.filter {
            let entry = corpus.index.entries[$0]
            return entry.kind == .captioned || entry.source == Self.glosses
        }
        guard entries.contains(where: { corpus.index.entries[$0].kind == .captioned }) else {
            throw DataError("the corpus at \(corpus.url.path) has no captions to make questions and answers from")
        }
    }

    package var name: String { corpus.url.path }
    package var identity: String { "questions on \(corpus.index.manifestHash)" }
    public var count: Int { entries.count }
    package var unreadKeys: UnreadKeys { UnreadKeys() }

    package func hasImages(_ number: Int) -> Bool { !corpus.index.entries[entries[number]].images.isEmpty }
    package func split(of number: Int) -> CorpusSplit { corpus.index.entries[entries[number]].split }

    package func image(_ image: Int, of number: Int) throws -> [UInt8] {
        try corpus.image(image, of: corpus.index.entries[entries[number]])
    }

    package func quarantineEntry(_ number: Int, reason: String) -> QuarantineEntry {
        corpus.quarantineEntry(entries[number], error: DataError(reason))
    }

    package func conversation(_ number: Int) throws -> Conversation {
        let record = try corpus.record(corpus.index.entries[entries[number]])
        var random = KeyedRandom(seed: 0, purpose: .caption, number)
        var turns = record.caption.map(Self.questions) ?? Self.questions(onGlosses: record.parts)
        random.shuffle(&turns)
        let messages = turns.enumerated().flatMap { place, turn in
            let question = turn.questions[random.below(turn.questions.count)]
            let mark = place == 0 ? record.imageNames.map { _ in "<image>" }.joined() : ""
            return [Message(role: .user, marked: mark + question), Message(role: .assistant, text: turn.answer)]
        }
        return Conversation(id: record.id, images: record.imageNames, form: .turns(messages))
    }

    private typealias Turn = (questions: [String], answer: String)

    /// What a caption can answer; a field without a value is not asked for.
    private static func questions(about caption: CorpusRecord.Caption) -> [Turn] {
        var turns: [Turn] = [
            (
                ["What is in this picture?", "What does the picture show?", "Name what you see."], caption.name + "."
            )
        ]
        if !caption.colours.isEmpty {
            turns.append(
                (
                    ["Which colours do you see?", "What colours does the picture have?"],
                    caption.colours.joined(separator: ", ") + "."
                ))
        }
        if let kind = caption.kind {
            turns.append((["What kind of thing is it?", "Which group does it belong to?"], kind + "."))
        }
        return turns
    }

    /// Questions about the first few words of a dictionary's page; examples in quotes are left out.
    private static func questions(onGlosses parts: [CorpusRecord.Part]) -> [Turn] {
        let text = parts.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: "\n")
        return text.unicodeScalars.split(separator: "\n").lazy.map(Substring.init).compactMap { line -> Turn? in
            guard let colon = line.firstRange(ofScalars: ": ") else { return nil }
            let word = line[..<colon.lowerBound]
            let gloss = line[colon.upperBound...].firstScalars { $0 != ";" }
            return gloss.isEmpty ? nil : (["What does \(word) mean?", "Explain \(word)."], gloss + ".")
        }.prefix(3).map { $0 }
    }
}
