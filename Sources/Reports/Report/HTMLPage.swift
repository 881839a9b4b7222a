import Evaluation

/// The pieces that pages about models share: skeleton, scores, images, facts. One self-contained file each, with inline
/// SVG and PNG, no scripts, nothing from elsewhere.
enum HTMLPage {
    /// The whole page.
    static func page(title: String, sections: [String]) -> String {
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>
            \(HTMLStyle.sheet)
            </style>
            </head>
            <body>
            \(sections.joined(separator: "\n"))
            </body>
            </html>

            """
    }

    /// One row per score and control; marks stand in the last column.
    static func scores(_ evaluation: EvaluationReport, passMarks: [DemoReport.PassMark] = []) -> String {
        var rows = [
            "<tr><th>task</th><th>on</th><th>metric</th><th class=\"number\">score</th>"
                + "<th>95 % interval</th><th class=\"number\">n</th><th>mark</th></tr>"
        ]
        for score in evaluation.scores {
            let mark = self.mark(score, control: nil, in: evaluation, passMarks: passMarks)
            rows.append(
                "<tr title=\"\(escaped(score.method))\"><td>\(escaped(score.task))</td><td>\(escaped(score.population))</td>"
                    + "<td>\(escaped(score.metric))</td>\(numbers(score.estimate))<td>\(mark)</td></tr>")
            for control in score.controls {
                let mark = self.mark(score, control: control.name, in: evaluation, passMarks: passMarks)
                rows.append(
                    "<tr class=\"control\"><td>\(escaped(control.name))</td><td></td><td></td>"
                        + "\(numbers(control.estimate))<td>\(mark)</td></tr>")
            }
        }
        var methods = [String]()
        for score in evaluation.scores where !methods.contains("\(score.task): \(score.method)") {
            methods.append("\(score.task): \(score.method)")
        }
        return """
            <div class="scroll"><table>\(rows.joined(separator: "\n"))</table></div>
            <p class="soft">Split: \(escaped(evaluation.split)); seed \(evaluation.seed). Intervals are bootstraps over items and do not cover the variation between training seeds.</p>
            <details><summary>How each score is measured</summary><ul>\(methods.map { "<li>\(escaped($0))</li>" }.joined())</ul></details>
            """
    }

    private static func numbers(_ estimate: Estimate) -> String {
        let interval =
            estimate.lower == estimate.upper
            ? "" : "\(threeDecimals(estimate.lower)) to \(threeDecimals(estimate.upper))"
        return "<td class=\"number\">\(threeDecimals(estimate.value))</td><td>\(interval)</td>"
            + "<td class=\"number\">\(estimate.itemCount)</td>"
    }

    private static func mark(
        _ score: TaskScore, control: String?, in evaluation: EvaluationReport, passMarks: [DemoReport.PassMark]
    ) -> String {
        passMarks
            .filter { $0.task == score.task && $0.population == score.population && $0.control == control }
            .map { mark in
                let least = mark.atLeast.map { "at least \(threeDecimals($0))" }
                let most = mark.atMost.map { "at most \(threeDecimals($0))" }
                let bounds = [least, most].compactMap { $0 }.joined(separator: ", ")
                return mark.passes(in: evaluation)
                    ? "<span class=\"good\">passes (\(bounds))</span>"
                    : "<span class=\"bad\">misses (\(bounds))</span>"
            }
            .joined(separator: "; ")
    }

    /// Images with what is true and what the model says.
    static func gallery(_ items: [DemoReport.GalleryItem]) -> String {
        let figures = items.map { item in
            """
            <figure><img src="data:image/png;base64,\(escaped(item.pngBase64))" width="\(item.width)" height="\(item.height)" alt="\(escaped(item.truth))">
            <dl><dt>the model says</dt><dd>\(escaped(item.generated))</dd><dt>the corpus says</dt><dd>\(escaped(item.truth))</dd></dl>
            <figcaption>\(escaped(item.source))</figcaption></figure>
            """
        }
        return "<div class=\"gallery\">\n\(figures.joined(separator: "\n"))\n</div>"
    }

    /// A table of names and values.
    static func facts(_ facts: [DemoReport.Fact]) -> String {
        let rows = facts.map { "<tr><td>\(escaped($0.name))</td><td>\(escaped($0.value))</td></tr>" }
        return "<div class=\"scroll\"><table>\(rows.joined(separator: "\n"))</table></div>"
    }

    /// Whose works are pictured.
    static func credits(_ items: [DemoReport.GalleryItem]) -> String {
        let lines = items.map { "<li>\(escaped($0.id)): \(escaped($0.credit))</li>" }
        return "<details><summary>\(items.count) pictured items</summary><ul>\(lines.joined())</ul></details>"
    }

    /// Remarks as a list.
    static func notes(_ notes: [String]) -> String {
        notes.isEmpty ? "" : "<ul>" + notes.map { "<li>\(escaped($0))</li>" }.joined() + "</ul>"
    }
}
