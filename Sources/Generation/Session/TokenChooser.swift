import Torch

/// How one row's tokens are chosen from its scores: what its config asks for, and a random state of its own.
///
/// Rows whose configs ask for the same share one chain, so their scores are processed together however many they are. As
/// every row draws from its own state, it draws the same alone and among others.
struct TokenChooser {
    private let chain: Chain
    /// Nil where nothing is drawn.
    private let generator: Generator?

    /// The processing that rows may share.
    private final class Chain {
        let config: GenerationConfig
        let vocabularySize: Int
        let processors: [any LogitsProcessor]

        init(_ config: GenerationConfig, vocabularySize: Int) {
            self.config = config
            self.vocabularySize = vocabularySize
            processors = config.processors(vocabularySize: vocabularySize)
        }

        /// One token for each row of `logits`; `generators` is empty where nothing is drawn.
        func choose(_ logits: Tensor, histories: [[Int]], generators: [Generator]) -> [Int] {
            var logits = logits
            for processor in processors { logits = processor.process(logits, histories: histories) }
            return config.isGreedy
                ? GreedySampler().sample(logits) : MultinomialSampler(generators: generators).sample(logits)
        }
    }

    /// A chooser for one row.
    /// - Parameters:
    ///   - vocabularySize: how many tokens there are to choose from, the first ones of those that are scored.
    ///   - others: choosers whose chain is used where it is the same.
    init(_ config: GenerationConfig, vocabularySize: Int, sharing others: some Sequence<TokenChooser>) {
        var common = config  // What the chain depends on.
        common.seed = 0
        common.maxNewTokens = 1
        common.stopTokenIDs = []
        let known = others.first { $0.chain.config == common && $0.chain.vocabularySize == vocabularySize }?.chain
        chain = known ?? Chain(common, vocabularySize: vocabularySize)
        generator = config.isGreedy ? nil : Generator(seed: config.seed)
    }

    /// One token for each row; nil where the row's greatest score is no finite number: nothing could be chosen by it.
    /// - Parameters:
    ///   - logits: float32[B, V] of all tokens that are scored.
    ///   - rows: one chooser for each row.
    ///   - histories: per row, prompt and generated tokens so far.
    static func choose(_ logits: Tensor, by rows: [TokenChooser], histories: [[Int]]) -> [Int?] {
        guard let first = rows.first?.chain else { return [] }
        let count = first.vocabularySize
        let logits = logits.size(1) > count ? logits.narrow(dim: 1, start: 0, length: count) : logits
        // A NaN anywhere in a row is its maximum.
        let isFinite = logits.max(dims: [1]).array(of: Float.self).map(\.isFinite)
        if isFinite.allSatisfy({ $0 }) && rows.allSatisfy({ $0.chain === first }) {
            return first.choose(logits, histories: histories, generators: rows.compactMap(\.generator))
        }
        var chosen = [Int?](repeating: nil, count: rows.count)
        let groups = Dictionary(grouping: rows.indices.filter { isFinite[$0] }) { ObjectIdentifier(rows[$0].chain) }
        for members in groups.values {
            let own = logits.indexSelect(dim: 0, Tensor(members.map(Int64.init)).to(logits.device))
            let tokens = rows[members[0]].chain.choose(
                own, histories: members.map { histories[$0] }, generators: members.compactMap { rows[$0].generator })
            for (row, token) in zip(members, tokens) { chosen[row] = token }
        }
        return chosen
    }
}
