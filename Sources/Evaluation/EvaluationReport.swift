/// A score of a task on one population, beside what a model that does not look would get.
public struct TaskScore: Codable, Hashable, Sendable {
    /// What the same measurement gives without the thing under test.
    public struct Control: Codable, Hashable, Sendable {
        /// `blank picture`, `shuffled pictures`, `majority` or `chance`.
        public var name: String
        /// The control's score; for constants (chance) the bounds equal the value.
        public var estimate: Estimate

        /// A control measured like the score itself.
        public init(_ name: String, _ estimate: Estimate) {
            self.name = name
            self.estimate = estimate
        }

        /// A control known without measuring, such as the chance level.
        public init(_ name: String, constant value: Double, itemCount: Int) {
            self.init(name, Estimate(value: value, lower: value, upper: value, itemCount: itemCount))
        }
    }

    /// The task's name, such as `dominant colour`.
    public var task: String
    /// The items it was measured on, such as `emoji` or `all sources`.
    public var population: String
    /// The metric's name, such as `accuracy`.
    public var metric: String
    /// The score.
    public var estimate: Estimate
    /// The controls, in the order they are printed.
    public var controls: [Control]
    /// How it was measured, in one sentence.
    public var method: String

    /// A score from its parts.
    public init(
        task: String, population: String, metric: String, estimate: Estimate, controls: [Control], method: String
    ) {
        self.task = task
        self.population = population
        self.metric = metric
        self.estimate = estimate
        self.controls = controls
        self.method = method
    }

    /// The control called `name`, if it was measured.
    public func control(_ name: String) -> Estimate? {
        controls.first { $0.name == name }?.estimate
    }
}

/// One held-out item with what the model said of it.
public struct EvaluatedItem: Codable, Hashable, Sendable {
    /// The corpus record's id.
    public var id: String
    /// The corpus source it comes from.
    public var source: String
    /// What the corpus says: the rendered caption.
    public var truth: String
    /// What the model says, greedily, of the image alone.
    public var generated: String
    /// The first word of the generated colours field.
    public var colour: String

    /// An item from its parts.
    public init(id: String, source: String, truth: String, generated: String, colour: String) {
        self.id = id
        self.source = source
        self.truth = truth
        self.generated = generated
        self.colour = colour
    }
}

/// Everything one evaluation run measured.
public struct EvaluationReport: Codable, Hashable, Sendable {
    /// The split that was measured: `val` or `test`.
    public var split: String
    /// Seed of distractors, shuffles and bootstrap.
    public var seed: UInt64
    /// Number of items per source.
    public var itemCounts: [String: Int]
    /// The scores, in the order they are printed.
    public var scores: [TaskScore]
    /// Wall time in seconds.
    public var seconds: Double

    /// A report from its parts.
    public init(split: String, seed: UInt64, itemCounts: [String: Int], scores: [TaskScore], seconds: Double) {
        self.split = split
        self.seed = seed
        self.itemCounts = itemCounts
        self.scores = scores
        self.seconds = seconds
    }

    /// The score of `task` on `population`, if it was measured.
    public func score(_ task: String, on population: String) -> TaskScore? {
        scores.first { $0.task == task && $0.population == population }
    }

    /// A plain table, one score or control a line.
    public var table: String {
        var rows = [["task", "on", "metric", "score", "95 % interval", "n"]]
        for score in scores {
            rows.append(Self.row([score.task, score.population, score.metric], score.estimate))
            for control in score.controls {
                rows.append(Self.row(["  \(control.name)", "", ""], control.estimate))
            }
        }
        return TextTable.text(rows)
    }

    private static func row(_ labels: [String], _ estimate: Estimate) -> [String] {
        labels + [threeDecimals(estimate.value), TextTable.interval(estimate), String(estimate.itemCount)]
    }
}
