import NN
import Recipes
import SyrinxModels
import Testing

@Suite("The study owl2-from-owl")
struct DecoderStudyTests {
    private func elementCount(_ recipe: Recipe) throws -> Int {
        try MemoryPlan(recipe).stages[0].parameterCount
    }

    @Test("Its decoders differ in their branches and in nothing else, and the wider one has as many parameters")
    func decoders() throws {
        let study = DecoderStudy(folder: "nowhere", seeds: [0], overrides: ["device=cpu"])
        let adaptive = try study.recipe(.modalityAdaptive, seed: 4)
        let plain = try study.recipe(.plain, seed: 4), wider = try study.recipe(.plainWider, seed: 4)
        #expect(adaptive.seed == 4 && adaptive.data == plain.data && plain.data == wider.data)
        #expect(adaptive.stages.map(\.steps) == plain.stages.map(\.steps))
        #expect(adaptive.stages.map(\.copiesTextBranch) == [false, false, true])
        #expect(wider.stages.map(\.copiesTextBranch) == [false, false, false])
        let (most, least) = (try elementCount(adaptive), try elementCount(plain))
        #expect(most - least == 4 * (2 * 256 * 256 + 2 * 256))
        #expect(abs(try elementCount(wider) - most) < (most - least) / 100)
    }

    @Test("The table has means and Student's intervals over seeds, and differences seed by seed")
    func table() throws {
        func run(_ decoder: DecoderStudy.Decoder, _ seed: UInt64, _ loss: Double) -> DecoderStudy.Run {
            DecoderStudy.Run(decoder: decoder, seed: seed, parameterCount: 10, losses: ["emoji": loss])
        }
        let comparison = DecoderComparison([
            run(.modalityAdaptive, 0, 1), run(.plain, 0, 1.5), run(.modalityAdaptive, 1, 2), run(.plain, 1, 2.5),
            run(.modalityAdaptive, 2, 3), run(.plain, 2, 3.5),
        ])
        #expect(comparison.lines.map(\.loss.value) == [2, 2.5])
        // One standard deviation is 1: 4.303 / sqrt(3).
        #expect(abs((comparison.lines[0].loss.halfWidth ?? 0) - 2.484) < 0.001)
        #expect(comparison.lines[1].difference?.value == -0.5 && comparison.lines[1].difference?.halfWidth == 0)
        #expect(comparison.table.contains("-0.500 +- 0.000"))
        #expect(DecoderComparison([run(.plain, 0, 1)]).lines[0].loss.halfWidth == nil)
    }
}
