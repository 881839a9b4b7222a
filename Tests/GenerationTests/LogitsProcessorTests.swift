import Generation
import Testing
import Torch

@Suite struct LogitsProcessorTests {
    private func process(_ processor: any LogitsProcessor, _ rows: [[Float]], histories: [[Int]]? = nil) -> [[Float]] {
        let width = rows[0].count
        let result = processor.process(
            Tensor(rows.flatMap { $0 }, shape: [rows.count, width]),
            histories: histories ?? rows.map { _ in [] }
        ).array(of: Float.self)
        return rows.indices.map { Array(result[$0 * width..<($0 + 1) * width]) }
    }

    @Test func `temperature divides the logits`() {
        #expect(process(Temperature(2), [[2, -4]]) == [[1, -2]])
    }

    @Test func `top-k keeps the k likeliest tokens of each row`() {
        let excluded = -Float.infinity
        #expect(
            process(TopK(2), [[1, 3, 2, 0], [5, 1, 1.5, 9]])
                == [[excluded, 3, 2, excluded], [5, excluded, excluded, 9]])
        #expect(process(TopK(9), [[1, 2]]) == [[1, 2]])
    }

    @Test(arguments: [(0.45, 1), (0.55, 2), (0.85, 3), (1.0, 4)]) func `top-p keeps the smallest set that reaches p`(
        p: Double, kept: Int
    ) {
        // Probabilities 0.5, 0.3, 0.15, 0.05 in mixed order.
        let logits = [0.15, 0.5, 0.05, 0.3].map { Float($0) }.map { Tensor([$0]).log().array(of: Float.self)[0] }
        let order = [1, 3, 0, 2]
        let result = process(TopP(p), [logits])[0]
        let expected = Set(order.prefix(kept))
        #expect(Set(result.indices.filter { result[$0].isFinite }) == expected)
    }

    @Test func `min-p keeps tokens within the given ratio of the likeliest`() {
        let logits = [0.5, 0.3, 0.15, 0.05].map { Tensor([Float($0)]).log().array(of: Float.self)[0] }
        let result = process(MinP(0.29), [logits])[0]
        #expect(result.map(\.isFinite) == [true, true, true, false])
    }

    @Test func `the repetition penalty lowers seen tokens once and ignores placeholders and negative ids`() {
        let penalty = RepetitionPenalty(2, ignoring: [3])
        let result = process(penalty, [[4, -4, 1, 6], [4, -4, 1, 6]], histories: [[0, 0, 1, 3, -1, -200], [2]])
        #expect(result == [[2, -8, 1, 6], [4, -4, 0.5, 6]])
    }

    @Test func `banned tokens are never finite again`() {
        let result = process(BannedTokens([1], vocabularySize: 3), [[1, 9, 2]])[0]
        #expect(result == [1, -.infinity, 2])
    }

    @Test func `a chain holds only what the config asks for, in its fixed order`() {
        #expect(GenerationConfig().processors(vocabularySize: 10).isEmpty)
        let config = GenerationConfig(
            temperature: 0.7, topK: 5, topP: 0.9, minP: 0.1, repetitionPenalty: 1.2, bannedTokenIDs: [3])
        let names = config.processors(vocabularySize: 10).map { String(describing: type(of: $0)) }
        #expect(names == ["RepetitionPenalty", "BannedTokens", "Temperature", "TopK", "TopP", "MinP"])
        let greedy = GenerationConfig(topK: 5, topP: 0.9, bannedTokenIDs: [3, 99])
        #expect(greedy.processors(vocabularySize: 10).count == 1)
    }

    @Test(arguments: [
        GenerationConfig(maxNewTokens: 0), GenerationConfig(temperature: -1), GenerationConfig(topP: 0),
        GenerationConfig(topP: 1.5), GenerationConfig(minP: 1), GenerationConfig(topK: -2),
        GenerationConfig(repetitionPenalty: 0),
    ]) func `values out of range are refused`(config: GenerationConfig) {
        #expect(throws: GenerationError.self) { try config.validate() }
    }
}

@Suite struct SamplerTests {
    @Test func `multinomial draws follow the distribution`() {
        let probabilities: [Float] = [0.1, 0.6, 0.3]
        let logits = Tensor(probabilities, shape: [1, 3]).log()
        let sampler = MultinomialSampler(seeds: [11])
        var counts = [0, 0, 0]
        for _ in 0..<3000 { counts[sampler.sample(logits)[0]] += 1 }
        for (count, probability) in zip(counts, probabilities) {
            #expect(abs(Double(count) / 3000 - Double(probability)) < 0.03)
        }
    }

    @Test func `an excluded token is never drawn`() {
        let logits = Tensor([0, -Float.infinity, 0] as [Float], shape: [1, 3])
        let sampler = MultinomialSampler(seeds: [4])
        #expect((0..<300).allSatisfy { _ in sampler.sample(logits)[0] != 1 })
    }

    @Test func `a row draws the same tokens alone and in a batch`() {
        let row = Tensor((0..<20).map { Float($0 % 7) }, shape: [1, 20])
        let alone = MultinomialSampler(seeds: [5])
        let together = MultinomialSampler(seeds: [9, 5])
        let batch = Tensor.cat([row * -1, row], dim: 0)
        for _ in 0..<20 { #expect(alone.sample(row)[0] == together.sample(batch)[1]) }
    }

    @Test func `greedy takes the first of equals`() {
        #expect(GreedySampler().sample(Tensor([1, 3, 3, 0, 0, 0] as [Float], shape: [2, 3])) == [1, 0])
    }
}
