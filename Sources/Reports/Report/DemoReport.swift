public import Evaluation

/// Everything the report of a training run shows, as values; `HTMLReport` draws it.
public struct DemoReport: Codable, Sendable {
    /// One measured line of the loss chart.
    public struct LossCurve: Codable, Sendable {
        /// The corpus source, such as `emoji`.
        public var source: String
        /// `training` or `validation`.
        public var split: String
        /// Optimizer steps, ascending.
        public var steps: [Int]
        /// Mean cross-entropy per supervised token in nats, one per step.
        public var losses: [Double]

        /// A curve from its points.
        public init(source: String, split: String, steps: [Int], losses: [Double]) {
            self.source = source
            self.split = split
            self.steps = steps
            self.losses = losses
        }
    }

    /// One held-out image with the true and the generated text.
    public struct GalleryItem: Codable, Sendable {
        /// The corpus record's id.
        public var id: String
        /// The corpus source.
        public var source: String
        /// The image's PNG file, base64.
        public var pngBase64: String
        /// Width in pixels.
        public var width: Int
        /// Height in pixels.
        public var height: Int
        /// What the corpus says of the image.
        public var truth: String
        /// What the model says of it.
        public var generated: String
        /// Whose work it is and under which licence, such as `openclipart 0.18+dfsg, public domain`.
        public var credit: String

        /// An item from its parts.
        public init(
            id: String, source: String, pngBase64: String, width: Int, height: Int, truth: String, generated: String,
            credit: String
        ) {
            self.id = id
            self.source = source
            self.pngBase64 = pngBase64
            self.width = width
            self.height = height
            self.truth = truth
            self.generated = generated
            self.credit = credit
        }
    }

    /// A score that must be reached for the run to pass.
    public struct PassMark: Codable, Sendable {
        /// The score's task, as in `TaskScore.task`.
        public var task: String
        /// The score's population, as in `TaskScore.population`.
        public var population: String
        /// The control the mark is for, or `nil` for the score itself.
        public var control: String?
        /// The least value that passes, if there is one.
        public var atLeast: Double?
        /// The greatest value that passes, if there is one.
        public var atMost: Double?

        /// A mark from its parts.
        public init(
            task: String, population: String, control: String? = nil, atLeast: Double? = nil, atMost: Double? = nil
        ) {
            self.task = task
            self.population = population
            self.control = control
            self.atLeast = atLeast
            self.atMost = atMost
        }
    }

    /// A name and a value, kept in order.
    public struct Fact: Codable, Sendable {
        /// The left column.
        public var name: String
        /// The right column.
        public var value: String

        /// A fact from its parts.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The page's heading.
    public var title: String
    /// One paragraph under the heading.
    public var summary: String
    /// The command that made the run.
    public var command: String
    /// Machine, seeds, durations, token counts, the corpus manifest's hash: whatever identifies the run.
    public var facts: [Fact]
    /// Loss against step, per source.
    public var curves: [LossCurve]
    /// The scores with their controls.
    public var evaluation: EvaluationReport?
    /// Marks the scores are held against; empty when the figures come without pass or fail.
    public var passMarks: [PassMark]
    /// Held-out images with texts.
    public var gallery: [GalleryItem]
    /// The recipe as YAML.
    public var recipe: String
    /// Remarks a reader needs to judge the figures.
    public var notes: [String]

    /// A report from its parts.
    public init(
        title: String, summary: String, command: String, facts: [Fact], curves: [LossCurve],
        evaluation: EvaluationReport?, passMarks: [PassMark] = [], gallery: [GalleryItem], recipe: String,
        notes: [String] = []
    ) {
        self.title = title
        self.summary = summary
        self.command = command
        self.facts = facts
        self.curves = curves
        self.evaluation = evaluation
        self.passMarks = passMarks
        self.gallery = gallery
        self.recipe = recipe
        self.notes = notes
    }
}

extension DemoReport.PassMark {
    /// The measured value the mark speaks of, or `nil` when it was not measured.
    public func measured(in evaluation: EvaluationReport) -> Double? {
        guard let score = evaluation.score(task, on: population) else { return nil }
        guard let control else { return score.estimate.value }
        return score.control(control)?.value
    }

    /// Whether the value lies within the mark; a value that was not measured does not.
    public func passes(in evaluation: EvaluationReport) -> Bool {
        guard let value = measured(in: evaluation), value.isFinite else { return false }
        if let atLeast, value < atLeast { return false }
        if let atMost, value > atMost { return false }
        return true
    }
}
