/// What the model answered to one question about one item, with everything that is needed to score it again.
///
/// One line of `predictions.jsonl`.
public struct Prediction: Codable, Hashable, Sendable {
    /// The `id` of questions that were put about a blank picture.
    public static let blankID: String = "blank picture"

    /// The task's name.
    public var task: String
    /// The item's id, or ``blankID``.
    public var id: String
    /// The item's source.
    public var source: String
    /// What the model was given; `<image>` stands for an image.
    public var prompt: String
    /// What would be right: captions, a name, a label.
    public var references: [String]
    /// What the model wrote, where it was to write.
    public var generated: String?
    /// What the model chose between, where it was to choose.
    public var options: [String]?
    /// Log-likelihood of each option, in nats; the task says whether in all or per token.
    public var logLikelihoods: [Double]?
    /// The option that was taken, where the model was to choose.
    public var chosen: String?
    /// The item's score by each metric; empty for the blank picture.
    public var scores: [String: Double]
    /// The item's score under controls that are measured item by item.
    public var controls: [String: Double]?

    /// A prediction from its parts.
    public init(
        task: String, id: String, source: String, prompt: String, references: [String], generated: String? = nil,
        options: [String]? = nil, logLikelihoods: [Double]? = nil, chosen: String? = nil,
        scores: [String: Double] = [:], controls: [String: Double]? = nil
    ) {
        self.task = task
        self.id = id
        self.source = source
        self.prompt = prompt
        self.references = references
        self.generated = generated
        self.options = options
        self.logLikelihoods = logLikelihoods
        self.chosen = chosen
        self.scores = scores
        self.controls = controls
    }
}
