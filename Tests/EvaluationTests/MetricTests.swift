import Evaluation
import Testing

@Suite struct MetricTests {
    typealias Observation = BalancedAccuracy.Observation

    @Test func `balanced accuracy averages recalls over the classes present`() {
        // Class 0: 3 of 4 right; class 2: 0 of 1 right; class 1 never occurs.
        let observations = [
            Observation(truth: 0, prediction: 0), Observation(truth: 0, prediction: 0),
            Observation(truth: 0, prediction: 0), Observation(truth: 0, prediction: 2),
            Observation(truth: 2, prediction: 0),
        ]
        #expect(BalancedAccuracy().value(observations) == 0.375)
    }

    @Test func `always answering the majority scores one over the number of classes`() {
        let observations = (0..<90).map { Observation(truth: $0 < 80 ? 0 : 1 + $0 % 8, prediction: 0) }
        #expect(abs(BalancedAccuracy().value(observations) - 1.0 / 9) < 1e-12)
    }

    @Test func `token F1 is the harmonic mean of precision and recall over words`() {
        #expect(TokenF1.score("flag: Bolivia", "flag: France") == 0.5)
        #expect(TokenF1.score("red apple", "apple") == 2.0 / 3)
        #expect(TokenF1.score("tomato", "Tomato!") == 1)
        #expect(TokenF1.score("", "tomato") == 0)
        #expect(TokenF1.score("a a a", "a") == 0.5)
    }

    @Test func `three decimals are printed without losing sign or zeros`() {
        #expect(threeDecimals(0.0714) == "0.071")
        #expect(threeDecimals(12) == "12.000")
        #expect(threeDecimals(-0.5) == "-0.500")
        #expect(threeDecimals(-0.0001) == "0.000")
        #expect(threeDecimals(0.9996) == "1.000")
    }

    @Test func `the table lines up scores and controls`() {
        let score = TaskScore(
            task: "dominant colour", population: "emoji", metric: "accuracy",
            estimate: Estimate(value: 0.7, lower: 0.6, upper: 0.8, itemCount: 185),
            controls: [.init("chance", constant: 0.25, itemCount: 185)], method: "Greedy.")
        let report = EvaluationReport(
            split: "test", seed: 0, itemCounts: ["emoji": 185], scores: [score], seconds: 1)
        let lines = report.table.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("dominant colour  emoji  accuracy  0.700  [0.600, 0.800]  185"))
        #expect(lines[2].contains("chance") && lines[2].contains("0.250") && !lines[2].contains("["))
        #expect(report.score("dominant colour", on: "emoji")?.control("chance")?.value == 0.25)
    }
}
