import Torch

/// Turns a batch of next-token logits into one token per row, each row by its own config.
struct TokenChooser {
    private let rows: [Row]
    /// One chain and sampler for the whole batch, when the configs differ in nothing but the seed.
    private let shared: Row?
    private let vocabularySize: Int

    private struct Row {
        var processors: [any LogitsProcessor]
        var sampler: any Sampler

        init(_ config: GenerationConfig, seeds: [UInt64], vocabularySize: Int) {
            processors = config.processors(vocabularySize: vocabularySize)
            sampler = config.isGreedy ? GreedySampler() : MultinomialSampler(seeds: seeds)
        }

        func choose(_ logits: Tensor, histories: [[Int]]) -> [Int] {
            var logits = logits
            for processor in processors { logits = processor.process(logits, histories: histories) }
            return sampler.sample(logits)
        }
    }

    /// A chooser for one batch; it holds the rows' random state.
    /// - Parameter vocabularySize: how many tokens there are to choose from, the first ones of those that are scored.
    init(_ configs: [GenerationConfig], vocabularySize: Int) {
        self.vocabularySize = vocabularySize
        let unseeded = Set(
            configs.map { config in
                var config = config
                config.seed = 0
                return config
            })
        if unseeded.count == 1, let config = configs.first {
            shared = Row(config, seeds: configs.map(\.seed), vocabularySize: vocabularySize)
            rows = []
        } else {
            shared = nil
            rows = configs.map { Row($0, seeds: [$0.seed], vocabularySize: vocabularySize) }
        }
    }

    /// One token ID per row.
    /// - Parameters:
    ///   - logits: float32[B, V] of all tokens that are scored.
    ///   - histories: per row, prompt and generated tokens so far.
    /// - Throws: `GenerationError` where a row's greatest logit is no finite number: nothing could be chosen by it.
    func choose(_ logits: Tensor, histories: [[Int]]) throws(GenerationError) -> [Int] {
        let logits =
            logits.size(1) > vocabularySize ? logits.narrow(dim: 1, start: 0, length: vocabularySize) : logits
        // A NaN anywhere in a row is its maximum.
        guard logits.max(dims: [1]).array(of: Float.self).allSatisfy(\.isFinite) else { throw .notFinite }
        if let shared { return shared.choose(logits, histories: histories) }
        return rows.enumerated().map { index, row in
            row.choose(logits.narrow(dim: 0, start: index, length: 1), histories: [histories[index]])[0]
        }
    }
}
