/// Two evaluations on the same items, difference by difference.
public struct PairedComparison: Codable, Hashable, Sendable {
    /// One metric of one task.
    public struct Line: Codable, Hashable, Sendable {
        /// The task's name.
        public var task: String
        /// The items: a source, or `all sources`.
        public var population: String
        /// The metric's name.
        public var metric: String
        /// The score of the first evaluation, with its own interval.
        public var first: Estimate
        /// The score of the second.
        public var second: Estimate
        /// First minus second, from paired resamples of the items.
        public var difference: Estimate

        /// Whether the 95 % interval of the difference leaves zero out.
        public var isDistinguishable: Bool { difference.lower > 0 || difference.upper < 0 }

        /// What the difference says, in words.
        public var verdict: String {
            guard isDistinguishable else { return "indistinguishable from zero" }
            return difference.value > 0 ? "A is higher" : "B is higher"
        }
    }

    /// What the first evaluation is called, A in tables.
    public var first: String
    /// What the second evaluation is called, B in tables.
    public var second: String
    /// One line per task, population and metric that both evaluations have.
    public var lines: [Line]
    /// Tasks that only one of the two has.
    public var unpaired: [String]
    /// In what the two were not asked alike, so that the difference is not the models' alone.
    public var caveats: [String] = []

    /// Compares two lists of predictions.
    /// - Parameters:
    ///   - names: what the evaluations are called.
    ///   - bootstrap: resamples of the items.
    /// - Throws: `EvaluationError` when a task was put to other items, or with other right answers, or when there is no
    ///   task in common.
    public init(
        _ first: [Prediction], _ second: [Prediction], names: (String, String), bootstrap: Bootstrap = Bootstrap()
    ) throws(EvaluationError) {
        self.first = names.0
        self.second = names.1
        let own = Self.byTask(first)
        let others = Dictionary(uniqueKeysWithValues: Self.byTask(second).map { ($0.task, $0.predictions) })
        var lines = [Line]()
        for (task, predictions) in own {
            guard let other = others[task] else { continue }
            try Self.checkPairs(task, predictions, other, names: names)
            for (name, places) in Self.populations(predictions) {
                lines += Self.lines(
                    task, on: name, places.map { predictions[$0] }, places.map { other[$0] }, bootstrap)
            }
        }
        let names0 = own.map(\.task)
        unpaired = names0.filter { others[$0] == nil } + others.keys.filter { !names0.contains($0) }.sorted()
        self.lines = lines
        guard !lines.isEmpty else {
            throw EvaluationError(
                "\(names.0) and \(names.1) have no task in common: one has \(names0.joined(separator: ", ")), the other "
                    + "\(others.keys.sorted().joined(separator: ", ")); evaluate both with the same --tasks")
        }
    }

    /// The predictions about items (not about the blank picture) of each task, in order of first appearance.
    private static func byTask(_ predictions: [Prediction]) -> [(task: String, predictions: [Prediction])] {
        var order = [String]()
        var lists = [String: [Prediction]]()
        for prediction in predictions where prediction.id != Prediction.blankID {
            if lists[prediction.task] == nil { order.append(prediction.task) }
            lists[prediction.task, default: []].append(prediction)
        }
        return order.map { ($0, lists[$0] ?? []) }
    }

    /// All items together; source by source where classes count, since each source has classes of its own.
    private static func populations(_ predictions: [Prediction]) -> [(name: String, places: [Int])] {
        let sources = predictions.reduce(into: [String]()) { if !$0.contains($1.source) { $0.append($1.source) } }
        let hasClasses = predictions.contains { $0.scores[BalancedAccuracy().name] != nil }
        guard sources.count == 1 || hasClasses else { return [("all sources", Array(predictions.indices))] }
        return sources.map { source in (source, predictions.indices.filter { predictions[$0].source == source }) }
    }

    private static func checkPairs(
        _ task: String, _ first: [Prediction], _ second: [Prediction], names: (String, String)
    ) throws(EvaluationError) {
        guard first.count == second.count else {
            throw EvaluationError(
                "\(task): \(names.0) has \(first.count) items and \(names.1) has \(second.count), so they cannot be paired; "
                    + "evaluate both on the same data with the same --limit")
        }
        for (own, other) in zip(first, second)
        where own.id != other.id || own.references != other.references || own.prompt != other.prompt
            || own.options != other.options
        {
            throw EvaluationError(
                "\(task): \(names.0) was asked another question about \(own.id) than \(names.1) about \(other.id), so they "
                    + "cannot be paired; evaluate both on the same data with the same settings and seed")
        }
    }

    private static func lines(
        _ task: String, on population: String, _ first: [Prediction], _ second: [Prediction], _ bootstrap: Bootstrap
    ) -> [Line] {
        func line<M: Metric>(_ metric: M, _ first: [M.Observation], _ second: [M.Observation]) -> Line {
            Line(
                task: task, population: population, metric: metric.name, first: bootstrap.estimate(metric, first),
                second: bootstrap.estimate(metric, second), difference: bootstrap.difference(metric, first, second))
        }
        let metrics = Set(first.flatMap(\.scores.keys)).intersection(second.flatMap(\.scores.keys)).sorted()
        return metrics.map { name in
            if name == BalancedAccuracy().name {
                return line(BalancedAccuracy(), classes(first, name), classes(second, name))
            }
            return line(
                MeanMetric(name), first.map { $0.scores[name] ?? .nan }, second.map { $0.scores[name] ?? .nan })
        }
    }

    /// Observations of a metric that weighs classes equally: right or wrong, with the class of the right answer.
    private static func classes(_ predictions: [Prediction], _ metric: String) -> [BalancedAccuracy.Observation] {
        let labels = predictions.map { $0.references.first ?? "" }
        let numbers = Dictionary(uniqueKeysWithValues: zip(Set(labels).sorted(), 0...))
        return zip(predictions, labels).map { prediction, label in
            let truth = numbers[label] ?? 0
            return .init(truth: truth, prediction: prediction.scores[metric] == 1 ? truth : -1)
        }
    }

    /// A plain table, one line a metric below its task and items; it fits 80 columns.
    public var table: String {
        let rows = lines.map { line in
            [
                "  \(line.metric)", threeDecimals(line.first.value), threeDecimals(line.second.value),
                threeDecimals(line.difference.value), TextTable.interval(line.difference),
                line.isDistinguishable ? line.verdict : "unclear",
            ]
        }
        let text = TextTable.text([["  metric", "A", "B", "A - B", "95 % interval", ""]] + rows)
            .split(separator: "\n").map(String.init)
        var titled = Array(text.prefix(1))
        var title = ""
        for (line, row) in zip(lines, text.dropFirst()) {
            let own = "\(line.task), \(line.population), n \(line.difference.itemCount)"
            titled += own == title ? [row] : [own, row]
            title = own
        }
        return titled.joined(separator: "\n")
    }
}
