import DataPipeline
import Evaluation
import TestSupport
import Testing

@Suite struct FewShotNamingTests {
    private static func task(_ shots: Int) -> FewShotNamingTask {
        FewShotNamingTask(shots: shots, most: 8, text: "name: {}.")
    }

    @Test(arguments: [(0, 0.25), (4, 1.0), (8, 1.0)])
    func `only the examples can tell the words, and they do`(shots: Int, accuracy: Double) throws {
        let score = try #require(try Self.task(shots).scores(LearningModel.context(count: 40)).first)
        #expect(score.task == "few-shot naming, \(shots) shots")
        #expect(score.estimate.value == accuracy)
        #expect(score.estimate.itemCount == 40)
        #expect(score.control("blank picture")?.value == 0.25)
        #expect(score.control("chance")?.value == 0.25)
    }

    @Test func `questions are balanced, never show the item itself, and longer ones begin with shorter ones`() throws {
        let context = LearningModel.context(count: 40)
        for place in try nonempty(Self.task(8).places(context)) {
            let long = Self.task(8).question(context, place)
            let short = Self.task(4).question(context, place)
            #expect(long.words == short.words && Set(long.words).count == 4)
            #expect(long.examples.prefix(4).map(\.place) == short.examples.map(\.place))
            #expect(!long.examples.contains { $0.place == place })
            #expect(Set(long.examples.map(\.place)).count == 8)
            for word in long.words { #expect(long.examples.filter { $0.word == word }.count == 2) }
            #expect(long.kinds[0] == context.set.items[place].caption.kind)
        }
    }

    @Test func `words are drawn anew for every item, from the seed`() {
        let context = LearningModel.context(count: 40)
        let places = Self.task(4).places(context)
        #expect(Set(places.map { Self.task(4).question(context, $0).words[0] }).count > 4)
        let same = LearningModel.context(count: 40)
        #expect(places.allSatisfy { Self.task(4).question(context, $0).words == Self.task(4).question(same, $0).words })
        let other = LearningModel.context(count: 40, seed: 1)
        #expect(places.contains { Self.task(4).question(context, $0).words != Self.task(4).question(other, $0).words })
    }

    @Test func `too few items, or a context too small, are obstacles with their numbers`() throws {
        #expect(Self.task(8).obstacle(LearningModel.context(count: 40)) == nil)
        let few = try #require(Self.task(8).obstacle(LearningModel.context(count: 6)))
        #expect(few.contains("8 shots"))
        let long = FewShotNamingTask(shots: 24, most: 24, text: "name: {}.")
        #expect(long.obstacle(LearningModel.context(count: 40))?.contains("model's context holds 64") == true)
    }
}
