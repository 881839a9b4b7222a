import Evaluation
import Testing

@Suite struct PairedComparisonTests {
    /// Right on the given share of 200 items, in an order that has nothing to do with the other model's.
    private static func predictions(
        right share: Double, seed: UInt64, count: Int = 200, task: String = "colour", metric: String = "accuracy"
    ) -> [Prediction] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { index in
            let isRight = random.next(below: 1000) < Int(share * 1000)
            return Prediction(
                task: task, id: "item \(index)", source: "emoji", prompt: "<image>colours:",
                references: [index % 10 == 0 ? "rare" : "common"], generated: isRight ? "right" : "wrong",
                scores: [metric: isRight ? 1 : 0])
        }
    }

    private static func compare(_ first: [Prediction], _ second: [Prediction]) throws -> PairedComparison {
        try PairedComparison(first, second, names: ("a", "b"), bootstrap: Bootstrap(resampleCount: 500))
    }

    @Test func `a planted difference is found, and its sign follows the order`() throws {
        let good = Self.predictions(right: 0.8, seed: 1)
        let bad = Self.predictions(right: 0.6, seed: 2)
        let line = try #require(try Self.compare(good, bad).lines.first)
        #expect(line.isDistinguishable && line.verdict == "A is higher")
        #expect(line.difference.lower > 0 && line.difference.lower < line.difference.value)
        #expect(line.difference.value == line.first.value - line.second.value)
        let reversed = try #require(try Self.compare(bad, good).lines.first)
        #expect(reversed.verdict == "B is higher" && reversed.difference.value == -line.difference.value)
    }

    @Test func `two samples of the same accuracy cannot be told apart, in all but about one of twenty`() throws {
        let found = try (0..<40).filter { seed in
            let line = try Self.compare(
                Self.predictions(right: 0.7, seed: UInt64(2 * seed)),
                Self.predictions(right: 0.7, seed: UInt64(2 * seed + 1))
            ).lines[0]
            return line.isDistinguishable
        }
        #expect(found.count <= 6)
    }

    @Test func `a model does not differ from itself`() throws {
        let own = Self.predictions(right: 0.7, seed: 3)
        let line = try Self.compare(own, own).lines[0]
        #expect(line.difference.value == 0 && line.difference.lower == 0 && line.difference.upper == 0)
        #expect(line.verdict == "indistinguishable from zero")
    }

    @Test func `the table fits a terminal of 80 columns and says of each line what it is about`() throws {
        let metric = "balanced accuracy", task = "dominant colour"
        let good = Self.predictions(right: 0.9, seed: 1, task: task, metric: metric)
        let table = try Self.compare(good, Self.predictions(right: 0.4, seed: 2, task: task, metric: metric)).table
        let lines = table.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.count <= 80 }, "\(table)")
        #expect(lines[1] == "dominant colour, emoji, n 200")
        #expect(lines[2].hasPrefix("  balanced accuracy  ") && lines[2].hasSuffix("  A is higher"))
        #expect(try Self.compare(good, good).table.hasSuffix("  unclear"))
    }

    @Test func `pairing finds a small difference that unpaired intervals hide`() throws {
        let first = Self.predictions(right: 0.5, seed: 4)
        var second = first
        let right = second.indices.filter { second[$0].scores["accuracy"] == 1 }
        for index in right.prefix(8) { second[index].scores["accuracy"] = 0 }
        let line = try Self.compare(first, second).lines[0]
        #expect(line.isDistinguishable)
        #expect(line.first.lower < line.second.upper)
    }

    @Test func `balanced accuracy weighs classes, not items`() throws {
        let metric = BalancedAccuracy().name
        var first = Self.predictions(right: 1, seed: 5, metric: metric)
        for index in first.indices where first[index].references == ["rare"] { first[index].scores[metric] = 0 }
        let line = try Self.compare(first, Self.predictions(right: 1, seed: 5, metric: metric)).lines[0]
        #expect(line.first.value == 0.5 && line.second.value == 1 && line.population == "emoji")
    }

    @Test func `sources stand together, except where each has classes of its own`() throws {
        func mixed(_ metric: String) -> [Prediction] {
            Self.predictions(right: 0.7, seed: 9, count: 40, metric: metric).enumerated().map { index, prediction in
                var prediction = prediction
                prediction.source = index < 20 ? "emoji" : "clipart"
                return prediction
            }
        }
        let plain = try Self.compare(mixed("accuracy"), mixed("accuracy"))
        #expect(plain.lines.map(\.population) == ["all sources"])
        let classes = try Self.compare(mixed(BalancedAccuracy().name), mixed(BalancedAccuracy().name))
        #expect(classes.lines.map(\.population) == ["emoji", "clipart"])
        #expect(classes.lines.map(\.difference.itemCount) == [20, 20])
    }

    @Test func `questions that differ are refused in one sentence, and lone tasks are listed`() throws {
        let own = Self.predictions(right: 0.7, seed: 6)
        #expect(throws: EvaluationError.self) { try Self.compare(own, Array(own.dropLast())) }
        var other = own
        other[3].references = ["other"]
        let error = #expect(throws: EvaluationError.self) { try Self.compare(own, other) }
        #expect(error?.description.contains("another question about item 3") == true)
        #expect(throws: EvaluationError.self) {
            try Self.compare(own, Self.predictions(right: 0.7, seed: 6, task: "name"))
        }
        let both = try Self.compare(own + Self.predictions(right: 0.5, seed: 7, task: "name"), own)
        #expect(both.unpaired == ["name"] && both.lines.map(\.task) == ["colour"])
    }

    @Test func `answers about the blank picture are no items`() throws {
        var own = Self.predictions(right: 0.7, seed: 8)
        own.append(
            Prediction(task: "colour", id: Prediction.blankID, source: "", prompt: "<image>colours:", references: []))
        #expect(try Self.compare(own, own).lines[0].difference.itemCount == 200)
    }
}
