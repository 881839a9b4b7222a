import DataPipeline
import Generation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Does the model find the group an image belongs to?
///
/// The answer is the kind whose text `kind: K.` is likeliest after the image. The calibrated answer subtracts the
/// logarithm of K's share in the *training* split, which is the choice that maximises balanced accuracy when the
/// model's likelihoods are right; nothing held out is used for it.
public struct KindTask: EvaluationTask {
    /// `group`.
    public let name = "group"
    private let source: String

    /// A task on a source whose kinds form a small closed list.
    public init(source: String) { self.source = source }

    /// Two kinds are needed to choose between, and an item of a kind that training showed.
    public func obstacle(_ context: EvaluationContext) -> String? {
        let kinds = kinds(context)
        if kinds.count < 2 {
            return "the training captions of \(source) have \(kinds.count) kinds, but at least 2 are needed"
        }
        return items(context).isEmpty ? "no item of \(source) has a kind that training captions have" : nil
    }

    /// The source's items of known kinds, then the blank picture.
    public func places(_ context: EvaluationContext) -> [Int] { items(context) + [context.blankPlace] }

    private func kinds(_ context: EvaluationContext) -> [String] {
        (context.statistics.kinds[source] ?? [:]).keys.sorted()
    }

    private func items(_ context: EvaluationContext) -> [Int] {
        let counts = context.statistics.kinds[source] ?? [:]
        return context.set.indices(source: source).filter { counts[context.set.items[$0].caption.kind ?? ""] != nil }
    }

    /// Logarithm of each kind's share in the training split.
    private func prior(_ context: EvaluationContext) -> [Double] {
        let counts = context.statistics.kinds[source] ?? [:]
        let total = Double(counts.values.reduce(0, +))
        return kinds(context).map { log(Double(counts[$0] ?? 0) / total) }
    }

    /// log p(K. | image, "kind:") of each kind, summed over its tokens.
    /// - Throws: `GenerationError` when a kind does not fit the context.
    public func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction] {
        let kinds = kinds(context)
        let prior = prior(context)
        let prefix = context.subject.encode("kind:")
        let texts = kinds.map { context.subject.encode("kind: \($0).") }
        let scoredFrom = texts.map { text in zip(prefix, text).prefix { $0 == $1 }.count }
        let requests = places.flatMap { place in
            zip(texts, scoredFrom).map {
                context.subject.scoring($0, scoredFrom: $1, image: context.image(place))
            }
        }
        let totals = try context.subject.engine.scores(of: requests).map(\.total)
        return places.enumerated().map { index, place in
            let own = Array(totals[index * kinds.count..<(index + 1) * kinds.count])
            let chosen = kinds[Self.best(zip(own, prior).map { $0 - $1 })]
            let truth = place == context.blankPlace ? nil : context.set.items[place].caption.kind
            return Prediction(
                task: name, id: context.id(place), source: source, prompt: "<image>kind:",
                references: [truth].compactMap { $0 }, options: kinds, logLikelihoods: own, chosen: chosen,
                scores: truth == nil
                    ? [:]
                    : [
                        BalancedAccuracy().name: chosen == truth ? 1 : 0,
                        "accuracy": kinds[Self.best(own)] == truth ? 1 : 0,
                    ])
        }
    }

    /// Balanced accuracy (calibrated) and plain accuracy (uncalibrated).
    public func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore] {
        let kinds = kinds(context)
        let numbers = Dictionary(uniqueKeysWithValues: zip(kinds, 0...))
        let prior = prior(context)
        let truths = predictions.dropLast().compactMap { numbers[$0.references.first ?? ""] }
        let plain = predictions.map { Self.best($0.logLikelihoods ?? []) }
        let calibrated = predictions.map { Self.best(zip($0.logLikelihoods ?? [], prior).map { $0 - $1 }) }
        let blank = predictions.count - 1
        let majority = Self.best(prior)
        let order = context.shuffled(Array(truths.indices), name: "\(name) \(source)")
        func balanced(_ given: [Int]) -> Estimate {
            context.bootstrap.estimate(
                BalancedAccuracy(), zip(truths, given).map { BalancedAccuracy.Observation(truth: $0, prediction: $1) })
        }
        func accuracy(_ given: [Int]) -> Estimate {
            context.bootstrap.estimate(MeanMetric("accuracy"), zip(truths, given).map { $0 == $1 ? 1 : 0 })
        }
        func controls(_ answers: [Int], _ estimate: ([Int]) -> Estimate) -> [TaskScore.Control] {
            [
                .init("blank picture", estimate(truths.map { _ in answers[blank] })),
                .init("shuffled pictures", estimate(order.map { answers[$0] })),
                .init(context.statistics.majorityControl, estimate(truths.map { _ in majority })),
            ]
        }
        let question = "Kind K of the source with the likeliest \"kind: K.\" after the image"
        return [
            TaskScore(
                task: name, population: source, metric: BalancedAccuracy().name,
                estimate: balanced(Array(calibrated[..<blank])), controls: controls(calibrated, balanced),
                method: question + ", minus the logarithm of K's share in the training split."),
            TaskScore(
                task: "\(name), uncalibrated", population: source, metric: "accuracy",
                estimate: accuracy(Array(plain[..<blank])), controls: controls(plain, accuracy),
                method: question + "."),
        ]
    }

    /// The place of the greatest value; the first of equals.
    package static func best(_ values: [Double]) -> Int {
        values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
}
