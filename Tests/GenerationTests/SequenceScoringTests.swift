import Generation
import Processors
import TestSupport
import Testing
import Torch

@Suite struct SequenceScoringTests {
    private let engine = GenerationEngine(TinyModel.shared)

    /// Log-probability of `token` after the sequence, recomputed alone.
    private func logProbability(of token: Int, after text: [Int], brightness: Double?) -> Double {
        let logits = TinyModel.lastLogits(TinyModel.input(text, brightness: brightness))
        return Double(Tensor(logits).logSoftmax(dim: 0).array(of: Float.self)[token])
    }

    /// A request that scores the tokens of `text` from `start` on.
    private func request(_ text: [Int], from start: Int, brightness: Double? = nil) -> ScoringRequest {
        let input = TinyModel.input(text, brightness: brightness)
        let length = input.tokenIDs.shape[1]
        var labels = [Int](repeating: -100, count: length)
        for index in start..<text.count { labels[length - text.count + index - 1] = text[index] }
        return ScoringRequest(input, labels: labels)
    }

    @Test func `a score is the sum of next-token log-probabilities`() throws {
        let text = [5, 9, 30, 7, 22]
        let score = try engine.scores(of: [request(text, from: 0, brightness: 0.4)])[0]
        let expected = text.indices.reduce(0.0) {
            $0 + logProbability(of: text[$1], after: Array(text[..<$1]), brightness: 0.4)
        }
        #expect(score.tokenCount == 5)
        #expect(abs(score.total - expected) < 1e-4)
        #expect(abs(score.mean - expected / 5) < 1e-4)
    }

    @Test func `scores do not depend on the batch they are computed in`() throws {
        let requests = [
            request([5, 9, 30, 7, 22], from: 2), request([8, 9], from: 1, brightness: 0.1),
            request([7, 7, 7, 7, 7, 7, 7, 7, 7], from: 0, brightness: -1), request([11], from: 0, brightness: 0.9),
        ]
        let singles = try requests.map { try engine.scores(of: [$0])[0] }
        for tokensPerBatch in [1, 20, 4096] {
            let batched = try engine.scores(of: requests, tokensPerBatch: tokensPerBatch)
            for (one, other) in try pairs(singles, batched) {
                #expect(one.tokenCount == other.tokenCount)
                #expect(abs(one.total - other.total) < 1e-4)
            }
        }
    }

    @Test func `a sequence without labels scores nothing`() throws {
        let input = TinyModel.input([5, 6])
        let score = try engine.scores(of: [ScoringRequest(input, labels: [-100, -100])])[0]
        #expect(score == SequenceScore(total: 0, tokenCount: 0))
        #expect(score.mean == 0)
    }

    @Test func `labels that do not fit are refused`() {
        let input = TinyModel.input([5, 6])
        #expect(throws: GenerationError.self) { try engine.scores(of: [ScoringRequest(input, labels: [1])]) }
        #expect(throws: GenerationError.self) { try engine.scores(of: [ScoringRequest(input, labels: [1, 48])]) }
        let long = TinyModel.input([Int](repeating: 4, count: 65))
        #expect(throws: GenerationError.self) {
            try engine.scores(of: [ScoringRequest(long, labels: [Int](repeating: -100, count: 65))])
        }
    }
}
