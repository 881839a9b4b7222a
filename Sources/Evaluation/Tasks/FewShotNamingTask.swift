import DataPipeline
import Generation
import Processors
import SyrinxModels
import Torch

/// Can the model learn new words for groups of images from a few examples in its prompt?
///
/// After Tsimpoukelli et al., "Multimodal few-shot learning with frozen language models" (arXiv 2106.13884, section 4.2):
/// groups get invented words, anew for every question, so that nothing but the examples tells which word is right. A
/// question shows `shots` examples, equally many of each group, then the item's image; the word whose tokens have the
/// greatest mean log-likelihood is the answer. Without examples the score is chance: that is the check of the task.
///
/// Examples are other held-out items, never the item itself. The questions with fewer examples are those with more, cut
/// short, on the same items with the same words.
public struct FewShotNamingTask: EvaluationTask {
    /// `few-shot naming, S shots`.
    public let name: String
    /// Examples before the question.
    public let shots: Int
    private let most: Int
    private let text: String
    private static let metric = "accuracy"
    private static let blankControl = "blank picture"

    /// What stands for a group. No dictionary has them, and every question draws its own.
    package static let words = [
        "blicket", "dax", "fep", "gorp", "koba", "lutch", "modi", "pimwit", "sarn", "toma", "vode", "zorp",
    ]

    /// A task.
    /// - Parameters:
    ///   - shots: examples before the question; a multiple of the number of groups, or 0.
    ///   - most: the greatest number of shots of the tasks this one is compared with, which decides the items.
    ///   - text: what stands after an image, with `{}` in the word's place.
    public init(shots: Int, most: Int, text: String) {
        name = "few-shot naming, \(shots) \(shots == 1 ? "shot" : "shots")"
        self.shots = shots
        self.most = max(shots, most)
        self.text = text
    }

    /// Groups to choose between: 4, or 2 where there are fewer.
    func wayCount(_ context: EvaluationContext, source: String) -> Int {
        groups(context, source: source, ways: 4).count >= 4 ? 4 : 2
    }

    /// The items of each group that has an item to ask about beside its examples, by group's name.
    private func groups(_ context: EvaluationContext, source: String, ways: Int) -> [(kind: String, places: [Int])] {
        var places = [String: [Int]]()
        for index in context.set.indices(source: source) {
            if let kind = context.set.items[index].caption.kind, !kind.isEmpty {
                places[kind, default: []].append(index)
            }
        }
        return places.filter { $0.value.count > (most + ways - 1) / ways }.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
    }

    private func groups(_ context: EvaluationContext, source: String) -> [(kind: String, places: [Int])] {
        let groups = groups(context, source: source, ways: wayCount(context, source: source))
        return groups.count > 1 ? groups : []
    }

    /// Groups with enough items are needed, and a context that holds the examples; a conversation holds none.
    public func obstacle(_ context: EvaluationContext) -> String? {
        if shots > 0 && !context.subject.frame.isEmpty {
            return "few-shot is unsupported for models with a chat template"
        }
        guard let place = places(context).first else {
            return "no source has 2 kinds with \((most + 1) / 2 + 1) items each for \(most) shots"
        }
        let question = question(context, place)
        let length = Self.words.map { tokenCount(context, question, word: $0) }.max() ?? 0
        return length <= context.subject.engine.model.contextLength
            ? nil
            : "\(shots) shots take \(length) tokens, but the model's context holds "
                + "\(context.subject.engine.model.contextLength)"
    }

    /// Every item whose group can be asked about.
    public func places(_ context: EvaluationContext) -> [Int] {
        context.set.sources.flatMap { source in groups(context, source: source).flatMap(\.places).sorted() }
    }

    /// One question: words for groups, the right one first, and examples in order.
    package struct Question {
        package var kinds: [String]
        package var words: [String]
        package var examples: [(place: Int, word: String)]
    }

    /// The question about an item, drawn from the seed and the item's id.
    package func question(_ context: EvaluationContext, _ place: Int) -> Question {
        let item = context.set.items[place]
        var random = SplitMix64(seed: context.seed, name: "few-shot \(item.id)")
        let groups = groups(context, source: item.source)
        let ways = min(groups.count, wayCount(context, source: item.source))
        let own = groups.firstIndex { $0.kind == item.caption.kind } ?? 0
        let others = random.permutation(groups.count).filter { $0 != own }.prefix(ways - 1)
        let chosen = ([own] + others).map { groups[$0] }
        let words = random.permutation(Self.words.count).prefix(ways).map { Self.words[$0] }
        let members = chosen.map { group in
            let candidates = group.places.filter { $0 != place }
            return random.permutation(candidates.count).map { candidates[$0] }
        }
        // Rounds of one example a group; a last round that is not full takes the first groups in its random order.
        var examples = [(place: Int, word: String)]()
        for round in 0..<(most + ways - 1) / ways {
            for group in random.permutation(ways) { examples.append((members[group][round], words[group])) }
        }
        return Question(kinds: chosen.map(\.kind), words: words, examples: Array(examples.prefix(shots)))
    }

    private func label(_ word: String) -> String { text.replacing(word) }

    private func tokenCount(_ context: EvaluationContext, _ question: Question, word: String) -> Int {
        let images = (question.examples.count + 1) * context.subject.imageTokenCount
        let texts = (question.examples.map(\.word) + [word]).map { context.subject.encode(label($0)).count }
        return (context.subject.beginID == nil ? 0 : 1) + images + texts.reduce(0, +)
    }

    /// Mean log-likelihood per token of each word after the examples and the image, and after the examples and a blank
    /// image.
    /// - Throws: `GenerationError` when the examples do not fit the context.
    public func predictions(_ context: EvaluationContext, places: [Int]) throws -> [Prediction] {
        let questions = places.map { question(context, $0) }
        let prefix = context.subject.encode(text.prefix(beforeMark: "{}"))
        var requests = [ScoringRequest]()
        for (place, question) in zip(places, questions) {
            let examples = question.examples.flatMap { example in
                [
                    EvaluationSubject.Part.image(context.image(example.place)),
                    .text(context.subject.encode(label(example.word))),
                ]
            }
            for asked in [place, context.blankPlace] {
                for word in question.words {
                    let answer = context.subject.encode(label(word))
                    let scoredFrom = zip(prefix, answer).prefix { $0 == $1 }.count
                    requests.append(
                        context.subject.scoring(
                            answer, scoredFrom: scoredFrom, after: examples + [.image(context.image(asked))]))
                }
            }
        }
        var means = try context.subject.engine.scores(of: requests).map(\.mean)[...]
        return zip(places, questions).map { place, question in
            let seen = Array(means.prefix(question.words.count))
            means = means.dropFirst(seen.count)
            let blind = Array(means.prefix(question.words.count))
            means = means.dropFirst(blind.count)
            return prediction(context, place, question, seen: seen, blind: blind)
        }
    }

    private func prediction(
        _ context: EvaluationContext, _ place: Int, _ question: Question, seen: [Double], blind: [Double]
    ) -> Prediction {
        let item = context.set.items[place]
        let counts = context.statistics.kinds[item.source] ?? [:]
        let frequencies = question.kinds.map { Double(counts[$0] ?? 0) }
        return Prediction(
            task: name, id: item.id, source: item.source,
            prompt: question.examples.map { "<image>" + label($0.word) + "\n" }.joined() + "<image>"
                + text.prefix(beforeMark: "{}"),
            references: [question.words[0]], options: question.words, logLikelihoods: seen,
            chosen: question.words[KindTask.best(seen)],
            scores: [Self.metric: ImageMatchingTask.point(seen[0], against: seen.dropFirst())],
            controls: [
                Self.blankControl: ImageMatchingTask.point(blind[0], against: blind.dropFirst()),
                context.statistics.majorityControl: ImageMatchingTask.point(
                    frequencies[0], against: frequencies.dropFirst()),
                "chance": 1 / Double(question.words.count),
            ])
    }

    /// Accuracy per population.
    public func scores(_ context: EvaluationContext, _ predictions: [Prediction]) -> [TaskScore] {
        let answers = context.answers(predictions, at: places(context))
        return context.populations.compactMap { population in
            let own = population.indices.compactMap { answers[$0] }
            guard !own.isEmpty else { return nil }
            func estimate(_ points: [Double]) -> Estimate {
                context.bootstrap.estimate(MeanMetric(Self.metric), points)
            }
            return TaskScore(
                task: name, population: population.name, metric: Self.metric,
                estimate: estimate(own.compactMap { $0.scores[Self.metric] }),
                controls: [Self.blankControl, context.statistics.majorityControl, "chance"].map { name in
                    .init(name, estimate(own.compactMap { $0.controls?[name] }))
                },
                method:
                    "Invented words stand for groups, drawn anew for every item; after \(shots) examples the likeliest "
                    + "word (mean log-likelihood per token) is the right one. Ties share the point. Examples are other "
                    + "held-out items.")
        }
    }
}

extension String {
    /// The text with `word` in the place of `{}`.
    fileprivate func replacing(_ word: String) -> String {
        guard let mark = firstRange(ofScalars: "{}") else { return self }
        return String(self[..<mark.lowerBound]) + word + String(self[mark.upperBound...])
    }

    /// What stands before the mark, without white space at the end, which belongs to the word after it.
    fileprivate func prefix(beforeMark mark: String) -> String {
        guard let place = firstRange(ofScalars: mark) else { return self }
        return String(self[..<place.lowerBound].droppingLastScalars(while: \.isSpace))
    }
}
