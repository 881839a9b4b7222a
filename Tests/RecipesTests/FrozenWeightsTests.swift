import Checkpoints
import Foundation
import NN
import Recipes
import TestSupport
import Testing
import Torch
import Training

/// Runs most of whose weights are frozen: what they keep in memory and in checkpoints, and what they go on with.
@Suite("Runs with frozen weights", .serialized)
struct FrozenWeightsTests {
    private struct Stopped: Error {}

    /// Ends a run after a step as a kill would.
    private final class Stop: TrainingObserver {
        let step: Int
        init(after step: Int) { self.step = step }
        func onStep(_ report: StepReport) throws { if report.step == step { throw Stopped() } }
    }

    /// A tiny mPLUG-Owl2 of random bfloat16 weights in `folder`/base, as a published model would be.
    private func withBase(_ body: (_ folder: String, _ recipe: Recipe) throws -> Void) throws {
        try RecipeRunnerTests().withFolder { folder in
            let owl = OwlRecipeTests()
            let settings = ["initialize.checkpoint=null", "data.instructions.textShare=null", "precision=bfloat16"]
            var seed = try owl.recipe("mplug-owl2-stage2-tiny", folder, ["stages.0.steps=1"] + settings)
            seed.checkpoints.interval = nil
            let run = try RecipeRunner.run(seed, .init(output: folder + "/base-run"))
            let source = try ModelFolder(path: run.folder.model)
            let weights = StateDict(try source.stateDict().pairs.map { ($0.0, $0.1.to(.bfloat16)) })
            try ModelFolder.write(
                weights, files: ["tokenizer.model": try source.bytes(of: "tokenizer.model")], to: folder + "/base")
            let recipe = try owl.recipe(
                "mplug-owl2-lora-tiny", folder, settings + ["initialize.checkpoint=\(folder)/base"])
            try body(folder, recipe)
        }
    }

    @Test("Checkpoints hold what trains alone and resume to the same bits, and the model at the end holds everything")
    func checkpoints() throws {
        try withBase { folder, recipe in
            let run = try RecipeRunner.run(recipe, .init(output: folder + "/run"))
            let changed = run.store.parameters.filter { $0.isAdapter || $0.name.contains("visual_abstractor") }
            let newest = run.folder.checkpoints + "/step-000003"
            let saved = try SafetensorsFile(path: newest + "/model.safetensors")
            #expect(Set(saved.names) == Set(changed.filter(\.isTrainedState).map(\.name)))
            #expect(!saved.names.isEmpty && saved.names.allSatisfy { saved.typeName(of: $0) == "F32" })
            let base = try ModelFolder(path: folder + "/base").stateDict()
            let model = try ModelFolder(path: run.folder.model).stateDict()
            #expect(Set(model.names) == Set(base.names))
            for (name, tensor) in try nonempty(model.pairs.filter { !$0.0.contains("visual_abstractor") }) {
                #expect(tensor.dtype == .bfloat16 && tensor.bytes() == base[name]?.bytes(), "\(name)")
            }
            let result = try ResumeCheck.run(recipe, say: { _ in })
            #expect(result.interruptions == 1)
        }
    }

    @Test("A run does not go on with other frozen weights than it began with")
    func otherWeights() throws {
        try withBase { folder, recipe in
            let output = folder + "/run"
            #expect(throws: Stopped.self) {
                try RecipeRunner.run(recipe, .init(output: output, observers: { _ in [Stop(after: 3)] }))
            }
            let base = try ModelFolder(path: folder + "/base")
            var weights = StateDict(try base.stateDict().pairs.map { ($0.0, $0.1.clone()) })
            let name = "model.layers.1.mlp.down_proj.weight"
            weights[name] = try #require(weights[name]) * 1.5
            let files = ["tokenizer.model": try base.bytes(of: "tokenizer.model")]
            try ModelFolder.write(weights, files: files, to: base.path)
            let error = #expect(throws: TrainingError.self) {
                try RecipeRunner.run(recipe, .init(output: output, resume: true))
            }
            #expect(
                error?.description.contains("(1 differ, among them \(name))") == true
                    && error?.description.contains("restore what was in \(folder)/base") == true, "\(error as Any)")
        }
    }

    @Test("The plan of a full-size LoRA run has masters for what trains alone")
    func plan() throws {
        let settings = ["precision=bfloat16", "device=cpu"]
        for name in ["mplug-owl-stage1", "mplug-owl-stage2", "mplug-owl2-lora"] {
            let stage = try MemoryPlan(RecipeRegistry.recipe(name, overrides: settings)).stages[0]
            let frozen = stage.parameterCount - stage.trainableCount
            #expect(frozen > 6_000_000_000)
            #expect(stage.weightBytes == frozen * 2 + stage.trainableCount * 6, "\(name)")
        }
    }
}
