import Evaluation
import Foundation
import TestSupport
import Testing

/// What `scripts/reference/caption_scores.py` took from the COCO caption evaluation.
private struct CaptionReference: Decodable {
    struct Sentence: Decodable, CustomTestStringConvertible {
        let text: String
        let words: [String]
        var testDescription: String { text }
    }

    struct Scored: Decodable, CustomTestStringConvertible {
        let name: String
        let references: [[String]]
        let captions: [String]
        let scores: [Double]
        let mean: Double
        var testDescription: String { name }
    }

    let sentences: [Sentence]
    let sets: [Scored]

    static let all: CaptionReference = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/caption-scores.json")
        return try! JSONDecoder().decode(CaptionReference.self, from: Data(contentsOf: file))
    }()
}

@Suite struct CaptionMetricTests {
    @Test(arguments: try nonempty(CaptionReference.all.sentences))
    private func `captions are taken apart as the official tokenizer does`(sentence: CaptionReference.Sentence) {
        #expect(CaptionTokenizer.words(sentence.text) == sentence.words)
    }

    @Test(arguments: try nonempty(CaptionReference.all.sets))
    private func `CIDEr-D equals the official scorer`(set: CaptionReference.Scored) throws {
        let scorer = CIDEr(references: set.references)
        let scores = set.captions.enumerated().map { scorer.score($1, item: $0) }
        for (own, official) in try pairs(scores, set.scores) { #expect(abs(own - official) < 1e-12) }
        #expect(abs(MeanMetric("CIDEr-D").value(scores) - set.mean) < 1e-12)
    }

    @Test func `CIDEr-D has the golden values that papers were scored with`() throws {
        let scorer = CIDEr(references: [
            ["a man riding a horse", "a person rides a brown horse"],
            ["two dogs play in the snow", "dogs running through snow"],
            ["a red bus on a city street", "a bus drives down the road"],
        ])
        let scores = ["a man rides a horse", "two dogs in the snow", "a red car on a road"].enumerated()
            .map { scorer.score($1, item: $0) }
        for (own, golden) in try pairs(scores, [2.579624, 2.895234, 1.397385]) { #expect(abs(own - golden) < 5e-7) }
        #expect(abs(scores.reduce(0, +) / 3 - 2.290748) < 5e-7)
    }

    @Test func `an item alone, an empty caption and an item without references score nothing`() {
        #expect(CIDEr(references: [["a red bus"]]).score("a red bus", item: 0) == 0)
        let scorer = CIDEr(references: [["a red bus on a street"], ["a cat"], []])
        #expect(scorer.score("", item: 0) == 0)
        #expect(scorer.score("a red bus", item: 2) == 0)
        #expect(scorer.score("a red bus on a street", item: 0) == 10)
    }

    @Test func `the best of several references counts for token F1, and any for exact match`() {
        let references = ["a red bus", "the bus"]
        #expect(TokenF1.score("The bus!", references: references) == 1)
        #expect(TokenF1.score("red bus", references: references) == 0.8)
        #expect(TokenF1.score("bus", references: []) == 0)
        #expect(ExactMatch.score("The  BUS!", references: references) == 1)
        #expect(ExactMatch.score("bus the", references: references) == 0)
        #expect(ExactMatch.score("", references: references) == 0)
        #expect(ExactMatch.score("", references: [""]) == 1)
        #expect(ExactMatch.normalised(" Red-and-white  bus. ") == "red and white bus")
    }
}
