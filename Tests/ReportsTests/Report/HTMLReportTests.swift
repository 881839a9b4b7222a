import Evaluation
import Reports
import Testing

@Suite struct HTMLReportTests {
    private static func report() -> DemoReport {
        let score = TaskScore(
            task: "dominant colour", population: "emoji", metric: "accuracy",
            estimate: Estimate(value: 0.7, lower: 0.6, upper: 0.8, itemCount: 185),
            controls: [.init("blank picture", Estimate(value: 0.3, lower: 0.2, upper: 0.4, itemCount: 185))],
            method: "Greedy first word.")
        return DemoReport(
            title: "A <demo>", summary: "Tom & \"Jerry\"", command: "make demo", facts: [.init("seed", "0")],
            curves: [
                .init(source: "emoji", split: "validation", steps: [0, 100, 200], losses: [8.3, .nan, 2.1]),
                .init(source: "emoji", split: "training", steps: [1, 2], losses: [8, 7]),
                .init(source: "text", split: "validation", steps: [200], losses: [5.2]),
            ],
            evaluation: EvaluationReport(
                split: "test", seed: 0, itemCounts: ["emoji": 185], scores: [score], seconds: 3),
            passMarks: [
                .init(task: "dominant colour", population: "emoji", atLeast: 0.55),
                .init(task: "dominant colour", population: "emoji", control: "blank picture", atMost: 0.25),
            ],
            gallery: [
                .init(
                    id: "emoji/1", source: "emoji", pngBase64: "AAAA", width: 64, height: 64, truth: "name: <b>.",
                    generated: "colours: red.", credit: "fonts, OFL")
            ],
            recipe: "model: mm1 # <script>", notes: ["One seed."])
    }

    @Test func `the page stands alone: no script and nothing fetched from elsewhere`() {
        let page = HTMLReport.render(Self.report())
        #expect(!page.contains("<script"))
        #expect(!page.contains("http://") && !page.contains("https://"))
        #expect(page.contains("data:image/png;base64,AAAA"))
        #expect(page.contains("prefers-color-scheme: dark"))
    }

    @Test(arguments: ["\u{200D}", "\u{FE0F}", "\u{301}", "\u{93F}"])
    func `A sign of HTML before any scalar is escaped`(scalar: String) {
        #expect(
            Array(escaped("<\(scalar)b>\(scalar)&\(scalar)").utf8)
                == Array("&lt;\(scalar)b&gt;\(scalar)&amp;\(scalar)".utf8))
    }

    @Test func `text from models and corpora is escaped everywhere`() {
        let page = HTMLReport.render(Self.report())
        #expect(page.contains("A &lt;demo&gt;") && page.contains("Tom &amp; &quot;Jerry&quot;"))
        #expect(page.contains("name: &lt;b&gt;.") && !page.contains("name: <b>"))
    }

    @Test func `marks are held against scores and controls`() {
        let page = HTMLReport.render(Self.report())
        #expect(page.contains("<span class=\"good\">passes (at least 0.550)</span>"))
        #expect(page.contains("<span class=\"bad\">misses (at most 0.250)</span>"))
    }

    @Test func `a mark on something that was not measured does not pass`() throws {
        let evaluation = try #require(Self.report().evaluation)
        let mark = DemoReport.PassMark(task: "unheard of", population: "emoji", atMost: 1)
        #expect(!mark.passes(in: evaluation))
    }

    @Test func `curves skip what is not finite and a single point is a dot`() {
        let page = HTMLReport.render(Self.report())
        #expect(page.contains("<polyline class=\"line c0\"") && page.contains("class=\"line c0 dashed\""))
        #expect(page.contains("<circle class=\"dot c1\""))
        #expect(!page.contains(",nan") && !page.contains(">nan<"))
    }

    @Test func `every image is credited`() {
        #expect(HTMLReport.render(Self.report()).contains("emoji/1: fonts, OFL"))
    }

    @Test func `a run without losses or scores still gives a page`() {
        var report = Self.report()
        report.curves = []
        report.evaluation = nil
        report.gallery = []
        #expect(HTMLReport.render(report).contains("No loss was recorded."))
    }
}
