import Evaluation

/// Draws a `DemoReport` as one self-contained HTML file: inline SVG and PNG, no scripts, nothing from elsewhere.
public enum HTMLReport {
    /// The whole page as text; the same report gives the same bytes.
    public static func render(_ report: DemoReport) -> String {
        var sections = [
            "<h1>\(escaped(report.title))</h1>",
            "<p>\(escaped(report.summary))</p>",
        ]
        if let evaluation = report.evaluation {
            sections.append("<h2>Scores on held-out images</h2>")
            sections.append(HTMLPage.scores(evaluation, passMarks: report.passMarks))
        }
        if !report.gallery.isEmpty {
            sections.append("<h2>Images it never saw</h2>")
            sections.append(HTMLPage.gallery(report.gallery))
        }
        sections.append("<h2>Loss</h2>")
        sections.append(LossChart(report.curves).svg())
        sections.append(endpoints(report.curves))
        sections.append("<h2>The run</h2>")
        sections.append("<pre>\(escaped(report.command))</pre>")
        sections.append(HTMLPage.facts(report.facts))
        sections.append(HTMLPage.notes(report.notes))
        sections.append("<details><summary>The recipe</summary><pre>\(escaped(report.recipe))</pre></details>")
        if !report.gallery.isEmpty {
            sections.append("<h2>Credits</h2>")
            sections.append(HTMLPage.credits(report.gallery))
        }
        return HTMLPage.page(title: report.title, sections: sections)
    }

    /// First and last loss of every curve, so that "did it fall" needs no ruler.
    private static func endpoints(_ curves: [DemoReport.LossCurve]) -> String {
        let rows = curves.compactMap { curve -> String? in
            let finite = curve.losses.filter(\.isFinite)
            guard let first = finite.first, let last = finite.last else { return nil }
            return "<tr><td>\(escaped(curve.source))</td><td>\(escaped(curve.split))</td>"
                + "<td class=\"number\">\(threeDecimals(first))</td><td class=\"number\">\(threeDecimals(last))</td></tr>"
        }
        guard !rows.isEmpty else { return "" }
        return """
            <div class="scroll"><table><tr><th>source</th><th>split</th><th class="number">first loss</th><th class="number">last loss</th></tr>
            \(rows.joined(separator: "\n"))</table></div>
            """
    }
}
