public import DataPipeline
import Generation
public import Torch

/// The evaluation of an image-describing model: the tasks, the items, the controls, in one call.
///
/// A value that decides every question: saved with the answers, it says whether they can be resumed.
public struct CaptionEvaluation: Codable, Hashable, Sendable {
    /// The questions that can be put.
    public enum Question: String, Codable, CaseIterable, Sendable {
        /// A free caption: CIDEr-D, token F1, exact match.
        case captioning
        /// The dominant colour, after `colours:`.
        case colour
        /// Which of four images a caption, or a name alone, fits.
        case matching
        /// The group, by likelihood of `kind: K.`.
        case group
        /// The name, after `name:`.
        case name
        /// Invented words for groups, learnt from a few examples.
        case fewShot = "few-shot"
        /// The items' own questions: exact match, token F1.
        case answering
    }

    /// What is asked, in the order of the report.
    public var questions: [Question]
    /// Sources reported on their own, beside all together.
    public var sources: [String]
    /// Sources whose kinds are to be found.
    public var groupSources: [String]
    /// Greatest number of items per source in the which-of-4 tasks; `nil` takes all.
    public var matchingLimit: Int?
    /// Renders captions of items that come as fields; its prompt stands before captions that the model writes.
    public var template: CaptionTemplate
    /// Numbers of examples in the few-shot tasks.
    public var shots: [Int]
    /// What stands after an image in the few-shot tasks, with `{}` in the word's place.
    public var fewShotText: String
    /// Seed of distractors, shuffles, few-shot questions and bootstrap.
    public var seed: UInt64
    /// Number of bootstrap resamples.
    public var resampleCount: Int

    /// An evaluation; the defaults are the demo's.
    public init(
        questions: [Question] = [.colour, .matching, .group, .name], sources: [String] = ["emoji"],
        groupSources: [String] = ["emoji"], matchingLimit: Int? = nil, template: CaptionTemplate = CaptionTemplate(),
        shots: [Int] = [0, 4, 8], fewShotText: String = "name: {}.", seed: UInt64 = 0, resampleCount: Int = 1000
    ) {
        self.questions = questions
        self.sources = sources
        self.groupSources = groupSources
        self.matchingLimit = matchingLimit
        self.template = template
        self.shots = shots
        self.fewShotText = fewShotText
        self.seed = seed
        self.resampleCount = resampleCount
    }

    /// The tasks of a question on a set.
    public func tasks(_ question: Question, on set: CaptionedSet) -> [any EvaluationTask] {
        let template = template
        var name = template
        name.fields = [.name]
        let nameAlone = name
        switch question {
        case .captioning: return [CaptioningTask(set, template: template, prompt: template.prompt)]
        case .colour: return [DominantColourTask()]
        case .matching:
            return [
                ImageMatchingTask(detail: "full caption", limit: matchingLimit) {
                    $0.references(template).first ?? ""
                },
                ImageMatchingTask(detail: "name alone", limit: matchingLimit) { nameAlone.text(for: $0.caption) },
            ]
        case .group: return groupSources.map { KindTask(source: $0) }
        case .name: return [NameTask()]
        case .fewShot:
            return shots.map { FewShotNamingTask(shots: $0, most: shots.max() ?? 0, text: fewShotText) }
        case .answering: return [AnsweringTask()]
        }
    }

    /// What the tasks share.
    /// - Parameter blank: a white image's pixels, float32[3, H, W], prepared like the set's.
    public func context(
        _ subject: EvaluationSubject, set: CaptionedSet, statistics: CaptionStatistics, blank: Tensor
    ) -> EvaluationContext {
        EvaluationContext(
            subject: subject, set: set, statistics: statistics, blank: blank, sources: sources,
            bootstrap: Bootstrap(resampleCount: resampleCount, seed: seed), seed: seed)
    }

    /// The report of scores.
    public func report(_ scores: [TaskScore], set: CaptionedSet, seconds: Double) -> EvaluationReport {
        EvaluationReport(
            split: set.split.rawValue, seed: seed,
            itemCounts: Dictionary(set.items.map { ($0.source, 1) }, uniquingKeysWith: +), scores: scores,
            seconds: seconds)
    }

    /// Runs every task.
    /// - Parameters:
    ///   - blank: a white image's pixels, float32[3, H, W], prepared like the set's.
    ///   - progress: told each task's name before it starts; what it throws ends the evaluation.
    /// - Throws: `GenerationError` when a caption does not fit the model's context.
    public func run(
        _ subject: EvaluationSubject, set: CaptionedSet, statistics: CaptionStatistics, blank: Tensor,
        progress: (String) throws -> Void = { _ in }
    ) throws -> EvaluationReport {
        let clock = ContinuousClock()
        let started = clock.now
        let context = context(subject, set: set, statistics: statistics, blank: blank)
        var scores = [TaskScore]()
        for task in questions.flatMap({ tasks($0, on: set) }) {
            try progress(task.name)
            scores += try task.scores(context)
        }
        return report(scores, set: set, seconds: seconds(clock.now - started))
    }

    /// Free captions of some items for a gallery, greedily from the image alone, with the colour question's answer.
    /// - Parameter indices: places in the set's items.
    /// - Throws: `GenerationError` when captions do not fit the model's context.
    public func describe(
        _ subject: EvaluationSubject, set: CaptionedSet, indices: [Int], maxNewTokens: Int = 64
    ) throws -> [EvaluatedItem] {
        guard !indices.isEmpty else { return [] }
        let chosen = Tensor(indices.map(Int64.init), shape: [indices.count])
        let images = subject.encoded(set.pixelValues.indexSelect(dim: 0, chosen))
        let texts = try subject.answers(to: template.prompt, about: images, maxNewTokens: maxNewTokens)
        let colours = try subject.answers(to: "colours:", about: images, maxNewTokens: 6)
        return indices.enumerated().map { place, index in
            let item = set.items[index]
            return EvaluatedItem(
                id: item.id, source: item.source, truth: template.text(for: item.caption), generated: texts[place],
                colour: DominantColourTask.firstWord(colours[place]))
        }
    }
}
