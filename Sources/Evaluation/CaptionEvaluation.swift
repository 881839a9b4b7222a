public import DataPipeline
import Generation
public import Torch

/// The evaluation of a picture-describing model: the tasks, the items, the controls, in one call.
public struct CaptionEvaluation: Sendable {
    /// Sources reported on their own, beside all together.
    public var sources: [String]
    /// Sources whose kinds are to be found.
    public var groupSources: [String]
    /// Greatest number of items per source in the which-of-4 tasks; `nil` takes all.
    public var matchingLimit: Int?
    /// The caption a which-of-4 trial scores.
    public var template: CaptionTemplate
    /// Seed of distractors, shuffles and bootstrap.
    public var seed: UInt64
    /// Number of bootstrap resamples.
    public var resampleCount: Int

    /// An evaluation; the defaults are the demo's.
    public init(
        sources: [String] = ["emoji"], groupSources: [String] = ["emoji"], matchingLimit: Int? = nil,
        template: CaptionTemplate = CaptionTemplate(), seed: UInt64 = 0, resampleCount: Int = 1000
    ) {
        self.sources = sources
        self.groupSources = groupSources
        self.matchingLimit = matchingLimit
        self.template = template
        self.seed = seed
        self.resampleCount = resampleCount
    }

    /// The tasks, in the order of the report.
    public var tasks: [any EvaluationTask] {
        let template = template
        var name = template
        name.fields = [.name]
        let nameAlone = name
        return [
            DominantColourTask(),
            PictureMatchingTask(detail: "full caption", limit: matchingLimit) { template.text(for: $0.caption) },
            PictureMatchingTask(detail: "name alone", limit: matchingLimit) { nameAlone.text(for: $0.caption) },
            KindTask(sources: groupSources),
            NameTask(),
        ]
    }

    /// Runs every task.
    /// - Parameters:
    ///   - blank: a white picture's pixels, float32[3, H, W], prepared like the set's.
    ///   - progress: told each task's name before it starts; what it throws ends the evaluation.
    /// - Throws: `GenerationError` when a caption does not fit the model's context.
    public func run(
        _ subject: EvaluationSubject, set: CaptionedSet, statistics: CaptionStatistics, blank: Tensor,
        progress: (String) throws -> Void = { _ in }
    ) throws -> EvaluationReport {
        let clock = ContinuousClock()
        let started = clock.now
        try progress("pictures")
        let context = EvaluationContext(
            subject: subject, set: set, statistics: statistics, blank: blank, sources: sources,
            bootstrap: Bootstrap(resampleCount: resampleCount, seed: seed), seed: seed)
        var scores = [TaskScore]()
        for task in tasks {
            try progress(task.name)
            scores += try task.scores(context)
        }
        return EvaluationReport(
            split: set.split.rawValue, seed: seed,
            itemCounts: Dictionary(set.items.map { ($0.source, 1) }, uniquingKeysWith: +), scores: scores,
            seconds: seconds(clock.now - started))
    }

    /// Free captions of some items for a gallery, greedily from the picture alone, with the colour question's answer.
    /// - Parameter indices: places in the set's items.
    /// - Throws: `GenerationError` when captions do not fit the model's context.
    public func describe(
        _ subject: EvaluationSubject, set: CaptionedSet, indices: [Int], maxNewTokens: Int = 64
    ) throws -> [EvaluatedItem] {
        guard !indices.isEmpty else { return [] }
        let chosen = Tensor(indices.map(Int64.init), shape: [indices.count])
        let pictures = subject.visualTokens(set.pixelValues.indexSelect(dim: 0, chosen))
        let texts = try subject.answers(to: template.prompt, about: pictures, maxNewTokens: maxNewTokens)
        let colours = try subject.answers(to: "colours:", about: pictures, maxNewTokens: 6)
        return indices.enumerated().map { place, index in
            let item = set.items[index]
            return EvaluatedItem(
                id: item.id, source: item.source, truth: template.text(for: item.caption), generated: texts[place],
                colour: DominantColourTask.firstWord(colours[place]))
        }
    }
}
