import Evaluation

/// Loss curves as one inline SVG; colours come from the page's style sheet, so the chart follows light and dark.
struct LossChart {
    private let curves: [DemoReport.LossCurve]
    private let width = 720.0
    private let height = 320.0
    private let left = 46.0
    private let right = 130.0
    private let top = 14.0
    private let bottom = 40.0

    /// A chart of the curves that have at least one finite point; infinities and not-a-numbers are left out.
    init(_ curves: [DemoReport.LossCurve]) {
        self.curves = curves.compactMap { curve in
            let points = zip(curve.steps, curve.losses).filter { $0.1.isFinite }
            guard !points.isEmpty else { return nil }
            return DemoReport.LossCurve(
                source: curve.source, split: curve.split, steps: points.map(\.0), losses: points.map(\.1))
        }
    }

    /// The `<svg>` element, or a sentence when there is nothing to draw.
    func svg() -> String {
        guard let lastStep = curves.flatMap(\.steps).max(), let highest = curves.flatMap(\.losses).max() else {
            return "<p>No loss was recorded.</p>"
        }
        let firstStep = min(0, curves.flatMap(\.steps).min() ?? 0)
        let spread = Double(max(lastStep - firstStep, 1))
        let tick = Self.tick(for: max(highest, 0.001))
        let ceiling = (max(highest, 0.001) / tick).rounded(.up) * tick
        func x(_ step: Int) -> Double { left + Double(step - firstStep) / spread * (width - left - right) }
        func y(_ loss: Double) -> Double { top + (1 - max(loss, 0) / ceiling) * (height - top - bottom) }

        var parts = [
            "<svg class=\"chart\" viewBox=\"0 0 \(coordinate(width)) \(coordinate(height))\" role=\"img\" "
                + "aria-label=\"Loss against step, per source\">"
        ]
        for index in 0...Int((ceiling / tick).rounded()) {
            let value = Double(index) * tick
            let at = coordinate(y(value))
            parts.append(
                "<line class=\"grid\" x1=\"\(coordinate(left))\" y1=\"\(at)\" x2=\"\(coordinate(width - right))\" y2=\"\(at)\"/>"
            )
            parts.append(
                "<text class=\"tick\" x=\"\(coordinate(left - 6))\" y=\"\(at)\" text-anchor=\"end\" dy=\"0.35em\">\(label(value))</text>"
            )
        }
        for fraction in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let step = firstStep + Int((fraction * spread).rounded())
            parts.append(
                "<text class=\"tick\" x=\"\(coordinate(x(step)))\" y=\"\(coordinate(height - bottom + 16))\" text-anchor=\"middle\">\(step)</text>"
            )
        }
        parts.append(
            "<text class=\"tick\" x=\"\(coordinate((left + width - right) / 2))\" y=\"\(coordinate(height - 6))\" text-anchor=\"middle\">optimizer step (loss in nats per token; dashed: training)</text>"
        )
        parts += lines(x: x, y: y)
        parts.append("</svg>")
        return parts.joined(separator: "\n")
    }

    /// One polyline per curve, a dot for a single point, and the names at the right edge, pushed apart.
    private func lines(x: (Int) -> Double, y: (Double) -> Double) -> [String] {
        var parts = [String]()
        var sources = [String]()
        for curve in curves where !sources.contains(curve.source) { sources.append(curve.source) }
        var labels = [(source: String, y: Double, colour: Int)]()
        for curve in curves {
            let colour = (sources.firstIndex(of: curve.source) ?? 0) % HTMLStyle.colourCount
            let dashed = curve.split == "training" ? " dashed" : ""
            let title = "<title>\(escaped(curve.source)), \(escaped(curve.split))</title>"
            if curve.steps.count == 1 {
                parts.append(
                    "<circle class=\"dot c\(colour)\" cx=\"\(coordinate(x(curve.steps[0])))\" cy=\"\(coordinate(y(curve.losses[0])))\" r=\"3\">\(title)</circle>"
                )
            } else {
                let points = zip(curve.steps, curve.losses)
                    .map { "\(coordinate(x($0))),\(coordinate(y($1)))" }.joined(separator: " ")
                parts.append("<polyline class=\"line c\(colour)\(dashed)\" points=\"\(points)\">\(title)</polyline>")
            }
            let end = y(curve.losses[curve.losses.count - 1])
            if let known = labels.firstIndex(where: { $0.source == curve.source }) {
                if curve.split != "training" { labels[known].y = end }
            } else {
                labels.append((curve.source, end, colour))
            }
        }
        labels.sort { $0.y < $1.y }
        var lowest = top
        for label in labels {
            let at = max(label.y, lowest)
            lowest = at + 14
            parts.append(
                "<text class=\"name c\(label.colour)\" x=\"\(coordinate(width - right + 6))\" y=\"\(coordinate(at))\" dy=\"0.35em\">\(escaped(label.source))</text>"
            )
        }
        return parts
    }

    /// A round distance between grid lines that gives three to seven of them.
    private static func tick(for highest: Double) -> Double {
        for candidate in [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100] where highest / candidate <= 6 {
            return candidate
        }
        return highest / 5
    }

    private func label(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : threeDecimals(value)
    }

    /// A coordinate with two decimals: enough for a screen, short in the file.
    private func coordinate(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return hundredths % 100 == 0 ? String(hundredths / 100) : String(Double(hundredths) / 100)
    }
}
