import Codecs
import DataPipeline
public import Evaluation
import Foundation

/// Draws an evaluation as one self-contained HTML file: scores beside their controls, a comparison, images with answers.
public enum EvaluationPage {
    /// The whole page as text.
    /// - Parameters:
    ///   - command: the command line that made the evaluation.
    ///   - comparison: a paired comparison with another evaluation.
    ///   - galleryCount: greatest number of images shown; of a corpus, only those that may be shown freely are.
    public static func render(
        _ outcome: EvaluationRun.Outcome, identity: EvaluationIdentity, data: EvaluationData, command: String,
        comparison: PairedComparison? = nil, galleryCount: Int = 24
    ) -> String {
        let model = identity.model.path
        let places = DemoReport.gallery(of: data.set, count: galleryCount, onlyFree: !data.isOwn)
        let answers = Dictionary(grouping: outcome.predictions) { $0.id }
        let items = places.map { place in
            let item = data.set.items[place]
            return DemoReport.galleryItem(
                item, truth: truth(of: item, identity.settings.evaluation.template),
                generated: said(answers[item.id] ?? []))
        }
        var sections = [
            "<h1>What \(escaped(model)) says of \(escaped(data.path))</h1>",
            "<h2>Scores on held-out images</h2>", HTMLPage.scores(outcome.report),
        ]
        if let comparison {
            sections += ["<h2>Paired comparison</h2>", Self.comparison(comparison)]
        }
        if !items.isEmpty { sections += ["<h2>Images it was asked about</h2>", HTMLPage.gallery(items)] }
        sections += [
            "<h2>The evaluation</h2>", "<pre>\(escaped(command))</pre>",
            HTMLPage.facts(facts(outcome, identity, data)), HTMLPage.notes(notes(outcome, data)),
        ]
        if !items.isEmpty && !data.isOwn { sections += ["<h2>Credits</h2>", HTMLPage.credits(items)] }
        return HTMLPage.page(title: "Evaluation of \(model)", sections: sections)
    }

    /// The captions, or the question and its answers.
    private static func truth(of item: CaptionedSet.Item, _ template: CaptionTemplate) -> String {
        guard let question = item.question else { return item.references(template).joined(separator: " / ") }
        return "\(question.text) \(question.answers.joined(separator: " / "))"
    }

    /// The model's caption, then a line for each other task.
    private static func said(_ predictions: [Prediction]) -> String {
        predictions.map { prediction in
            let marks = prediction.scores.sorted { $0.key < $1.key }.map { "\($0.key) \(threeDecimals($0.value))" }
            let answer = prediction.generated ?? prediction.chosen ?? ""
            return "\(prediction.task): \(answer.isEmpty ? "(nothing)" : answer) [\(marks.joined(separator: ", "))]"
        }.joined(separator: "\n")
    }

    private static func comparison(_ comparison: PairedComparison) -> String {
        let rows = comparison.lines.map { line in
            let interval = "\(threeDecimals(line.difference.lower)) to \(threeDecimals(line.difference.upper))"
            let verdict = line.isDistinguishable ? "<b>\(escaped(line.verdict))</b>" : escaped(line.verdict)
            let numbers = [line.first.value, line.second.value, line.difference.value]
                .map { "<td class=\"number\">\(threeDecimals($0))</td>" }
            return
                "<tr><td>\(escaped(line.task))</td><td>\(escaped(line.population))</td><td>\(escaped(line.metric))</td>\(numbers.joined())"
                + "<td>\(interval)</td><td class=\"number\">\(line.difference.itemCount)</td><td>\(verdict)</td></tr>"
        }
        return """
            <p>A is \(escaped(comparison.first)), B is \(escaped(comparison.second)). The interval is a 95 % bootstrap of the difference over the same items; of twenty lines without a real difference, one will look like one.</p>
            <div class="scroll"><table><tr><th>task</th><th>on</th><th>metric</th><th class="number">A</th><th class="number">B</th><th class="number">A - B</th><th>95 % interval</th><th class="number">n</th><th></th></tr>
            \(rows.joined(separator: "\n"))</table></div>
            \(comparison.caveats.map { "<p><b>Caution:</b> \(escaped($0)).</p>" }.joined())
            """
    }

    private static func facts(
        _ outcome: EvaluationRun.Outcome, _ identity: EvaluationIdentity, _ data: EvaluationData
    ) -> [DemoReport.Fact] {
        let counts = outcome.report.itemCounts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return [
            .init("model", "\(identity.model.path), SHA-256 \(identity.model.sha256)"),
            .init("data", "\(identity.data.path), SHA-256 \(identity.data.sha256)"),
            .init("items", counts.joined(separator: ", ")), .init("computed in", identity.settings.compute),
            .init(
                "time",
                "\(Int(outcome.report.seconds.rounded(.up))) s, \(outcome.resumedCount) answers from an earlier run"),
        ]
    }

    private static func notes(_ outcome: EvaluationRun.Outcome, _ data: EvaluationData) -> [String] {
        outcome.notes.map { "Skipped: \($0)." }
            + (data.isGenerated
                ? ["The corpus consists of rendered scenes; these scores are not comparable with others."]
                : [])
    }
}
