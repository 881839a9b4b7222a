import DataPipeline
import Media
import NN
import Processors
import SyrinxModels
import Training

extension Recipe {
    /// mPLUG-Owl's first stage: encoder and abstractor learn images, the language model stays as it is.
    ///
    /// Values of arXiv 2304.14178; the folders under `initialize` and the corpus are the reader's.
    static func mplugOwlStage1() -> Recipe {
        Recipe(
            name: "mplug-owl-stage1",
            description:
                "mPLUG-Owl's pre-training: encoder and abstractor train on pairs of images and texts, LLaMA is frozen. "
                + "For a cluster: 104 billion tokens.",
            notes: [
                "Learning rate 1e-4, 2,000 steps of warm-up and weight decay 0.1 are the main text's; the appendix has 2e-4, 375 and 0.01.",
                "The appendix' 4,096 pairs of at most 512 tokens are the main text's 2.1 million tokens a batch; here pairs are packed, so a row holds several.",
                "The papers name no final rate of the cosine: it goes to 0.",
                "The data (LAION-400M, COYO-700M, Conceptual Captions, COCO) are unavailable here; data.corpus takes any corpus of captioned images.",
            ],
            precision: .bfloat16, recompute: .layers, model: MPLUGOwl.Config(),
            initialize: Initialization(
                vision: "checkpoints/clip-vit-large-patch14", language: "checkpoints/llama-7b"),
            data: DataSettings(
                contextLength: 512, resize: .squash, mixture: Mixture(captioned: 1, interleaved: 0, textOnly: 0),
                augmentation: nil,
                tokenizer: TokenizerSettings(path: "checkpoints/llama-7b/tokenizer.model", vocabularySize: 32_000),
                workerCount: 8),
            stages: [
                Stage(
                    name: "stage1", objective: .nextToken, globalBatchSize: 4096, microbatchSize: 8, steps: 50_000,
                    optimizer: OptimizerConfig(
                        peakLearningRate: 1e-4,
                        adamW: AdamW.Config(beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1)),
                    schedule: Schedule(warmupSteps: 2000, decay: .cosine(finalFraction: 0)), freeze: ["language_model"],
                    validationInterval: 1000)
            ],
            checkpoints: CheckpointSettings(interval: 1000, keep: 2))
    }

    /// mPLUG-Owl's second stage with the whole language model trained, as the published `-ft` weights were.
    static func mplugOwlStage2Full() -> Recipe {
        Recipe(
            name: "mplug-owl-stage2-full",
            description:
                "mPLUG-Owl's instruction tuning of the whole language model; encoder and abstractor are frozen.",
            notes: [
                "Half of every update's rows hold text alone, half conversations about images: the paper's 128 and 128.",
                "Learning rate 1e-5 is the published script's for the whole model (the paper's 2e-5 belongs to LoRA).",
                "The published script decays linearly, trains on 32 rows an update and mirrors images; this follows the paper: cosine, 256, unmirrored, because a mirrored image has its left and right answers wrong.",
                "data.instructions.files take records in the formats of LLaVA and mPLUG-Owl.",
            ],
            precision: .bfloat16, recompute: .layers, model: MPLUGOwl.Config(),
            initialize: Initialization(checkpoint: "runs/mplug-owl-stage1/model"), data: owlInstructions(),
            stages: [owlStage2(rate: 1e-5, freeze: ["vision_model", "query_tokens", "abstractor"])],
            checkpoints: CheckpointSettings(interval: 500, keep: 2))
    }

    /// mPLUG-Owl's second stage: LoRA on the queries and values of the language model.
    static func mplugOwlStage2() -> Recipe {
        var recipe = mplugOwlStage2Full()
        recipe.name = "mplug-owl-stage2"
        recipe.description =
            "mPLUG-Owl's instruction tuning: LoRA on the language model's queries and values, everything else frozen."
        recipe.notes[1] =
            "Learning rate 2e-5 is the paper's; rank, alpha, dropout and targets are the published script's."
        recipe.lora = LoRASettings(
            rank: 8, alpha: 32, dropout: 0.05, targets: ["language_model.**.q_proj", "language_model.**.v_proj"])
        recipe.stages = [
            owlStage2(rate: 2e-5, freeze: ["vision_model", "query_tokens", "abstractor", "language_model"])
        ]
        return recipe
    }

    static func owlInstructions() -> DataSettings {
        DataSettings(
            corpus: nil,
            instructions: InstructionSettings(
                files: ["data/instructions.jsonl"], images: nil, template: .mplugOwlTraining,
                textShare: 0.5), contextLength: 1024, resize: .squash, augmentation: nil,
            tokenizer: TokenizerSettings(vocabularySize: 32_000), workerCount: 8)
    }

    static func owlStage2(rate: Double, freeze: [String]) -> Stage {
        Stage(
            name: "stage2", objective: .nextToken, globalBatchSize: 256, microbatchSize: 4, steps: 2000,
            optimizer: OptimizerConfig(
                peakLearningRate: rate,
                adamW: AdamW.Config(beta1: 0.9, beta2: 0.999, epsilon: 1e-6, weightDecay: 1e-4)),
            schedule: Schedule(warmupSteps: 50, decay: .cosine(finalFraction: 0)), freeze: freeze,
            validationInterval: 200)
    }
}
