import Evaluation
import Foundation
import Reports
import Terminal

/// An evaluation that has come to its end, with what its page needs.
struct FinishedEvaluation {
    var folder: String
    var identity: EvaluationIdentity
    var data: EvaluationData
    var outcome: EvaluationRun.Outcome

    var pagePath: String { "\(folder)/\(EvaluationRun.FileName.page)" }

    /// Writes `report.html`.
    func writePage(command: String, comparison: PairedComparison?) throws {
        let page = EvaluationPage.render(
            outcome, identity: identity, data: data, command: command, comparison: comparison)
        try EvaluationFile.write(Data(page.utf8), to: pagePath)
    }
}

/// What the command prints at its end, as a value for `--json` and as text.
struct EvaluationSummary: Encodable {
    /// One evaluated model.
    struct Entry: Encodable {
        var output: String
        var identity: EvaluationIdentity
        var report: EvaluationReport
        var notes: [String]
    }

    /// Comparison lines with their verdict spelled out.
    struct Comparison: Encodable {
        struct Line: Encodable {
            var values: PairedComparison.Line
            var verdict: String
            var isDistinguishable: Bool
        }
        var first: String
        var second: String
        var lines: [Line]
        var unpaired: [String]
        var caveats: [String]
    }

    var evaluations: [Entry]
    var comparison: Comparison?
    private let tables: [String]

    private enum CodingKeys: CodingKey { case evaluations, comparison }

    init(evaluations finished: [FinishedEvaluation], comparison: PairedComparison?) {
        evaluations = finished.map {
            Entry(output: $0.folder, identity: $0.identity, report: $0.outcome.report, notes: $0.outcome.notes)
        }
        self.comparison = comparison.map { comparison in
            Comparison(
                first: comparison.first, second: comparison.second,
                lines: comparison.lines.map {
                    .init(values: $0, verdict: $0.verdict, isDistinguishable: $0.isDistinguishable)
                }, unpaired: comparison.unpaired, caveats: comparison.caveats)
        }
        tables = finished.map(Self.text) + [comparison.map(Self.text)].compactMap { $0 }
    }

    /// The tables, one after the other.
    var text: String { tables.joined(separator: "\n\n") }

    private static func text(_ finished: FinishedEvaluation) -> String {
        let report = finished.outcome.report
        let notes = finished.outcome.notes.map { "skipped: \($0)\n" }.joined()
        return "\(finished.identity.model.path)\n\n\(report.table)\n\n\(notes)"
            + "\(report.split) split, seed \(report.seed), \(String(format: "%.1f", report.seconds)) s"
            + (finished.outcome.resumedCount > 0
                ? ", \(finished.outcome.resumedCount) answers from an earlier run" : "")
            + "\npredictions: \(finished.folder)/\(EvaluationRun.FileName.predictions)\nreport: \(finished.pagePath)"
    }

    private static func text(_ comparison: PairedComparison) -> String {
        let unpaired =
            comparison.unpaired.map { "not in both: \($0)\n" }.joined()
            + comparison.caveats.map { "caution: \($0)\n" }.joined()
        return "A: \(comparison.first)\nB: \(comparison.second)\n\n\(comparison.table)\n\n\(unpaired)"
            + "The interval is that of A - B over the same items (paired bootstrap). An interval that\n"
            + "contains zero makes the difference indistinguishable from zero (unclear). It does not\n"
            + "cover the variation between training seeds."
    }
}

/// A bar for every task: share, rate, time left.
final class EvaluationProgress {
    private var bar: ProgressBar?
    private var number = 0

    /// Draws how far a task is.
    func show(_ step: EvaluationRun.Step) {
        if step.number != number {
            finish()
            number = step.number
            bar = ProgressBar(
                "\(step.number)/\(step.count) \(step.task)", total: step.total, unit: "answers",
                completed: step.completed
            )
        }
        bar?.update(step.completed)
    }

    /// Ends the line.
    func finish() {
        bar?.finish()
        bar = nil
    }
}
