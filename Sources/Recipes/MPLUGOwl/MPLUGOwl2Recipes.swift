import DataPipeline
import Media
import NN
import Processors
import SyrinxModels
import Training

extension Recipe {
    /// What of mPLUG-Owl2's decoder LLaMA brings, and the first stage leaves as it is: everything but the branch for images.
    static let owl2LanguageModel: [String] = [
        "lm_head", "model.embed_tokens", "model.norm", "model.layers.*.mlp", "model.layers.*.self_attn.q_proj",
        "model.layers.*.self_attn.o_proj", "model.layers.*.self_attn.k_proj.multiway.0",
        "model.layers.*.self_attn.v_proj.multiway.0", "model.layers.*.input_layernorm.multiway.0",
        "model.layers.*.post_attention_layernorm.multiway.0",
    ]

    /// The factor from a layer of the encoder to the one below it.
    static let owl2LayerDecay: [String: Double] = ["model.vision_model": 0.9]

    /// mPLUG-Owl2's first stage: encoder, abstractor and the new branch for images train, LLaMA-2 stays.
    ///
    /// Values of arXiv 2311.04257, table 15; the folders under `initialize` and the corpus are the reader's.
    static func mplugOwl2Stage1() -> Recipe {
        var model = MPLUGOwl2.Config()
        model.visionEncoder.imageSize = 224
        model.abstractor.positionGrid = model.visionEncoder.gridSize
        return Recipe(
            name: "mplug-owl2-stage1",
            description:
                "mPLUG-Owl2's pre-training at 224 pixels: encoder (slower towards its input), abstractor and the decoder's new "
                + "branch for images train, the rest of LLaMA-2 is frozen. For a cluster: 348 million pairs.",
            notes: [
                "Both branches of the decoder start as LLaMA-2's norms, keys and values (initialize.language).",
                "The paper gives a decay of 0.9 from layer to layer and no convention; the one here is BEiT's: the last layer has 0.9 of the rate.",
                "The paper's random resized crop is missing; scale and shift replace it, and images are mirrored half of the time as in the paper.",
                "The authors' repository neither has layer-wise decay nor trains the encoder by default, contrary to the paper.",
                "RMSNorm's epsilon is 1e-6 as in the published weights, not LLaMA-2's 1e-5.",
            ],
            precision: .bfloat16, recompute: .layers, model: model,
            initialize: Initialization(
                vision: "checkpoints/clip-vit-large-patch14", language: "checkpoints/llama-2-7b"),
            data: DataSettings(
                contextLength: 256, resize: .squareFirst, mixture: Mixture(captioned: 1, interleaved: 0, textOnly: 0),
                augmentation: Augmentation(rotationDegrees: 0, scale: 0.2, shift: 0.1, brightness: 0),
                tokenizer: TokenizerSettings(path: "checkpoints/llama-2-7b/tokenizer.model", vocabularySize: 32_000),
                workerCount: 8),
            stages: [
                Stage(
                    name: "stage1", objective: .nextToken, globalBatchSize: 8192, microbatchSize: 16, steps: 42_500,
                    optimizer: OptimizerConfig(
                        peakLearningRate: 1e-4,
                        adamW: AdamW.Config(beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.05),
                        layerDecay: owl2LayerDecay),
                    schedule: Schedule(warmupSteps: 1000, decay: .cosine(finalFraction: 0.01)),
                    freeze: owl2LanguageModel, validationInterval: 1000)
            ],
            checkpoints: CheckpointSettings(interval: 500, keep: 2))
    }

    /// The published mPLUG-Owl2 adapted to one's own conversations with LoRA, as its authors' scripts do.
    static func mplugOwl2LoRA() -> Recipe {
        var recipe = mplugOwl2Stage2()
        recipe.name = "mplug-owl2-lora"
        recipe.description =
            "LoRA on every linear layer of the published mPLUG-Owl2's language model, abstractor trained, encoder frozen."
        recipe.notes = [
            "Rank 128, alpha 256, dropout 0.05, learning rate 1e-4 and 3 % of warm-up are those of the authors' fine-tuning scripts.",
            "A row of 2,048 positions holds several short records, so one pass over N of them takes fewer than N / 128 steps: set stages.0.steps to a pass or a few, 500 are far too many for some hundred records.",
            "Their script also unfreezes the weights beside the LoRA terms, which is a mistake; here they stay frozen.",
            "Their script pads images (data.resize=padMean) and writes another template (data.instructions.template=vicuna-v1) than their inference; this keeps inference's.",
        ]
        recipe.initialize = Initialization(checkpoint: "checkpoints/mplug-owl2-llama2-7b")
        recipe.lora = LoRASettings(rank: 128, alpha: 256, dropout: 0.05, targets: ["model.layers.**"])
        recipe.stages[0].name = "lora"
        recipe.stages[0].globalBatchSize = 128
        recipe.stages[0].steps = 500
        recipe.stages[0].optimizer = OptimizerConfig(
            peakLearningRate: 1e-4, adamW: AdamW.Config(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0))
        recipe.stages[0].schedule = Schedule(warmupFraction: 0.03, decay: .cosine(finalFraction: 0))
        recipe.stages[0].freeze = ["model.vision_model", "model.layers", "model.embed_tokens", "model.norm", "lm_head"]
        return recipe
    }

    /// mPLUG-Owl2's second stage: everything trains on conversations, at 448 pixels.
    static func mplugOwl2Stage2() -> Recipe {
        Recipe(
            name: "mplug-owl2-stage2",
            description:
                "mPLUG-Owl2's instruction tuning at 448 pixels: everything trains, the encoder slower towards its input; its "
                + "position table is interpolated from the first stage's.",
            notes: [
                "The paper's 4,800 updates of 256 conversations are one pass over 1.23 million; rows are packed here, so they hold more.",
                "The template is the one for asking the model. The authors' fine-tuning scripts write another (data.instructions.template=vicuna-v1: a system prompt, the image on its own line) than their inference.",
                "Their scripts also freeze the encoder; the paper trains it.",
            ],
            precision: .bfloat16, recompute: .layers, model: MPLUGOwl2.Config(),
            initialize: Initialization(checkpoint: "runs/mplug-owl2-stage1/model"),
            data: DataSettings(
                corpus: nil,
                instructions: InstructionSettings(
                    files: ["data/instructions.json"], images: nil, template: .mplugOwl2),
                contextLength: 2048, resize: .squareFirst, augmentation: nil,
                tokenizer: TokenizerSettings(vocabularySize: 32_000), workerCount: 8),
            stages: [
                Stage(
                    name: "stage2", objective: .nextToken, globalBatchSize: 256, microbatchSize: 1, steps: 4800,
                    optimizer: OptimizerConfig(
                        peakLearningRate: 2e-5,
                        adamW: AdamW.Config(beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0),
                        layerDecay: owl2LayerDecay),
                    schedule: Schedule(warmupSteps: 250, decay: .cosine(finalFraction: 0.005)),
                    validationInterval: 400)
            ],
            checkpoints: CheckpointSettings(interval: 200, keep: 2))
    }
}
