import DataPipeline
import Torch

/// How much of a picture's name does the model say?
///
/// The prompt is the picture and `name:`; the greedy continuation up to the first full stop is compared with the true
/// name word by word (token F1). The controls reuse the answers, as in `DominantColourTask`.
public struct NameTask: EvaluationTask {
    /// `name`.
    public let name = "name"

    /// The task.
    public init() {}

    /// Mean token F1 per population, with blank and shuffled controls.
    public func scores(_ context: EvaluationContext) throws -> [TaskScore] {
        let answers = try answers(context.pictures, context)
        let blank = try self.answers(context.blank, context)[0]
        return context.populations.map { population in
            let indices = population.indices
            let truths = indices.map { context.set.items[$0].caption.name }
            func f1(_ given: [String]) -> Estimate {
                context.bootstrap.estimate(MeanMetric("token F1"), zip(given, truths).map { TokenF1.score($0, $1) })
            }
            return TaskScore(
                task: name, population: population.name, metric: "token F1", estimate: f1(indices.map { answers[$0] }),
                controls: [
                    .init("blank picture", f1(truths.map { _ in blank })),
                    .init(
                        "shuffled pictures", f1(context.shuffled(indices, name: name).map { answers[$0] })),
                ],
                method: "Words of the greedy continuation of the picture and \"name:\", up to the first full stop, "
                    + "against the words of the true name.")
        }
    }

    private func answers(_ pictures: Tensor, _ context: EvaluationContext) throws -> [String] {
        try context.subject.answers(to: "name:", about: pictures, maxNewTokens: 16).map { text in
            String(text.prefix { $0 != "." })
        }
    }
}
