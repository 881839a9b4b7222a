import Generation
import Processors
import Torch

/// What does the model answer to questions that come with their answers?
///
/// Every item's question is put in the model's chat template with the item's image, alone, as the first turn of a
/// conversation; the greedy answer is held against the right one. The same question about a white image is the control.
public struct AnsweringTask: EvaluationTask {
    /// `answering`.
    public let name = "answering"
    private let maxNewTokens: Int
    private static let metrics = ["exact match", "token F1"]
    private static let blank = "blank picture"
    private static let majority = "majority of these items"

    /// A task whose answers have at most `maxNewTokens` tokens.
    public init(maxNewTokens: Int = 64) { self.maxNewTokens = maxNewTokens }

    /// Items with questions are needed, and a model that is asked in a template.
    public func obstacle(_ context: EvaluationContext) -> String? {
        if places(context).isEmpty { return "no item has a question" }
        return context.subject.frame.isEmpty
            ? "the model has no chat template; give one that was trained on conversations" : nil
    }

    /// Every item with a question.
    public func places(_ context: EvaluationContext) -> [Int] {
        context.set.items.indices.filter { context.set.items[$0].question != nil }
    }

    /// The greedy answers, and those about a white image, asked once for each question of the group.
    /// - Throws: `GenerationError` when question and answer do not fit the context.
    public func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction] {
        // By bytes: what looks alike may be other tokens.
        let questions = Dictionary(grouping: places) { Array((context.set.items[$0].question?.text ?? "").utf8) }
        var predictions = [Int: Prediction]()
        for (bytes, own) in questions.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let question = String(decoding: bytes, as: UTF8.self)
            let texts = try context.subject.answers(
                to: "", about: context.images(own + [context.blankPlace]), maxNewTokens: maxNewTokens,
                in: try context.subject.questionFrame(question)
            ).map(\.withoutWhitespaceAtEnds)
            let blank = texts[own.count]
            for (place, text) in zip(own, texts) {
                let item = context.set.items[place]
                let right = item.question?.answers ?? []
                let controls = [(Self.blank, blank), (Self.majority, Self.majority(of: question, in: context))]
                predictions[place] = Prediction(
                    task: name, id: item.id, source: item.source,
                    prompt: (MarkedText(question).firstModality == nil ? "<image>" : "") + question, references: right,
                    generated: text,
                    scores: Dictionary(
                        uniqueKeysWithValues: Self.metrics.map { ($0, Self.score(text, $0, right)) }),
                    controls: Dictionary(
                        uniqueKeysWithValues: controls.flatMap { control, answer in
                            Self.metrics.map { (Self.key(control, $0), Self.score(answer, $0, right)) }
                        }))
            }
        }
        return places.compactMap { predictions[$0] }
    }

    /// Both metrics on every population.
    public func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore] {
        let answers = context.answers(predictions, at: places(context))
        return context.populations.flatMap { population -> [TaskScore] in
            let own = population.indices.compactMap { answers[$0] }
            guard !own.isEmpty else { return [] }
            return Self.metrics.map { metric in
                func estimate(_ points: [Double]) -> Estimate { context.bootstrap.estimate(MeanMetric(metric), points) }
                return TaskScore(
                    task: name, population: population.name, metric: metric,
                    estimate: estimate(own.compactMap { $0.scores[metric] }),
                    controls: [Self.blank, Self.majority].map { control in
                        .init(control, estimate(own.compactMap { $0.controls?[Self.key(control, metric)] }))
                    },
                    method:
                        "Greedy answer to the item's question about its image, the first turn of a conversation in the "
                        + "model's template, against the right answer: exact match after normalisation, token F1. The "
                        + "majority is the most frequent answer to the same question.")
            }
        }
    }

    private static func key(_ control: String, _ metric: String) -> String { "\(control), \(metric)" }

    private static func score(_ answer: String, _ metric: String, _ right: [String]) -> Double {
        metric == metrics[0]
            ? ExactMatch.score(answer, references: right) : TokenF1.score(answer, references: right)
    }

    /// The most frequent answer to a question; ties go to the first in the alphabet.
    private static func majority(of question: String, in context: EvaluationContext) -> String {
        var counts = [String: Int]()
        for item in context.set.items where item.question?.text == question {
            for answer in item.question?.answers ?? [] { counts[answer, default: 0] += 1 }
        }
        return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key ?? ""
    }
}
