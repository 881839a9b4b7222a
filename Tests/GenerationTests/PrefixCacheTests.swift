import Generation
import Processors
import Testing
import Torch

/// A prompt that begins like the last one gets the same answer as if nothing had been kept.
@Suite struct PrefixCacheTests {
    private let engine = GenerationEngine(TinyModel.shared)

    private func request(
        _ text: [Int], image: (id: String, brightness: Double)? = nil, count: Int = 5
    ) -> GenerationRequest {
        GenerationRequest(
            TinyModel.input(text, brightness: image?.brightness, id: image?.id),
            config: GenerationConfig(maxNewTokens: count))
    }

    /// The answer with the cache, which must equal the answer without, and how much was taken up.
    private func cachedCount(_ request: GenerationRequest, _ prefix: PrefixCache) throws -> (answer: [Int], cached: Int)
    {
        let alone = try engine.generate(request)
        let result = try engine.generate(request, reusing: prefix)
        #expect(result.tokenIDs == alone.tokenIDs && result.stopReason == alone.stopReason)
        #expect(result.timings.prefillTokenCount + result.cachedTokenCount == alone.timings.prefillTokenCount)
        #expect(alone.cachedTokenCount == 0)
        return (result.tokenIDs, result.cachedTokenCount)
    }

    @Test func `the next turn computes only what is new, in a cache that grows`() throws {
        let prefix = PrefixCache()
        var text = [5, 9, 30, 7]
        let first = try cachedCount(request(text, image: ("a", 0.4)), prefix)
        #expect(first.cached == 0 && prefix.tokenCount == 4 + 4 + 4)
        text += first.answer + [8, 11]
        let second = try cachedCount(request(text, image: ("a", 0.4), count: 12), prefix)
        // The last token of an answer was chosen, but never read.
        #expect(second.cached == 12)
        text += second.answer + [6]
        #expect(try cachedCount(request(text, image: ("a", 0.4), count: 20), prefix).cached == 12 + 2 + 1 + 11)
    }

    @Test func `a changed history is forgotten from the first difference on`() throws {
        let prefix = PrefixCache()
        _ = try cachedCount(request([5, 9, 30, 7, 12, 13]), prefix)
        #expect(try cachedCount(request([5, 9, 31, 7, 12, 13]), prefix).cached == 2)
        #expect(try cachedCount(request([4]), prefix).cached == 0)
        #expect(try cachedCount(request([4, 5]), prefix).cached == 1)
    }

    @Test func `another image in the same place is computed, and the same prompt once more is not`() throws {
        let prefix = PrefixCache()
        _ = try cachedCount(request([5, 9], image: ("a", 0.4)), prefix)
        #expect(try cachedCount(request([5, 9], image: ("b", -0.6)), prefix).cached == 0)
        #expect(try cachedCount(request([5, 9], image: ("b", -0.6)), prefix).cached == 5)
        // Nothing but an image: it is computed whole, for its last position gives the answer's first token.
        #expect(try cachedCount(request([], image: ("b", -0.6)), prefix).cached == 0)
        #expect(try cachedCount(request([], image: ("b", -0.6)), prefix).cached == 0)
    }

    @Test func `images of unknown identity are never taken for each other`() throws {
        let prefix = PrefixCache()
        func unknown(_ brightness: Double) -> GenerationRequest {
            GenerationRequest(
                TinyModel.input([5, 9], brightness: brightness), config: GenerationConfig(maxNewTokens: 5))
        }
        _ = try cachedCount(unknown(0.4), prefix)
        #expect(prefix.tokenCount == 0)
        #expect(try cachedCount(unknown(-0.6), prefix).cached == 0)
    }

    @Test func `what was kept can be given back`() throws {
        let prefix = PrefixCache()
        _ = try cachedCount(request([5, 9, 30]), prefix)
        prefix.clear()
        #expect(prefix.tokenCount == 0)
        #expect(try cachedCount(request([5, 9, 30]), prefix).cached == 0)
    }
}
