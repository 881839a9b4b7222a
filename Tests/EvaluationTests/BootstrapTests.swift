import Evaluation
import Testing

@Suite struct BootstrapTests {
    @Test func `the same seed gives the same interval and another seed another one`() {
        let observations = (0..<50).map { Double($0 % 3 == 0 ? 1 : 0) }
        let metric = MeanMetric("accuracy")
        let first = Bootstrap(resampleCount: 300, seed: 7).estimate(metric, observations)
        #expect(first == Bootstrap(resampleCount: 300, seed: 7).estimate(metric, observations))
        let other = Bootstrap(resampleCount: 300, seed: 8).estimate(metric, observations)
        #expect(first.value == other.value)
        #expect(first != other)
    }

    @Test func `the interval agrees with the normal approximation for a large sample`() {
        let observations = (0..<1000).map { Double($0 % 4 == 0 ? 1 : 0) }
        let estimate = Bootstrap(resampleCount: 2000, seed: 1).estimate(MeanMetric("accuracy"), observations)
        let half = 1.96 * (0.25 * 0.75 / 1000).squareRoot()
        #expect(estimate.value == 0.25)
        #expect(abs(estimate.lower - (0.25 - half)) < 0.004)
        #expect(abs(estimate.upper - (0.25 + half)) < 0.004)
        #expect(estimate.itemCount == 1000)
    }

    @Test func `a metric without spread has an interval of no width`() {
        let estimate = Bootstrap().estimate(MeanMetric("accuracy"), [1, 1, 1])
        #expect(estimate == Estimate(value: 1, lower: 1, upper: 1, itemCount: 3))
    }

    @Test func `no observations give no number rather than a crash`() {
        let estimate = Bootstrap().estimate(MeanMetric("accuracy"), [])
        #expect(estimate.itemCount == 0)
        #expect(estimate.value.isNaN)
        #expect(estimate.description == "- [-, -] n=0")
    }

    @Test func `percentiles interpolate between neighbours`() {
        #expect(Bootstrap.percentile(0.5, of: [0, 1, 2, 3]) == 1.5)
        #expect(Bootstrap.percentile(0, of: [4, 5]) == 4)
        #expect(Bootstrap.percentile(1, of: [4, 5]) == 5)
    }
}

@Suite struct SplitMix64Tests {
    @Test func `the sequence is the published one`() {
        var random = SplitMix64(seed: 1_234_567)
        let published: [UInt64] = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        #expect((0..<3).map { _ in random.next() } == published)
    }

    @Test(arguments: [2, 3, 10, 185]) func `a derangement leaves nothing at its place`(count: Int) {
        var random = SplitMix64(seed: 3, name: "pictures")
        let order = random.derangement(count)
        #expect(order.sorted() == Array(0..<count))
        #expect(zip(order, 0...).allSatisfy { $0 != $1 })
    }

    @Test func `bounded numbers cover their range evenly`() {
        var random = SplitMix64(seed: 5)
        var counts = [Int](repeating: 0, count: 5)
        for _ in 0..<10_000 { counts[random.next(below: 5)] += 1 }
        #expect(counts.allSatisfy { abs($0 - 2000) < 200 })
    }

    @Test func `names under one seed give unrelated sequences`() {
        var first = SplitMix64(seed: 9, name: "distractors")
        var second = SplitMix64(seed: 9, name: "bootstrap")
        #expect(first.next() != second.next())
    }
}
