import DataPipeline
import Generation
import Torch

/// Which of four images fits the caption?
///
/// The true image competes with three others of the same source; the one under which the caption's tokens have the
/// greatest mean log-likelihood wins (ties share the point). What is likely without looking cancels, so chance is
/// exactly one in four. The shuffled control puts a random other image in the true one's place, the blank control a
/// white one.
public struct ImageMatchingTask: EvaluationTask {
    /// `which of 4 images`, with what the caption holds.
    public let name: String
    private let caption: @Sendable (CaptionedSet.Item) -> String
    private let method: String
    private let limit: Int?
    private static let metric = "accuracy"
    private static let shuffledControl = "shuffled pictures"
    private static let blankControl = "blank picture"

    /// A task over captions rendered by `caption`.
    /// - Parameters:
    ///   - detail: what the caption holds, such as `full caption`.
    ///   - limit: greatest number of items per source, spread evenly; `nil` takes all.
    public init(
        detail: String, limit: Int? = nil, caption: @escaping @Sendable (CaptionedSet.Item) -> String
    ) {
        name = "which of 4 images (\(detail))"
        method =
            "Mean log-likelihood per token of the \(detail) is greatest under the true image among four of the same "
            + "source; distractors by fixed seed."
        self.caption = caption
        self.limit = limit
    }

    /// Five items of one source are needed: the true one, three others, and one for the shuffled control.
    public func obstacle(_ context: EvaluationContext) -> String? {
        places(context).isEmpty ? "no source has 5 items with a caption" : nil
    }

    /// The items of sources that are large enough.
    public func places(_ context: EvaluationContext) -> [Int] {
        context.set.sources.flatMap { source -> [Int] in
            let indices = candidates(context, source: source)
            guard indices.count >= 5 else { return [] }
            let taken = min(limit ?? indices.count, indices.count)
            return (0..<taken).map { indices[$0 * indices.count / taken] }
        }
    }

    private func candidates(_ context: EvaluationContext, source: String) -> [Int] {
        context.set.indices(source: source).filter { !caption(context.set.items[$0]).isEmpty }
    }

    /// The item's own image, the shuffled control's, and three distractors.
    private func trial(_ context: EvaluationContext, _ place: Int) -> [Int] {
        let item = context.set.items[place]
        let indices = candidates(context, source: item.source)
        var random = SplitMix64(seed: context.seed, name: "distractors \(item.id)")
        var images = [place]
        while images.count < 5 {
            let other = indices[random.next(below: indices.count)]
            if !images.contains(other) { images.append(other) }
        }
        return images
    }

    /// Mean log-likelihood per token of the caption under each of the four images.
    /// - Throws: `GenerationError` when a caption does not fit the context.
    public func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction] {
        let trials = places.map { trial(context, $0) }
        let texts = places.map { context.subject.encode(caption(context.set.items[$0])) }
        func means(_ images: [(trial: Int, image: Int)]) throws -> [Double] {
            try context.subject.engine.scores(
                of: images.map {
                    context.subject.scoring(texts[$0.trial], scoredFrom: 0, image: context.image($0.image))
                }
            ).map(\.mean)
        }
        let seen = try means(trials.indices.flatMap { trial in trials[trial].map { (trial, $0) } })
        let blind = try means(trials.indices.map { ($0, context.blankPlace) })
        return trials.indices.map { index in
            let own = Array(seen[index * 5..<index * 5 + 5])
            let options = [own[0]] + own[2...]
            let names = ([trials[index][0]] + trials[index][2...]).map(context.id)
            return Prediction(
                task: name, id: context.id(places[index]), source: context.set.items[places[index]].source,
                prompt: "<image>" + caption(context.set.items[places[index]]), references: [names[0]], options: names,
                logLikelihoods: options, chosen: names[KindTask.best(options)],
                scores: [Self.metric: Self.point(own[0], against: own[2...])],
                controls: [
                    Self.shuffledControl: Self.point(own[1], against: own[2...]),
                    Self.blankControl: Self.point(blind[index], against: own[2...]),
                ])
        }
    }

    /// Accuracy per population, with the blank and shuffled controls and the chance level.
    public func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore] {
        let answers = context.answers(predictions, at: places(context))
        return context.populations.compactMap { population in
            let own = population.indices.compactMap { answers[$0] }
            guard !own.isEmpty else { return nil }
            func accuracy(_ points: [Double]) -> Estimate {
                context.bootstrap.estimate(MeanMetric(Self.metric), points)
            }
            func control(_ name: String) -> TaskScore.Control {
                .init(name, accuracy(own.compactMap { $0.controls?[name] }))
            }
            return TaskScore(
                task: name, population: population.name, metric: Self.metric,
                estimate: accuracy(own.compactMap { $0.scores[Self.metric] }),
                controls: [
                    control(Self.blankControl), control(Self.shuffledControl),
                    .init("chance", constant: 0.25, itemCount: own.count),
                ],
                method: method)
        }
    }

    /// 1 when `own` beats all `others`, a share of 1 when it ties with the best, 0 otherwise.
    package static func point(_ own: Double, against others: some Sequence<Double>) -> Double {
        var equals = 1
        for other in others {
            if other > own { return 0 }
            if other == own { equals += 1 }
        }
        return 1 / Double(equals)
    }
}
