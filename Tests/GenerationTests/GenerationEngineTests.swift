import Generation
import Processors
import Synchronization
import SyrinxModels
import Testing
import TinyModels
import Torch

@Suite struct GenerationEngineTests {
    private let engine = GenerationEngine(TinyModel.shared)

    /// Greedy continuation that recomputes the whole sequence for every token.
    private func recomputed(_ text: [Int], brightness: Double?, count: Int) -> [Int] {
        var text = text
        var generated = [Int]()
        for _ in 0..<count {
            let logits = TinyModel.lastLogits(TinyModel.input(text, brightness: brightness))
            let best = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
            generated.append(best)
            text.append(best)
        }
        return generated
    }

    @Test(arguments: [nil, 0.5]) func `cached decoding equals recomputing everything`(brightness: Double?) throws {
        let text = [5, 9, 30, 7]
        let request = GenerationRequest(
            TinyModel.input(text, brightness: brightness), config: GenerationConfig(maxNewTokens: 12))
        let result = try engine.generate(request)
        #expect(result.tokenIDs == recomputed(text, brightness: brightness, count: 12))
        #expect(result.stopReason == .maxNewTokens)
        #expect(result.timings.decodeTokenCount == 11)
        #expect(result.timings.prefillTokenCount == text.count + (brightness == nil ? 0 : 4))
        #expect(result.timings.decodeTokensPerSecond > 0)
    }

    @Test func `a batch of mixed lengths, images and configs gives row by row what single calls give`() throws {
        let requests = [
            GenerationRequest(TinyModel.input([5, 9, 30, 7]), config: GenerationConfig(maxNewTokens: 9)),
            GenerationRequest(TinyModel.input([8], brightness: 0.3), config: GenerationConfig(maxNewTokens: 4)),
            GenerationRequest(
                TinyModel.input([8, 11, 12, 40, 41, 2, 1], brightness: -0.8),
                config: GenerationConfig(maxNewTokens: 7, temperature: 1.3, topK: 20, seed: 6)),
            GenerationRequest(
                TinyModel.input([1, 2]),
                config: GenerationConfig(maxNewTokens: 7, temperature: 1.3, repetitionPenalty: 1.4, seed: 7)),
            GenerationRequest(TinyModel.input([20, 21, 22, 23]), config: GenerationConfig(maxNewTokens: 9)),
        ]
        let singles = try requests.map { try engine.generate($0).tokenIDs }
        #expect(try engine.generate(requests).map(\.tokenIDs) == singles)
        #expect(singles.map(\.count) == [9, 4, 7, 7, 9])
        let narrow = GenerationEngine(TinyModel.shared, maxBatchRows: 2)
        #expect(try narrow.generate(requests).map(\.tokenIDs) == singles)
    }

    @Test func `images encoded before give what pixels give`() throws {
        let input = TinyModel.input([8, 9], brightness: 0.7)
        let pixels = try #require(input.pixelValues)
        let visual = inferenceMode { TinyModel.shared.imageTokens(pixels) }
        let config = GenerationConfig(maxNewTokens: 6)
        let fromPixels = try engine.generate(GenerationRequest(input, config: config)).tokenIDs
        #expect(
            try engine.generate(GenerationRequest(input.with(imageTokens: visual), config: config)).tokenIDs
                == fromPixels)
    }

    @Test func `a batch's images go through the encoder a bounded number at a time`() throws {
        let counting = ImageCounting()
        let requests = (0..<20).map { number in
            GenerationRequest(
                TinyModel.input([5, 9], brightness: number % 5 == 0 ? nil : Double(number) / 20),
                config: GenerationConfig(maxNewTokens: 3))
        }
        let found = try GenerationEngine(counting).generate(requests).map(\.tokenIDs)
        #expect(counting.passes.withLock { $0 } == [8, 8])
        #expect(try found == requests.map { try engine.generate($0).tokenIDs })
    }

    @Test func `images encoded before and images that are not share a batch`() throws {
        let config = GenerationConfig(maxNewTokens: 6)
        let requests = (0..<6).map { number in
            let input = TinyModel.input([8, 9], brightness: number == 3 ? nil : Double(number) / 6)
            let visual = number % 2 == 0 ? input.pixelValues.map { TinyModel.shared.imageTokens($0) } : nil
            return GenerationRequest(input.with(imageTokens: visual), config: config)
        }
        let singles = try requests.map { request in
            try engine.generate(GenerationRequest(request.input.with(imageTokens: nil), config: config)).tokenIDs
        }
        #expect(try engine.generate(requests).map(\.tokenIDs) == singles)
        #expect(Set(singles).count > 1)
    }

    @Test func `logits are kept where they are asked for, one row a step`() throws {
        var request = GenerationRequest(TinyModel.input([5, 9]), config: GenerationConfig(maxNewTokens: 4))
        #expect(try engine.generate(request).logits == nil)
        request.keepsLogits = true
        let result = try engine.generate(request)
        let logits = try #require(result.logits)
        #expect(logits.shape == [4, TinyModel.vocabularySize])
        #expect(logits.argmax(dim: 1).array(of: Int64.self).map(Int.init) == result.tokenIDs)
    }

    @Test func `the same seed gives the same tokens and another seed others`() throws {
        func sample(_ seed: UInt64) throws -> [Int] {
            let config = GenerationConfig(maxNewTokens: 20, temperature: 1.5, seed: seed)
            return try engine.generate(GenerationRequest(TinyModel.input([4, 6]), config: config)).tokenIDs
        }
        #expect(try sample(3) == sample(3))
        #expect(try sample(3) != sample(4))
    }

    @Test func `a stop token ends the answer and is not part of it`() throws {
        let free = recomputed([5, 9], brightness: nil, count: 6)
        let stop = free[3]
        let expected = Array(free.prefix { $0 != stop })
        let config = GenerationConfig(maxNewTokens: 6, stopTokenIDs: [stop])
        let result = try engine.generate(GenerationRequest(TinyModel.input([5, 9]), config: config))
        #expect(result.tokenIDs == expected)
        #expect(result.stopReason == .stopToken)
    }

    @Test func `a banned token never comes up`() throws {
        let banned = recomputed([5, 9], brightness: nil, count: 1)[0]
        let config = GenerationConfig(maxNewTokens: 30, bannedTokenIDs: [banned])
        let result = try engine.generate(GenerationRequest(TinyModel.input([5, 9]), config: config))
        #expect(!result.tokenIDs.contains(banned))
    }

    @Test func `generation ends where the context ends`() throws {
        let text = (0..<60).map { $0 % 40 + 4 }
        let config = GenerationConfig(maxNewTokens: 50)
        let result = try engine.generate(GenerationRequest(TinyModel.input(text), config: config))
        #expect(result.tokenIDs.count == 4)
        #expect(result.stopReason == .contextFull)
    }

    @Test func `a prompt longer than the context is refused with both numbers`() {
        let text = [Int](repeating: 5, count: 61)
        let error = #expect(throws: GenerationError.self) {
            try engine.generate(GenerationRequest(TinyModel.input(text, brightness: 0)))
        }
        #expect(error?.description.contains("has 65 tokens (4 of them for media)") == true)
        #expect(error?.description.contains("holds 64") == true)
    }

    @Test func `the callback sees every token and may end the row`() throws {
        var seen = [Int]()
        let result = try engine.generate(
            GenerationRequest(TinyModel.input([5, 9]), config: GenerationConfig(maxNewTokens: 10))
        ) { token in
            seen.append(token)
            return seen.count == 3 ? .stop(.stopString) : .continue
        }
        #expect(seen == result.tokenIDs && seen.count == 3)
        #expect(result.stopReason == .stopString)
    }

    @Test func `cancelling stops before the next token`() throws {
        var count = 0
        let result = try engine.generate(
            GenerationRequest(TinyModel.input([5]), config: GenerationConfig(maxNewTokens: 40)),
            onToken: { _ in
                count += 1
                return .continue
            }, isCancelled: { count >= 2 })
        #expect(result.tokenIDs.count == 2)
        #expect(result.stopReason == .cancelled)
    }

    @Test func `a stream brings the same tokens and then the result`() async throws {
        let request = GenerationRequest(
            TinyModel.input([5, 9], brightness: 0.2), config: GenerationConfig(maxNewTokens: 8))
        var tokens = [Int]()
        var final: GenerationResult?
        for try await event in engine.stream(request) {
            switch event {
            case .token(let token): tokens.append(token)
            case .finished(let result): final = result
            }
        }
        #expect(tokens == (try engine.generate(request).tokenIDs))
        #expect(final?.tokenIDs == tokens)
    }

    @Test func `a stream passes errors on and can be left early`() async throws {
        let bad = GenerationRequest(TinyModel.input([5]), config: GenerationConfig(temperature: -1))
        await #expect(throws: GenerationError.self) {
            for try await _ in engine.stream(bad) {}
        }
        let long = GenerationRequest(TinyModel.input([5]), config: GenerationConfig(maxNewTokens: 60))
        var count = 0
        for try await _ in engine.stream(long) {
            count += 1
            if count == 2 { break }
        }
        #expect(count == 2)
    }

    @Test func `scores that are no numbers are an error, greedy, sampled and scored`() throws {
        let broken = GenerationEngine(BrokenModel())
        let input = TinyModel.input([5, 9])
        for config in [GenerationConfig(maxNewTokens: 3), GenerationConfig(maxNewTokens: 3, temperature: 1, topK: 5)] {
            let error = #expect(throws: GenerationError.self) {
                try broken.generate(GenerationRequest(input, config: config))
            }
            #expect(error?.description.contains("NaN or infinite") == true)
        }
        #expect(throws: GenerationError.self) { try broken.scores(of: [ScoringRequest(input, labels: [9, -100])]) }
    }

    @Test(arguments: [0.0, 1.0]) func `rows of the head that no piece belongs to are never drawn`(
        temperature: Double
    ) throws {
        let requests = (0..<4).map { number in
            GenerationRequest(
                TinyModel.input([5 + number, 9]),
                config: GenerationConfig(
                    maxNewTokens: 20, temperature: temperature, repetitionPenalty: 1.1, bannedTokenIDs: [2, 40],
                    seed: UInt64(number)))
        }
        let all = try engine.generate(requests).flatMap(\.tokenIDs)
        let count = (all.max() ?? 0) / 2
        let narrow = GenerationEngine(TinyModel.shared, pieceCount: count)
        let drawn = try narrow.generate(requests)
        #expect(drawn.flatMap(\.tokenIDs).allSatisfy { $0 < count } && all.contains { $0 >= count })
        #expect(drawn.allSatisfy { $0.tokenIDs.count == 20 })
        // More pieces than scores are no mistake: the tokenizer of a larger vocabulary.
        #expect(try GenerationEngine(TinyModel.shared, pieceCount: 1000).generate(requests).flatMap(\.tokenIDs) == all)
    }
}
