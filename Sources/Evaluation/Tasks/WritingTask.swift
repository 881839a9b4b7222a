import Generation
import Torch

/// Tasks in which the model writes and each answer depends on one image alone.
///
/// So the blank control pairs every truth with the one answer to a white image, and the shuffled control pairs it with
/// another item's answer: neither needs further questions.
protocol WritingTask: EvaluationTask {
    /// What follows the image.
    var prompt: String { get }
    /// Greatest number of tokens of an answer.
    var maxNewTokens: Int { get }
    /// The metrics, the main one first.
    var metrics: [String] { get }
    /// How the answer is measured, in one sentence.
    var method: String { get }
    /// What would be right for an item; empty where the task cannot be put.
    func references(_ item: CaptionedSet.Item) -> [String]
    /// What counts of a text that the model wrote.
    func answer(_ text: String) -> String
    /// The score of an answer for the item at `place`.
    func score(_ answer: String, metric: String, place: Int, _ context: EvaluationContext) -> Double
    /// What a model that does not look but knows the training captions would answer.
    func majority(_ context: EvaluationContext, source: String?) -> String
}

extension WritingTask {
    /// All items with something to be right about, then the blank picture.
    public func places(_ context: EvaluationContext) -> [Int] {
        context.set.items.indices.filter { !references(context.set.items[$0]).isEmpty } + [context.blankPlace]
    }

    /// The greedy answers.
    /// - Throws: `GenerationError` when prompt and answer do not fit the context.
    public func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction] {
        let texts = try context.subject.answers(
            to: prompt, about: context.images(places), maxNewTokens: maxNewTokens)
        return zip(places, texts).map { place, text in
            let isBlank = place == context.blankPlace
            let answer = answer(text)
            return Prediction(
                task: name, id: context.id(place), source: isBlank ? "" : context.set.items[place].source,
                prompt: "<image>" + prompt, references: isBlank ? [] : references(context.set.items[place]),
                generated: answer,
                scores: isBlank
                    ? [:]
                    : Dictionary(
                        metrics.map { ($0, score(answer, metric: $0, place: place, context)) },
                        uniquingKeysWith: { first, _ in first }))
        }
    }

    /// Every metric on every population, with blank, shuffled and majority controls.
    public func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore] {
        let answers = context.answers(predictions, at: places(context)).mapValues { $0.generated ?? "" }
        let blank = answers[context.blankPlace] ?? ""
        return context.populations.flatMap { population -> [TaskScore] in
            let indices = population.indices.filter { answers[$0] != nil }
            guard !indices.isEmpty else { return [] }
            let shuffled = context.shuffled(indices, name: name)
            let majority = majority(context, source: population.source)
            return metrics.map { metric in
                func estimate(_ given: [String]) -> Estimate {
                    context.bootstrap.estimate(
                        MeanMetric(metric),
                        zip(indices, given).map { score($1, metric: metric, place: $0, context) })
                }
                return TaskScore(
                    task: name, population: population.name, metric: metric,
                    estimate: estimate(indices.map { answers[$0] ?? "" }),
                    controls: [
                        .init("blank picture", estimate(indices.map { _ in blank })),
                        .init("shuffled pictures", estimate(shuffled.map { answers[$0] ?? "" })),
                        .init(context.statistics.majorityControl, estimate(indices.map { _ in majority })),
                    ],
                    method: method)
            }
        }
    }
}
