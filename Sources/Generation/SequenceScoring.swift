public import Processors
import SyrinxModels
public import Torch

/// A sequence whose tokens are to be scored.
public struct ScoringRequest: Sendable {
    /// The whole sequence, prompt and continuation: one row.
    public var input: ModelInput
    /// Per position the token expected after it, or -100 where nothing is scored; as long as the row.
    public var labels: [Int]

    /// A request from its parts.
    public init(_ input: ModelInput, labels: [Int]) {
        self.input = input
        self.labels = labels
    }
}

/// Log-likelihood of the scored tokens of one sequence, in nats.
public struct SequenceScore: Codable, Hashable, Sendable {
    /// Sum over the scored tokens.
    public var total: Double
    /// Number of scored tokens.
    public var tokenCount: Int

    /// A score from its parts.
    public init(total: Double, tokenCount: Int) {
        self.total = total
        self.tokenCount = tokenCount
    }

    /// Mean per scored token; 0 when none was scored.
    public var mean: Double { tokenCount > 0 ? total / Double(tokenCount) : 0 }
}

extension GenerationEngine {
    /// Log-likelihood of every request's labelled tokens.
    ///
    /// Rows of similar length are padded at the right and computed together; under a causal mask padding cannot reach
    /// the tokens before it, so each row scores as it would alone.
    /// - Parameter tokensPerBatch: greatest number of positions, padding included, in one pass.
    /// - Returns: one score per request, in the order of the requests.
    /// - Throws: `GenerationError` when labels and tokens differ in number, a sequence exceeds the context, or a score is NaN.
    /// - Complexity: one forward pass over all tokens; memory for `tokensPerBatch` rows of logits.
    public func scores(
        of requests: [ScoringRequest], tokensPerBatch: Int = 4096
    ) throws(GenerationError) -> [SequenceScore] {
        for (index, request) in requests.enumerated() { try check(request, number: index + 1, of: requests.count) }
        let byLength = requests.indices.sorted {
            requests[$0].labels.count == requests[$1].labels.count
                ? $0 < $1 : requests[$0].labels.count < requests[$1].labels.count
        }
        var scores = [SequenceScore](repeating: SequenceScore(total: 0, tokenCount: 0), count: requests.count)
        var start = 0
        while start < byLength.count {
            var end = start + 1
            while end < byLength.count,
                (end - start + 1) * requests[byLength[end]].labels.count <= tokensPerBatch
            {
                end += 1
            }
            let members = Array(byLength[start..<end])
            let found = inferenceMode { score(members.map { requests[$0] }) }
            // NaN is neither more nor less likely than anything: whoever compares scores would take the first for the best.
            guard found.allSatisfy({ !$0.total.isNaN }) else { throw .notFinite }
            for (index, score) in zip(members, found) { scores[index] = score }
            start = end
        }
        return scores
    }

    private func check(_ request: ScoringRequest, number: Int, of count: Int) throws(GenerationError) {
        let shape = request.input.tokenIDs.shape
        guard shape == [1, request.labels.count] else {
            throw GenerationError(
                "sequence \(number) of \(count) has token IDs of shape \(shape), but \(request.labels.count) labels; "
                    + "one row and one label per position are needed")
        }
        guard request.labels.count <= model.contextLength else {
            throw GenerationError(
                "sequence \(number) of \(count) has \(request.labels.count) tokens, but the model's context holds "
                    + "\(model.contextLength); shorten it")
        }
        for label in request.labels where label != -100 && !(0..<model.vocabularySize).contains(label) {
            throw GenerationError(
                "sequence \(number) of \(count) has label \(label), which is neither -100 nor in a vocabulary of "
                    + "\(model.vocabularySize)")
        }
    }

    /// One pass over rows of similar length.
    private func score(_ requests: [ScoringRequest]) -> [SequenceScore] {
        let batch = ModelInput.batch(requests.map(\.input))
        let columnCount = batch.tokenIDs.shape[1]
        var places = [Int64]()  // flat positions whose next token is scored
        var targets = [Int64]()
        var owners = [Int]()
        for (row, request) in requests.enumerated() {
            for (position, label) in request.labels.enumerated() where label != -100 {
                places.append(Int64(row * columnCount + position))
                targets.append(Int64(label))
                owners.append(row)
            }
        }
        var scores = requests.map { _ in SequenceScore(total: 0, tokenCount: 0) }
        guard !places.isEmpty else { return scores }
        let states = model.decode(
            model.embed(model.encodingMedia(of: batch)),
            DecoderPass(positionIDs: batch.positionIDs, mediaPositions: batch.mediaPositions)
        ).hiddenStates.flatten(0, 1)  // [B * T, D]
        let scored = model.logits(hiddenStates: states.indexSelect(dim: 0, Tensor(places).to(states.device)))
            .to(.float32).logSoftmax(dim: 1)
            .gather(dim: 1, Tensor(targets, shape: [targets.count, 1]).to(states.device))
        for (owner, value) in zip(owners, scored.array(of: Float.self)) {
            scores[owner].total += Double(value)
            scores[owner].tokenCount += 1
        }
        return scores
    }
}
