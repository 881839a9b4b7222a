import Checkpoints
import Foundation
import NN
import Recipes
import SyrinxModels
import TestSupport
import Testing
import Torch
import Training

/// Runs that start from a published vision encoder.
@Suite("Starting from published parts")
struct InitializationTests {
    /// A run of one step a stage whose encoder has the shape of the fixture and does not train.
    private func recipe(_ folder: String, vision: String, activation: String = "gelu") throws -> Recipe {
        let frozen = "freeze=[vision_encoder]"
        return try RecipeRunnerTests().recipe(
            folder,
            [
                "model.visionEncoder={imageSize: 20, stem: {patch: {size: 4}}, hiddenSize: 18, intermediateSize: 26, layerCount: 2, headCount: 3, activation: \(activation), normEpsilon: 1e-5, hasClassToken: true, hasPreNorm: true, featureLayer: lastHidden, projectionSize: null}",
                "initialize.vision=\(vision)", "stages.0.\(frozen)", "stages.1.\(frozen)", "stages.0.steps=1",
                "stages.1.steps=1",
            ])
    }

    /// A whole CLIP in open_clip's names: the weights of the parity fixture.
    private func openCLIP() throws -> StateDict {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../SyrinxModelsTests/Fixtures/open-clip.safetensors").path
        return try ModelFolder.stateDict(at: path).under("weight")
    }

    private func expectEncoder(_ outcome: RecipeRunner.Outcome, is published: StateDict) throws {
        let model = try #require(outcome.model as? MM1)
        let expected = try VisionTransformer.stateDict(fromPublished: published, for: model.config.visionEncoder)
        for (name, tensor) in try nonempty(expected.pairs) {
            let own = try #require(outcome.store["vision_encoder.\(name)"])
            #expect(own.tensor.array(of: Float.self) == tensor.array(of: Float.self), "\(name)")
        }
    }

    @Test("One safetensors file is enough")
    func file() throws {
        try RecipeRunnerTests().withFolder { folder in
            let published = try openCLIP()
            try Safetensors.write(published.pairs, to: folder + "/clip.safetensors")
            let recipe = try recipe(folder, vision: folder + "/clip.safetensors")
            try expectEncoder(try RecipeRunner.run(recipe, .init(output: folder + "/run")), is: published)
        }
    }

    @Test("A folder of open_clip is read under its own file names, and its configuration is compared with the recipe's")
    func openCLIPFolder() throws {
        try RecipeRunnerTests().withFolder { folder in
            let published = try openCLIP()
            try FileManager.default.createDirectory(atPath: folder + "/clip", withIntermediateDirectories: false)
            try Safetensors.write(published.pairs, to: folder + "/clip/open_clip_model.safetensors")
            let configuration = #"{"model_cfg": {"embed_dim": 10, "vision_cfg": {"width": 18, "head_width": 6}}}"#
            try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/clip/open_clip_config.json"))
            let right = try recipe(folder, vision: folder + "/clip")
            try expectEncoder(try RecipeRunner.run(right, .init(output: folder + "/run")), is: published)
            let wrong = try recipe(folder, vision: folder + "/clip", activation: "quick_gelu")
            let error = #expect(throws: ConfigError.self) {
                try RecipeRunner.run(wrong, .init(output: folder + "/wrong"))
            }
            #expect(error?.description.contains("open_clip_config.json") == true)
            #expect(
                error?.description.contains("the activation is gelu in the checkpoint and quick_gelu in the recipe")
                    == true)
        }
    }
}
