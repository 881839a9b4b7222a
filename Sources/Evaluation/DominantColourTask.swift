import DataPipeline

/// Is the first colour the model names the picture's dominant one?
///
/// The prompt is the picture and `colours:`; the answer is the first word of the greedy continuation. Since the answer
/// depends on the picture alone, the shuffled control pairs each item's truth with another item's answer, and the
/// blank control pairs every truth with the one answer to a white picture.
public struct DominantColourTask: EvaluationTask {
    /// `dominant colour`.
    public let name = "dominant colour"

    /// The task.
    public init() {}

    /// Accuracy per population, with blank, shuffled and training-majority controls.
    public func scores(_ context: EvaluationContext) throws -> [TaskScore] {
        let answers = try Self.answers(context)
        let blank = Self.firstWord(
            try context.subject.answers(to: "colours:", about: context.blank, maxNewTokens: 6)[0])
        return context.populations.compactMap { population in
            let indices = population.indices.filter { !context.set.items[$0].caption.colours.isEmpty }
            guard !indices.isEmpty else { return nil }
            let truths = indices.map { context.set.items[$0].caption.colours[0] }
            let shuffled = context.shuffled(indices, name: name)
            let majority = context.statistics.majorityColour(source: population.source)
            func accuracy(_ given: [String]) -> Estimate {
                context.bootstrap.estimate(MeanMetric("accuracy"), zip(given, truths).map { $0 == $1 ? 1 : 0 })
            }
            return TaskScore(
                task: name, population: population.name, metric: "accuracy",
                estimate: accuracy(indices.map { answers[$0] }),
                controls: [
                    .init("blank picture", accuracy(truths.map { _ in blank })),
                    .init("shuffled pictures", accuracy(shuffled.map { answers[$0] })),
                    .init("training majority", accuracy(truths.map { _ in majority ?? "" })),
                ],
                method: "First word of the greedy continuation of the picture and \"colours:\" equals the first colour "
                    + "computed from the pixels.")
        }
    }

    /// The first colour word for every item.
    static func answers(_ context: EvaluationContext) throws -> [String] {
        try context.subject.answers(to: "colours:", about: context.pictures, maxNewTokens: 6).map(firstWord)
    }

    /// The first run of letters, lower-case; empty when there is none.
    package static func firstWord(_ text: String) -> String {
        TokenF1.words(text).first ?? ""
    }
}
