import DataPipeline
import Generation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Does the model find the group a picture belongs to?
///
/// The answer is the kind whose text `kind: K.` is likeliest after the picture. The calibrated answer subtracts the
/// logarithm of K's share in the *training* split, which is the choice that maximises balanced accuracy when the
/// model's likelihoods are right; nothing held out is used for it.
public struct KindTask: EvaluationTask {
    /// `group`.
    public let name = "group"
    private let sources: [String]

    /// A task on the sources whose kinds form a small closed list.
    public init(sources: [String]) { self.sources = sources }

    /// Balanced accuracy (calibrated) and plain accuracy (uncalibrated) per source.
    public func scores(_ context: EvaluationContext) throws -> [TaskScore] {
        try sources.flatMap { try scores(context, source: $0) }
    }

    private func scores(_ context: EvaluationContext, source: String) throws -> [TaskScore] {
        let counts = context.statistics.kinds[source] ?? [:]
        let kinds = counts.keys.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: zip(kinds, 0...))
        let indices = context.set.indices(source: source).filter {
            numbers[context.set.items[$0].caption.kind ?? ""] != nil
        }
        guard kinds.count > 1, !indices.isEmpty else { return [] }
        let truths = indices.compactMap { numbers[context.set.items[$0].caption.kind ?? ""] }
        let total = Double(counts.values.reduce(0, +))
        let prior = kinds.map { log(Double(counts[$0] ?? 0) / total) }
        let likelihoods = try likelihoods(of: kinds, context: context, indices: indices)
        let plain = likelihoods.map { Self.best($0) }
        let calibrated = likelihoods.map { Self.best(zip($0, prior).map { $0 - $1 }) }
        let majority = Self.best(prior)
        let order = context.shuffled(Array(indices.indices), name: "\(name) \(source)")
        let blank = indices.count  // the row after the items'

        func balanced(_ given: [Int]) -> Estimate {
            context.bootstrap.estimate(
                BalancedAccuracy(), zip(truths, given).map { BalancedAccuracy.Observation(truth: $0, prediction: $1) })
        }
        func accuracy(_ given: [Int]) -> Estimate {
            context.bootstrap.estimate(MeanMetric("accuracy"), zip(truths, given).map { $0 == $1 ? 1 : 0 })
        }
        let question = "Likeliest of \(kinds.count) texts \"kind: K.\" after the picture"
        return [
            TaskScore(
                task: name, population: source, metric: "balanced accuracy",
                estimate: balanced(Array(calibrated[..<blank])),
                controls: [
                    .init("blank picture", balanced(truths.map { _ in calibrated[blank] })),
                    .init("shuffled pictures", balanced(order.map { calibrated[$0] })),
                    .init("training majority", balanced(truths.map { _ in majority })),
                ],
                method: question + ", minus the logarithm of K's share in the training split."),
            TaskScore(
                task: "\(name), uncalibrated", population: source, metric: "accuracy",
                estimate: accuracy(Array(plain[..<blank])),
                controls: [
                    .init("blank picture", accuracy(truths.map { _ in plain[blank] })),
                    .init("shuffled pictures", accuracy(order.map { plain[$0] })),
                    .init("training majority", accuracy(truths.map { _ in majority })),
                ],
                method: question + "."),
        ]
    }

    /// log p(K. | picture, "kind:") per item and kind; the last row is the blank picture's.
    private func likelihoods(
        of kinds: [String], context: EvaluationContext, indices: [Int]
    ) throws -> [[Double]] {
        let prefix = context.subject.encode("kind:")
        let texts = kinds.map { context.subject.encode("kind: \($0).") }
        let scoredFrom = texts.map { text in zip(prefix, text).prefix { $0 == $1 }.count }
        let pictures = indices.map(context.picture) + [context.blank]
        let requests = pictures.flatMap { picture in
            zip(texts, scoredFrom).map { context.subject.scoring($0, scoredFrom: $1, picture: picture) }
        }
        let totals = try context.subject.engine.scores(of: requests).map(\.total)
        return pictures.indices.map { Array(totals[$0 * kinds.count..<($0 + 1) * kinds.count]) }
    }

    /// The place of the greatest value; the first of equals.
    package static func best(_ values: [Double]) -> Int {
        values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
}
