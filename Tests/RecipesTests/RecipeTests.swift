import DataPipeline
import Recipes
import SyrinxModels
import TestSupport
import Testing
import Training

@Suite("Recipes as values")
struct RecipeTests {
    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(
        "Every named recipe is valid and survives its YAML form",
        arguments: try nonempty(RecipeRegistry.recipes).map(\.name))
    func roundTrip(name: String) throws {
        let recipe = try RecipeRegistry.recipe(name)
        #expect(recipe.name == name)
        try recipe.validate()
        let text = try StrictYAML.encode(recipe)
        #expect(try StrictYAML.decode(Recipe.self, from: text, file: name) == recipe)
        #expect(text.contains("maximumSeconds:") && text.contains("initialize:"), "every key is there to be edited")
    }

    @Test(
        "A setting that makes no sense is refused by key, value and remedy",
        arguments: [
            ("stages=[]", "stages: there are no stages"),
            ("device=gpu", "device: 'gpu' is not one of auto, cpu, cuda"),
            ("threads=0", "threads: 0 is not positive"),
            ("threads=1000000", "threads: 1000000 is above the limit of 1024"),
            ("data.workerCount=100000", "data.workerCount: 100000 threads are above the limit of 1024"),
            ("data.contextLength=100000", "data.contextLength: 100000 is longer than the model's 512"),
            ("data.contextLength=4", "data.contextLength: 4 has no room for an image of "),
            ("data.tokenizer.vocabularySize=9000000000000000000", "is above the limit of 16777216"),
            (
                "stages.1.globalBatchSize=1000000000",
                "stages.1.globalBatchSize: the 1000000000 rows of one update must all fit in memory and take at least 12288 GB"
            ),
            ("data.tokenizer.vocabularySize=100", "data.tokenizer.vocabularySize: 100 is too small"),
            ("checkpoints.keep=0", "checkpoints.keep: 0 is not positive"),
            ("stages.0.microbatchSize=7", "stages.0.microbatchSize: 7 does not divide the global batch of"),
            ("stages.0.maximumSeconds=-1", "stages.0.maximumSeconds: -1.0 is not positive"),
            ("stages.0.optimizer.adamW.beta1=1", "stages.0.optimizer.adamW.beta1: 1.0 is not in 0 ..< 1"),
            ("stages.0.schedule.warmupFraction=2", "stages.0.schedule.warmupFraction: 2.0 is not a share from 0 to 1"),
            (
                "data.mixture={captioned: 0, interleaved: 0, textOnly: 0, excludedSources: [], repeats: {}}",
                "all weights are 0"
            ),
            (
                "stages.0.objective=nextTokens",
                "stages.0.objective=nextTokens: 'nextTokens' is not one of bagOfWords, contrastive, nextToken"
            ),
            ("model.connector={cAbstracter: {}}", "unknown key 'cAbstracter'; did you mean 'cAbstractor'?"),
            ("data.resize=squish", "'squish'"),
            ("data.mixtur.captioned=1", "did you mean 'mixture'?"),
            ("presicion=float32", "did you mean 'precision'?"),
        ])
    func validation(setting: String, expected: String) throws {
        let message = message { try RecipeRegistry.recipe("mm1-demo", overrides: [setting]).validate() }
        #expect(message.contains(expected), "\(message)")
    }

    @Test("An unknown recipe is answered with the nearest name")
    func unknown() {
        let text = message { _ = try RecipeRegistry.recipe("mm1-dmo") }
        #expect(text.contains("did you mean 'mm1-demo'?"))
    }

    @Test("The memory plan counts weights, optimizer state and gradients exactly")
    func memoryPlan() throws {
        let settings = ["precision=bfloat16", "device=cpu", "stages.1.freeze=[vision_encoder]"]
        let plan = try MemoryPlan(RecipeRegistry.recipe("mm1-demo", overrides: settings))
        let warm = plan.stages[0], main = plan.stages[1]
        #expect(warm.trainableCount == warm.parameterCount)
        #expect(warm.weightBytes == warm.parameterCount * 6, "4 bytes of master, 2 of working copy")
        #expect(main.trainableCount < main.parameterCount)
        #expect(main.gradientBytes == main.trainableCount * 6)
        #expect(main.optimizerBytes > main.trainableCount * 4 && main.optimizerBytes < main.trainableCount * 8)
        let recipe = try RecipeRegistry.recipe("mm1-demo"), side = recipe.model.outline.imageEncoder.imageSize
        #expect(warm.inputBytes == recipe.stages[0].globalBatchSize * 3 * side * side * 4)
        #expect(main.inputBytes > recipe.stages[1].globalBatchSize * recipe.data.contextLength * 24)
        #expect(plan.programBytes > 10_000_000, "libtorch alone is larger")
        #expect(plan.peakBytes == plan.programBytes + plan.imageBytes + (plan.stages.map(\.totalBytes).max() ?? 0))
    }
}
