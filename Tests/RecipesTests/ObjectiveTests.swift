import Foundation
import NN
import Recipes
import SyrinxModels
import TestSupport
import Testing
import Tokenizers
import Torch
import Training

/// An objective that the library does not have, with data of its own: some words' embeddings become short, and alike.
private enum ToyWords {
    struct Item: TrainingItem {
        let tokenIDs: [Int64]

        func halves() -> (Item, Item)? {
            guard tokenIDs.count > 1 else { return nil }
            let half = tokenIDs.count / 2
            return (Item(tokenIDs: Array(tokenIDs[..<half])), Item(tokenIDs: Array(tokenIDs[half...])))
        }
    }

    static let objective = RecipeObjective(
        name: "toyWords", summary: "Makes words' embeddings short.", data: .own,
        load: { _, count in .init(positions: count, images: 0...0, scored: 0) },
        mistake: { stage, _ in
            stage.zLossScale == 0 ? nil : .init(key: "zLossScale", problem: "toy words have no z-loss; use 0")
        },
        train: { run in
            let model = run.model
            let tokenIDs = run.tokenizer.encode("a cat on a red mat").map(Int64.init)
            var taken = 0
            let source = TrainingSource(
                next: {
                    taken += 1
                    return Item(tokenIDs: tokenIDs + [Int64(taken)])
                }, position: { String(taken) }, restore: { taken = Int($0) ?? 0 })
            let objective = Objective<Item>(
                name: "toyWords", weight: { Double($0.tokenIDs.count) }, auxiliaryWeights: { _ in ["spread": 1] }
            ) { item in
                let words = model.embed(tokenIDs: Tensor(item.tokenIDs, shape: [1, item.tokenIDs.count]))
                return StepLoss(
                    total: words.square().sum(),
                    auxiliary: [AuxiliaryLoss(name: "spread", sum: words.mean(dims: [1]).square().sum(), weight: 1)],
                    tokenCount: item.tokenIDs.count, imageCount: 0)
            }
            return try run.train(objective, on: TrainingData(source))
        })

    /// Registered once in this process, whichever test comes first.
    static let registered: Void = {
        do { try ObjectiveRegistry.register(objective) } catch { Issue.record(error) }
    }()
}

/// What a stage minimises is a value by name, and other packages may add some.
@Suite("Objectives of recipes", .serialized)
struct ObjectiveTests {
    init() { ToyWords.registered }

    @Test(
        "An objective from outside the library is named in YAML and trains a stage, and the run goes on with the next")
    func toyObjective() throws {
        final class Steps: TrainingObserver {
            var steps: [StepReport] = []
            func onStep(_ report: StepReport) throws { steps.append(report) }
        }
        let runner = RecipeRunnerTests()
        try runner.withFolder { folder in
            let settings = [
                "stages.0.objective=toyWords", "stages.0.freeze=[vision_encoder, connector]", "stages.0.steps=2",
                "stages.0.globalBatchSize=4", "stages.0.microbatchSize=2", "stages.1.steps=1",
            ]
            let yaml = try StrictYAML.encode(try runner.recipe(folder, settings))
            #expect(yaml.contains("objective: toyWords"))
            try Data(yaml.utf8).write(to: URL(fileURLWithPath: folder + "/recipe.yaml"))
            let recipe = try RecipeRegistry.recipe(folder + "/recipe.yaml")
            #expect(recipe.stages[0].objective.rawValue == "toyWords")
            #expect(try MemoryPlan(recipe).stages[0].inputBytes == 4 * 24)
            let watcher = Steps()
            let outcome = try RecipeRunner.run(
                recipe, .init(output: folder + "/run", observers: { _ in [watcher] }))
            #expect(watcher.steps.map(\.stage) == ["warm-start", "warm-start", "pretraining"])
            #expect(watcher.steps.prefix(2).allSatisfy { ($0.parts["spread"] ?? 0) > 0 })
            #expect(watcher.steps[1].loss < watcher.steps[0].loss)
            #expect(outcome.reports[0].audit?.parts.map(\.changed) == [false, false, true])
        }
    }

    @Test("What an objective cannot work with is refused before anything is read, at the stage's key")
    func mistakes() throws {
        func message(_ settings: String...) -> String? {
            let error = #expect(throws: ConfigError.self) {
                try RecipeRegistry.recipe("mm1-demo", overrides: settings).validate()
            }
            return error?.description
        }
        #expect(
            message("stages.0.objective=toyWords", "stages.0.zLossScale=1")?.contains(
                "stages.0.zLossScale: toy words have no z-loss") == true)
        #expect(
            message("stages.0.objective=contrastive", "stages.0.globalBatchSize=3", "stages.0.microbatchSize=1")?
                .contains("stages.0.microbatchSize: a contrastive loss needs at least 2 images per micro-batch, got 1")
                == true)
    }

    @Test("An unknown word is refused while the recipe is read, with its place and the nearest name")
    func unknownWord() throws {
        for (word, nearest) in [("toyWord", "toyWords"), ("nextTokens", "nextToken"), ("bagofwords", "bagOfWords")] {
            let error = #expect(throws: ConfigError.self) {
                try RecipeRegistry.recipe("mm1-demo", overrides: ["stages.1.objective=\(word)"])
            }
            let text = error?.description ?? ""
            #expect(
                text.contains("stages.1.objective=\(word): '\(word)' is not one of bagOfWords, contrastive, nextToken"))
            #expect(text.hasSuffix("did you mean '\(nearest)'?"), "\(text)")
        }
        let yaml = try StrictYAML.encode(RecipeRegistry.recipe("mm1-demo"))
            .replacing("objective: nextToken", with: "objective: nextTokn")
        let misspelt = #expect(throws: ConfigError.self) {
            try StrictYAML.decode(Recipe.self, from: yaml, file: "my.yaml")
        }
        let text = misspelt?.description ?? ""
        #expect(
            text.hasPrefix("my.yaml, line ") && text.contains("stages.1.objective: 'nextTokn' is not one of"), "\(text)"
        )
        // A recipe made in code has not been read.
        var recipe = try RecipeRegistry.recipe("mm1-demo")
        recipe.stages[1].objective = .init(rawValue: "nothing")
        let error = #expect(throws: ConfigError.self) { try recipe.validate() }
        #expect(error?.description.contains("mm1-demo, stages.1.objective: 'nothing' is not one of") == true)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Recipe.Objective].self, from: Data(#"["nothing"]"#.utf8))
        }
    }

    @Test("A key beside an objective that is misspelt is still answered with the nearest")
    func neighbours() {
        let error = #expect(throws: ConfigError.self) {
            try RecipeRegistry.recipe("mm1-demo", overrides: ["stages.0.zLosScale=1"])
        }
        #expect(error?.description.contains("did you mean 'zLossScale'?") == true)
    }

    @Test("An objective is written as its word")
    func coding() throws {
        let words: [Recipe.Objective] = [.nextToken, .bagOfWords, .contrastive]
        let json = try JSONEncoder().encode(words)
        #expect(String(decoding: json, as: UTF8.self) == #"["nextToken","bagOfWords","contrastive"]"#)
        #expect(try JSONDecoder().decode([Recipe.Objective].self, from: json) == words)
    }

    @Test("A name is registered once, whoever asks at the same time")
    func duplicates() async throws {
        let error = #expect(throws: ConfigError.self) { try ObjectiveRegistry.register(ToyWords.objective) }
        #expect(error?.description.contains("objective 'toyWords': the name is already registered") == true)
        var known = ToyWords.objective
        known.name = "nextToken"
        #expect(throws: ConfigError.self) { try ObjectiveRegistry.register(known) }
        let count = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var objective = ToyWords.objective
                    objective.name = "toyRace"
                    do { try ObjectiveRegistry.register(objective) } catch { return false }
                    return true
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(count == 1)
        #expect(ObjectiveRegistry.objectives.map(\.name).prefix(3) == ["bagOfWords", "contrastive", "nextToken"])
        #expect(ObjectiveRegistry.objectives.filter { $0.name == "toyRace" }.count == 1)
    }
}
