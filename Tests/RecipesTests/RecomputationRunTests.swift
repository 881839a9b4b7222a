import Foundation
import Recipes
import Testing
import Training

/// Whole runs that keep their layers' inputs alone, against runs that keep everything.
@Suite("Runs that recompute their layers", .serialized)
struct RecomputationRunTests {
    private final class Losses: TrainingObserver {
        var fingerprints: [String] = []
        func onStep(_ report: StepReport) throws { fingerprints.append(report.fingerprint) }
    }

    @Test(
        "Losses and weights are those of a run that keeps all activations, to the bit",
        arguments: [
            ("mm1-demo", "float32"), ("mplug-owl-stage1-tiny", "float32"), ("mplug-owl2-lora-tiny", "bfloat16"),
        ])
    func sameBits(name: String, precision: String) throws {
        try RecipeRunnerTests().withFolder { folder in
            let runs = try ["none", "layers"].map { recompute in
                let settings = ["precision=\(precision)", "recompute=\(recompute)"]
                let recipe =
                    name == "mm1-demo"
                    ? try RecipeRunnerTests().recipe(
                        folder, settings + ["stages.0.steps=2", "stages.1.steps=3", "checkpoints.interval=null"])
                    : try OwlRecipeTests().recipe(
                        name, folder, settings + ["initialize.checkpoint=null", "checkpoints.interval=null"])
                let losses = Losses()
                let outcome = try RecipeRunner.run(
                    recipe, .init(output: folder + "/" + recompute, observers: { _ in [losses] }))
                return (losses: losses.fingerprints, weights: outcome.weightsHash)
            }
            #expect(runs[0].losses == runs[1].losses)
            #expect(Set(runs[0].losses).count > 2, "the loss moves")
            #expect(runs[0].weights == runs[1].weights)
        }
    }

    @Test("The plan of a run that recomputes has a fraction of the activations, and frozen encoders keep none")
    func plan() throws {
        func activations(_ name: String, _ settings: String...) throws -> Int {
            try MemoryPlan(RecipeRegistry.recipe(name, overrides: ["precision=bfloat16", "device=cpu"] + settings))
                .stages[0].activationBytes
        }
        let none = "recompute=none"
        for name in ["mplug-owl-stage1", "mplug-owl2-lora", "mplug-owl2-stage2"] {
            #expect(try activations(name) * 2 < activations(name, none), "\(name)")
        }
        // The same shape, batch and context: here the encoder trains, there it does not.
        #expect(try activations("mplug-owl2-lora", none) < activations("mplug-owl2-stage2", none))
    }
}
