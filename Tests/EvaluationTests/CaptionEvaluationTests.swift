import DataPipeline
import Evaluation
import Generation
import SyrinxModels
import TestSupport
import Testing
import Torch

@Suite struct CaptionEvaluationTests {
    private static func report(count: Int, seed: UInt64 = 0) throws -> EvaluationReport {
        try CaptionEvaluation(seed: seed, resampleCount: 50).run(
            OracleModel.subject, set: OracleModel.set(count: count), statistics: OracleModel.statistics,
            blank: Tensor.full([3, 2, 2], value: -1))
    }

    @Test func `a model that sees everything scores one where its controls do not`() throws {
        let report = try Self.report(count: 40)
        #expect(report.itemCounts == ["emoji": 40])
        let colour = try #require(report.score("dominant colour", on: "emoji"))
        #expect(colour.estimate.value == 1)
        #expect(colour.estimate.itemCount == 40)
        // Greens are two of five; a blank picture prefers nothing.
        #expect(try #require(colour.control("training majority")).value == 0.4)
        #expect(try #require(colour.control("blank picture")).value < 0.5)
        #expect(try #require(colour.control("shuffled pictures")).value < 0.6)

        let group = try #require(report.score("group", on: "emoji"))
        #expect(group.estimate.value == 1)
        #expect(try #require(group.control("blank picture")).value == 1.0 / 3)
        #expect(try #require(group.control("training majority")).value == 1.0 / 3)
        let plain = try #require(report.score("group, uncalibrated", on: "emoji"))
        #expect(plain.control("training majority")?.value == 0.6)

        let name = try #require(report.score("name", on: "emoji"))
        #expect(name.estimate.value == 1)
        #expect(try #require(name.control("shuffled pictures")).value < 0.6)
    }

    @Test func `matching shares the point among equal images and is blind when images are shuffled`() throws {
        let report = try Self.report(count: 60)
        for task in ["which of 4 images (full caption)", "which of 4 images (name alone)"] {
            let score = try #require(report.score(task, on: "emoji"))
            // Distractors may show the same of the five things: those ties halve or third the point.
            #expect(score.estimate.value > 0.65)
            #expect(try #require(score.control("shuffled pictures")).value < 0.45)
            #expect(score.control("chance")?.value == 0.25)
        }
        #expect(ImageMatchingTask.point(2, against: [1, 0, 1]) == 1)
        #expect(ImageMatchingTask.point(2, against: [2, 0, 1]) == 0.5)
        #expect(ImageMatchingTask.point(2, against: [2, 3, 1]) == 0)
    }

    @Test func `the same seed gives the same report and another seed other distractors`() throws {
        var first = try Self.report(count: 30)
        var second = try Self.report(count: 30)
        var other = try Self.report(count: 30, seed: 1)
        (first.seconds, second.seconds, other.seconds) = (0, 0, 0)
        #expect(first == second)
        #expect(first.scores != other.scores)
    }

    @Test func `sources too small for four images are left out of matching only`() throws {
        let report = try Self.report(count: 4)
        #expect(report.score("which of 4 images (full caption)", on: "emoji") == nil)
        #expect(report.score("dominant colour", on: "emoji") != nil)
    }

    @Test func `descriptions pair what the corpus says with what the model says`() throws {
        let evaluation = CaptionEvaluation()
        let items = try evaluation.describe(OracleModel.subject, set: OracleModel.set(count: 5), indices: [1, 3])
        #expect(items.map(\.colour) == ["green", "yellow"])
        #expect(items[0].truth == "name: frog. kind: animals. colours: green.")
        #expect(items.map(\.id) == ["emoji/1", "emoji/3"])
    }

    @Test(arguments: [(" red, green.", "red"), ("", ""), ("  .: ", ""), ("Light-blue", "light")])
    func `the first word is the first run of letters in lower case`(text: String, word: String) {
        #expect(DominantColourTask.firstWord(text) == word)
    }

    @Test func `the likeliest class is the first of equals`() {
        #expect(KindTask.best([0, 2, 2, 1]) == 1)
    }

    @Test func `training statistics name the majority`() {
        #expect(OracleModel.statistics.majorityColour(source: "emoji") == "green")
        #expect(OracleModel.statistics.majorityColour(source: "unknown") == nil)
        #expect(OracleModel.statistics.kinds["emoji"]?["nature"] == 3)
    }
}

@Suite struct CaptioningTests {
    /// The oracle's set with captions that people wrote: "frog", and a second one for every item.
    private static func context(count: Int) -> EvaluationContext {
        let set = OracleModel.set(count: count)
        let written = set.items.map { item in
            var item = item
            item.writtenCaptions = [item.caption.name, "an image of \(item.caption.name)"]
            return item
        }
        var statistics = CaptionStatistics()
        for item in written { statistics.add(item.caption, written: item.writtenCaptions, source: item.source) }
        return CaptionEvaluation(sources: [], resampleCount: 50).context(
            OracleModel.subject, set: CaptionedSet(split: .test, items: written, pixelValues: set.pixelValues),
            statistics: statistics, blank: Tensor.full([3, 2, 2], value: -1))
    }

    @Test func `captions are scored against every reference, beside blank, shuffled and majority answers`() throws {
        let context = Self.context(count: 40)
        let task = CaptioningTask(context.set, template: CaptionTemplate(), prompt: "name:")
        let scores = try task.scores(context)
        #expect(scores.map(\.metric) == ["CIDEr-D", "token F1", "exact match"])
        #expect(scores[2].estimate.value == 1 && scores[1].estimate.value == 1)
        for score in scores {
            let own = score.estimate.value
            #expect(try #require(score.control("blank picture")).value < own)
            #expect(try #require(score.control("shuffled pictures")).value < own)
            #expect(try #require(score.control("training majority")).value < own)
        }
        // "an image of apple" is the first of the most frequent captions; one item in five shows an apple.
        #expect(scores[2].control("training majority")?.value == 0.2)
    }

    @Test func `answers can be asked for in parts, and the parts make the same report`() throws {
        let context = Self.context(count: 40)
        let task = CaptioningTask(context.set, template: CaptionTemplate(), prompt: "name:")
        let places = task.places(context)
        let parts = try [places[..<15], places[15...]].flatMap { try task.predictions(context, places: Array($0)) }
        #expect(parts == (try task.predictions(context, places: places)))
        #expect(task.scores(context, parts) == (try task.scores(context)))
        #expect(parts.last?.id == Prediction.blankID && parts.last?.scores.isEmpty == true)
        #expect(parts[0].prompt == "<image>name:" && parts[0].references == ["apple", "an image of apple"])
    }

    @Test func `items without what a task asks for are obstacles, not crashes`() throws {
        var set = OracleModel.set(count: 6)
        set = CaptionedSet(
            split: .test,
            items: set.items.map {
                CaptionedSet.Item(
                    id: $0.id, source: $0.source, caption: .init(name: ""), provenance: $0.provenance, png: [])
            }, pixelValues: set.pixelValues)
        let evaluation = CaptionEvaluation(
            questions: CaptionEvaluation.Question.allCases, sources: [], groupSources: ["emoji"], resampleCount: 5)
        let context = evaluation.context(
            OracleModel.subject, set: set, statistics: CaptionStatistics(), blank: Tensor.full([3, 2, 2], value: -1))
        for question in evaluation.questions {
            for task in try nonempty(evaluation.tasks(question, on: set)) {
                #expect(task.obstacle(context) != nil, "\(task.name)")
            }
        }
    }
}
