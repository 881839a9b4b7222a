internal import DataPipeline
internal import Foundation

/// WordNet's definitions and example sentences as plain text, about 190 words to an item.
struct WordNetSource: StarterSource {
    let packages = ["wordnet-base"]

    private static let partsOfSpeech = ["data.noun", "data.verb", "data.adj", "data.adv"]
    private static let wordsPerItem = 192

    func drafts(_ context: StarterContext) throws -> [Draft] {
        var drafts: [Draft] = []
        try context.forEachFile(
            in: packages[0], where: { path in Self.partsOfSpeech.contains { path.hasSuffix("/wordnet/\($0)") } }
        ) { path, bytes in
            var sentences: [String] = []
            var wordCount = 0
            var first = ""
            var domain = ""
            func end() {
                guard !sentences.isEmpty else { return }
                drafts.append(
                    Draft(
                        source: "wordnet", kind: .textOnly, parts: [.text(sentences.joined(separator: "\n"))],
                        group: "\(path)#\(first)",
                        provenance: context.provenance(
                            packages[0], path: "\(path)#\(first)", licence: "LicenseRef-WordNet-3.0",
                            creator: "Princeton University")))
                sentences = []
                wordCount = 0
            }
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("  ") {
                guard let synset = WordNetSynset(line) else { continue }
                // Neighbours in the file are neighbours in meaning as long as the lexicographer's file is the same.
                if synset.domain != domain || wordCount >= Self.wordsPerItem { end() }
                if sentences.isEmpty { first = synset.offset }
                domain = synset.domain
                sentences.append(synset.sentence)
                wordCount += synset.sentence.split(separator: " ").count
            }
            end()
        }
        return drafts.sorted { $0.group < $1.group }
    }
}

/// One line of a WordNet data file (wndb(5WN)).
package struct WordNetSynset: Hashable, Sendable {
    /// The line's own offset, which is its name.
    package var offset: String
    /// The lexicographer's file, two digits.
    package var domain: String
    package var words: [String]
    /// Definition and examples as they stand after the bar.
    package var gloss: String

    /// Reads `offset file type count word id word id ... | gloss`; nil for anything else.
    package init?(_ line: some StringProtocol) {
        guard let bar = line.range(of: " | ") else { return nil }
        let fields = line[..<bar.lowerBound].split(separator: " ")
        guard fields.count > 4, let count = Int(fields[3], radix: 16), fields.count >= 4 + 2 * count else { return nil }
        offset = String(fields[0])
        domain = String(fields[1])
        words = (0..<count).map { index in
            let word = String(fields[4 + 2 * index]).replacingOccurrences(of: "_", with: " ")
            // Adjectives carry a marker of their position: "galore(ip)".
            return word.hasSuffix(")") ? String(word.prefix { $0 != "(" }) : word
        }
        gloss = String(line[bar.upperBound...]).collapsed
    }

    /// "apple: fruit with red or yellow or green skin and sweet to tart crisp whitish flesh".
    package var sentence: String { words.joined(separator: ", ") + ": " + gloss }
}
