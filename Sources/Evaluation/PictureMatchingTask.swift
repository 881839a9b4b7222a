import Generation

/// Which of four pictures fits the caption?
///
/// The true picture competes with three others of the same source; the one under which the caption's tokens have the
/// greatest mean log-likelihood wins (ties share the point). What is likely without looking cancels, so chance is
/// exactly one in four. The shuffled control puts a random other picture in the true one's place.
public struct PictureMatchingTask: EvaluationTask {
    /// `which of 4 pictures`, with what the caption holds.
    public let name: String
    private let caption: @Sendable (CaptionedSet.Item) -> String
    private let method: String
    private let limit: Int?

    /// A task over captions rendered by `caption`.
    /// - Parameters:
    ///   - detail: what the caption holds, such as `full caption`.
    ///   - limit: greatest number of items per source, spread evenly; `nil` takes all.
    public init(
        detail: String, limit: Int? = nil, caption: @escaping @Sendable (CaptionedSet.Item) -> String
    ) {
        name = "which of 4 pictures (\(detail))"
        method =
            "Mean log-likelihood per token of the \(detail) is greatest under the true picture among four of the same "
            + "source; distractors by fixed seed."
        self.caption = caption
        self.limit = limit
    }

    /// Accuracy per population, with the shuffled control and the chance level.
    public func scores(_ context: EvaluationContext) throws -> [TaskScore] {
        let trials = self.trials(context)
        var requests = [ScoringRequest]()
        for trial in trials {
            let text = context.subject.encode(caption(context.set.items[trial.item]))
            for picture in trial.pictures {
                requests.append(context.subject.scoring(text, scoredFrom: 0, picture: context.picture(picture)))
            }
        }
        let means = try context.subject.engine.scores(of: requests).map(\.mean)
        var right = [Int: Double]()
        var rightShuffled = [Int: Double]()
        for (index, trial) in trials.enumerated() {
            let own = Array(means[index * 5..<index * 5 + 5])
            right[trial.item] = Self.point(own[0], against: own[2...])
            rightShuffled[trial.item] = Self.point(own[1], against: own[2...])
        }
        return context.populations.compactMap { population in
            let indices = population.indices.filter { right[$0] != nil }
            guard !indices.isEmpty else { return nil }
            func accuracy(_ points: [Int: Double]) -> Estimate {
                context.bootstrap.estimate(MeanMetric("accuracy"), indices.compactMap { points[$0] })
            }
            return TaskScore(
                task: name, population: population.name, metric: "accuracy", estimate: accuracy(right),
                controls: [
                    .init("shuffled pictures", accuracy(rightShuffled)),
                    .init("chance", constant: 0.25, itemCount: indices.count),
                ],
                method: method)
        }
    }

    /// One item with its own picture, the shuffled control's, and three distractors.
    private struct Trial {
        var item: Int
        var pictures: [Int]
    }

    private func trials(_ context: EvaluationContext) -> [Trial] {
        var sources = [String]()
        for item in context.set.items where !sources.contains(item.source) { sources.append(item.source) }
        return sources.flatMap { source -> [Trial] in
            let indices = context.set.indices(source: source)
            guard indices.count >= 5 else { return [] }
            let taken = min(limit ?? indices.count, indices.count)
            return (0..<taken).map { place in
                let item = indices[place * indices.count / taken]
                var random = SplitMix64(seed: context.seed, name: "distractors \(context.set.items[item].id)")
                var pictures = [item]
                while pictures.count < 5 {
                    let other = indices[random.next(below: indices.count)]
                    if !pictures.contains(other) { pictures.append(other) }
                }
                return Trial(item: item, pictures: pictures)
            }
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
