import DataPipeline
import Media
import SyrinxModels
import Training

/// The two recipes of the study `owl2-from-owl`: from a decoder with one branch to one with two, on a small scale.
///
///     syrinx study owl2-from-owl
extension Recipe {
    /// What all decoders of the study start from: an mPLUG-Owl2 with a plain decoder.
    static func owl2FromOwlStart() -> Recipe {
        var model = tinyOwl2()
        model.isModalityAdaptive = false
        return Recipe(
            name: "owl2-from-owl-start",
            description: "A small mPLUG-Owl2 with a plain decoder: what `syrinx study owl2-from-owl` starts from.",
            notes: ["warm-start replaces CLIP's training, language replaces LLaMA-2's."],
            model: model, data: studyData,
            stages: standIns(
                vision: ["model.vision_model", "model.visual_abstractor"],
                decoder: ["model.layers", "model.embed_tokens", "model.norm"]))
    }

    /// The joint training of everything on images and text, as the paper's ablation does in its instruction tuning.
    static func owl2FromOwl() -> Recipe {
        Recipe(
            name: "owl2-from-owl",
            description:
                "A small version of the paper's ablation of the modality-adaptive decoder, after owl2-from-owl-start: `syrinx study "
                + "owl2-from-owl` runs both with plain decoders too, and several seeds.",
            notes: ["Both branches start as the plain decoder's norms, keys and values."],
            model: tinyOwl2(),
            initialize: Initialization(checkpoint: "runs/owl2-from-owl-start/model"), data: studyData,
            stages: [
                Stage(
                    name: "joint", objective: .nextToken, globalBatchSize: 8, microbatchSize: 8, steps: 240,
                    optimizer: tinyOptimizer(), mixture: Mixture(captioned: 50, interleaved: 0, textOnly: 50))
            ])
    }

    private static var studyData: DataSettings {
        DataSettings(contextLength: 256, resize: .squareFirst, validationLimit: nil)
    }
}
