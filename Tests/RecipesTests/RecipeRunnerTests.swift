import Checkpoints
import Codecs
import Corpora
import DataPipeline
import Foundation
import NN
import Recipes
import SyrinxModels
import TestSupport
import Testing
import Torch
import Training

/// Runs a whole recipe, data to model folder, on the built-in scenes with a model of a few thousand parameters.
@Suite("Running a recipe", .serialized)
struct RecipeRunnerTests {
    func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "recipe-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let codec = ImageCodec()
        _ = try SceneCorpus(count: 96, seed: 1, size: 32).write(
            to: URL(fileURLWithPath: folder + "/corpus"),
            coding: ImageCoding(decoder: codec, encodePNG: { try codec.encodePNG($0) }))
        return try body(folder)
    }

    func recipe(_ folder: String, _ settings: [String] = []) throws -> Recipe {
        try RecipeRegistry.recipe(
            "mm1-demo",
            overrides: [
                "data.corpus=\(folder)/corpus", "precision=float32", "device=cpu", "data.contextLength=96",
                "data.tokenizer.vocabularySize=400", "data.validationLimit=4",
                "model.visionEncoder={imageSize: 32, stem: {convolutional: {channels: [8, 8]}}, hiddenSize: 16, intermediateSize: 32, layerCount: 1, headCount: 2, activation: gelu, normEpsilon: 1e-5, hasClassToken: false, hasPreNorm: true, featureLayer: postNorm, projectionSize: null}",
                "model.connector={averagePool: {tokenCount: 4}}", "model.languageModel.hiddenSize=32",
                "model.languageModel.intermediateSize=48", "model.languageModel.layerCount=1",
                "model.languageModel.headCount=2", "model.languageModel.keyValueHeadCount=2",
                "model.languageModel.headSize=16",
                "stages.0.globalBatchSize=8", "stages.0.microbatchSize=4", "stages.0.steps=6",
                "stages.0.maximumSeconds=null",
                "stages.1.globalBatchSize=4", "stages.1.microbatchSize=2", "stages.1.steps=8",
                "stages.1.maximumSeconds=null",
                "checkpoints.interval=3",
            ] + settings)
    }

    private final class Losses: TrainingObserver {
        var steps: [StepReport] = []
        var validations: [ValidationReport] = []
        func onStep(_ report: StepReport) throws { steps.append(report) }
        func onValidation(_ report: ValidationReport) throws { validations.append(report) }
    }

    @Test("Both stages train, held-out losses fall, and the model folder loads to the same weights")
    func wholeRun() throws {
        try withFolder { folder in
            let losses = Losses()
            let output = folder + "/run"
            let outcome = try RecipeRunner.run(
                try recipe(folder),
                .init(output: output, observers: { [losses, try SampleObserver($0, count: 2, maximumTokens: 4)] }))
            #expect(outcome.reports.map(\.stage) == ["warm-start", "pretraining"])
            #expect(losses.steps.map(\.step) == Array(1...14))
            #expect(losses.steps.allSatisfy { $0.loss.isFinite && $0.imageCount >= 0 })
            let pretraining = losses.validations.filter { $0.stage == "pretraining" }
            let first = try #require(pretraining.first?.sources), last = try #require(pretraining.last?.sources)
            #expect(first.map(\.name).contains("scenes"))
            for (before, after) in try pairs(first, last) { #expect(after.loss < before.loss, "\(before.name)") }

            let model = try ModelFolder(path: outcome.folder.model)
            let (_, _, store) = try ModelRegistry.declare(
                configuration: Data(try model.bytes(of: ModelFolder.FileName.config)))
            try store.load(try model.stateDict())
            #expect(store.stateDict().names == outcome.store.stateDict().names)
            for name in try nonempty(store.stateDict().names) {
                #expect(store.stateDict()[name]?.bytes() == outcome.store.stateDict()[name]?.bytes())
            }
            for file in ["tokenizer.model", "preprocessor_config.json", "recipe.yaml"] { #expect(model.contains(file)) }
            for file in ["recipe.yaml", "log.jsonl", "tensorboard", "checkpoints/step-000014"] {
                #expect(FileManager.default.fileExists(atPath: "\(output)/\(file)"), "\(file)")
            }
            // The folder is taken; the same recipe resumes (and has nothing left to do), another is refused.
            #expect(throws: ConfigError.self) { try RecipeRunner.run(try recipe(folder), .init(output: output)) }
            let again = try RecipeRunner.run(try recipe(folder), .init(output: output, resume: true))
            #expect(again.reports.isEmpty && again.weightsHash == outcome.weightsHash)
            // Other words about the same run change nothing.
            let reworded = try recipe(folder, ["description=Other words.", "notes=[Another note.]"])
            #expect(
                try RecipeRunner.run(reworded, .init(output: output, resume: true)).weightsHash == outcome.weightsHash)
            let error = #expect(throws: ConfigError.self) {
                try RecipeRunner.run(try recipe(folder, ["seed=9"]), .init(output: output, resume: true))
            }
            #expect(error?.description.contains("'seed: 9' now, 'seed: 0' then") == true)
            // A further run may start from this one's model, with its vocabulary.
            let next = try recipe(
                folder, ["initialize.checkpoint=\(outcome.folder.model)", "stages.0.steps=1", "stages.1.steps=1"])
            _ = try RecipeRunner.run(next, .init(output: folder + "/next"))
        }
    }

    @Test("An interrupted run continues to the bit-identical result, in both stages")
    func resume() throws {
        try withFolder { folder in
            let result = try ResumeCheck.run(try recipe(folder), say: { _ in })
            #expect(result.stages == 2 && result.stepsCompared == 8 && result.interruptions == 2)
        }
    }

    @Test("Where no checkpoint can be used, a resumed run does not begin anew over them")
    func damagedCheckpoints() throws {
        try withFolder { folder in
            let checkpoint = folder + "/run/checkpoints/step-000003"
            try FileManager.default.createDirectory(atPath: checkpoint, withIntermediateDirectories: true)
            var said: [String] = []
            let error = #expect(throws: TrainingError.self) {
                _ = try RecipeRunner.run(
                    try recipe(folder), .init(output: folder + "/run", resume: true, say: { said.append($0) }))
            }
            #expect(error?.description.contains("none of the 1 checkpoints in \(folder)/run/checkpoints") == true)
            #expect(
                said.count == 1 && said[0].hasPrefix("skipping checkpoint ") && said[0].contains("step-000003: "),
                "\(said)")
            #expect(FileManager.default.fileExists(atPath: checkpoint))
        }
    }

    /// Changes a weight a little when a run is resumed, as a checkpoint that lacks something would.
    private final class Meddler: TrainingObserver {
        let weight: Tensor
        init(_ weight: Tensor) { self.weight = weight }
        func onStart(_ report: StartReport) throws { if report.isResumed { withoutGrad { weight.mul_(1.001) } } }
    }

    @Test("A resume that is not exact is found, and the first step that differs is named")
    func inexactResume() throws {
        try withFolder { folder in
            let error = #expect(throws: TrainingError.self) {
                try ResumeCheck.run(
                    try recipe(folder), say: { _ in }, watchers: { [] },
                    meddling: { context in
                        [Meddler(context.store.parameters[0].tensor)]
                    })
            }
            #expect(error?.description.hasPrefix("the loss of step 3 diverges: ") == true, "\(error as Any)")
        }
    }

    @Test("The same seed gives the same loss fingerprints, and another seed gives others")
    func fingerprints() throws {
        try withFolder { folder in
            let runs = try [0, 0, 1].enumerated().map { number, seed in
                let losses = Losses()
                let settings = ["seed=\(seed)", "stages.0.steps=2", "stages.1.steps=2"]
                _ = try RecipeRunner.run(
                    try recipe(folder, settings), .init(output: "\(folder)/run-\(number)", observers: { _ in [losses] })
                )
                return losses.steps.map(\.fingerprint)
            }
            #expect(runs[0].count == 4 && runs[0] == runs[1])
            #expect(try pairs(runs[0], runs[2]).allSatisfy { $0 != $1 })
        }
    }

    @Test("The contrastive objective trains, and a frozen part keeps its weights")
    func contrastive() throws {
        try withFolder { folder in
            let recipe = try recipe(
                folder, ["stages.0.objective=contrastive", "stages.0.freeze=[language_model]", "stages.1.steps=1"])
            let outcome = try RecipeRunner.run(recipe, .init(output: folder + "/run"))
            let audit = try #require(outcome.reports[0].audit)
            #expect(audit.parts.map(\.name) == ["vision_encoder", "connector", "language_model"])
            #expect(audit.parts.map(\.changed) == [true, true, false])
        }
    }

    @Test("A freeze prefix that names nothing is refused")
    func badFreeze() throws {
        try withFolder { folder in
            let error = #expect(throws: ConfigError.self) {
                try RecipeRunner.run(
                    try recipe(folder, ["stages.0.freeze=[visionEncoder]"]), .init(output: folder + "/run"))
            }
            #expect(error?.description.contains("no parameter name starts with 'visionEncoder'") == true)
        }
    }
}
