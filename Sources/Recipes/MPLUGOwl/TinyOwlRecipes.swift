import DataPipeline
import Media
import NN
import Processors
import SyrinxModels
import Training

/// Siblings of the published recipes that train on the starter corpus in minutes.
///
/// Nothing published has their shape, so two short stages stand in for it: a warm start for CLIP, and a language stage for
/// LLaMA. Then the paper's stage follows, with the same parts frozen.
extension Recipe {
    /// A small mPLUG-Owl: 64-pixel images, 16 queries, a decoder of four layers.
    private static var tinyOwl: MPLUGOwl.Config {
        var config = MPLUGOwl.Config()
        config.visionEncoder = tinyEncoder
        config.abstractor = tinyAbstractor
        config.languageModel = tinyDecoder
        return config
    }

    /// A small mPLUG-Owl2, for images of this size.
    static func tinyOwl2(imageSize: Int = 64) -> MPLUGOwl2.Config {
        var config = MPLUGOwl2.Config()
        config.visionEncoder = tinyEncoder
        config.visionEncoder.imageSize = imageSize
        config.abstractor = tinyAbstractor
        config.abstractor.positionGrid = config.visionEncoder.gridSize
        config.languageModel = tinyDecoder
        return config
    }

    private static var tinyEncoder: OwlVisionTransformer.Config {
        var config = OwlVisionTransformer.Config(imageSize: 64)
        config.patchSize = 8
        config.hiddenSize = 192
        config.intermediateSize = 512
        config.layerCount = 4
        config.headCount = 6
        return config
    }

    private static var tinyAbstractor: VisualAbstractor.Config {
        var config = VisualAbstractor.Config()
        config.queryCount = 16
        config.hiddenSize = 192
        config.intermediateSize = 384
        config.layerCount = 2
        config.headCount = 6
        return config
    }

    private static var tinyDecoder: LLaMADecoder.Config {
        LLaMADecoder.Config(
            vocabularySize: 4096, hiddenSize: 256, intermediateSize: 768, layerCount: 4, headCount: 8,
            contextLength: 512, normEpsilon: 1e-6, ropeLayout: .halfSplit, tiesEmbeddings: false)
    }

    static func tinyOptimizer(layerDecay: [String: Double] = [:]) -> OptimizerConfig {
        OptimizerConfig(
            algorithm: .muon, peakLearningRate: 3e-3, muon: Muon.Config(peakLearningRate: 0.02), layerDecay: layerDecay)
    }

    /// The stages that replace the training of CLIP and LLaMA.
    ///
    /// - Parameters:
    ///   - vision: prefixes of encoder and abstractor.
    ///   - decoder: prefixes of the decoder without its head, which a warm start does not reach.
    static func standIns(vision: [String], decoder: [String]) -> [Stage] {
        [
            Stage(
                name: "warm-start", objective: .bagOfWords, globalBatchSize: 48, microbatchSize: 48, steps: 240,
                optimizer: tinyOptimizer(), freeze: decoder),
            Stage(
                name: "language", objective: .nextToken, globalBatchSize: 8, microbatchSize: 8, steps: 160,
                optimizer: tinyOptimizer(), freeze: vision,
                mixture: Mixture(captioned: 60, interleaved: 0, textOnly: 40)),
        ]
    }

    private static var tinyCaptions: DataSettings {
        DataSettings(
            contextLength: 256, resize: .squash, mixture: Mixture(captioned: 1, interleaved: 0, textOnly: 0))
    }

    private static func tinyStage1(freeze: [String], layerDecay: [String: Double] = [:], copies: Bool = false) -> Stage
    {
        Stage(
            name: "stage1", objective: .nextToken, globalBatchSize: 8, microbatchSize: 8, steps: 200,
            optimizer: tinyOptimizer(layerDecay: layerDecay), freeze: freeze, copiesTextBranch: copies)
    }

    /// `mplug-owl-stage1` in minutes.
    static func mplugOwlStage1Tiny() -> Recipe {
        Recipe(
            name: "mplug-owl-stage1-tiny",
            description: "Small version of mPLUG-Owl's pre-training, on the starter corpus: minutes on two cores.",
            notes: ["warm-start replaces CLIP's training and language replaces LLaMA's; stage1 is the paper's."],
            model: tinyOwl, data: tinyCaptions,
            stages: standIns(vision: ["vision_model", "query_tokens", "abstractor"], decoder: ["language_model.model"])
                + [tinyStage1(freeze: ["language_model"])])
    }

    /// `mplug-owl-stage2` in minutes.
    static func mplugOwlStage2Tiny() -> Recipe {
        var recipe = mplugOwlStage2FullTiny()
        recipe.name = "mplug-owl-stage2-tiny"
        recipe.description =
            "Small version of mPLUG-Owl's instruction tuning: LoRA on queries and values, the starter corpus as questions and answers, "
            + "half of every update without images; minutes on two cores, after mplug-owl-stage1-tiny."
        recipe.notes = ["The rate is higher than the published one: a small model, and few steps."]
        recipe.lora = mplugOwlStage2().lora
        recipe.stages[0].optimizer = OptimizerConfig(
            peakLearningRate: 5e-3, adamW: AdamW.Config(epsilon: 1e-6, weightDecay: 1e-4))
        recipe.stages[0].freeze = ["vision_model", "query_tokens", "abstractor", "language_model"]
        return recipe
    }

    /// `mplug-owl2-lora` in minutes.
    static func mplugOwl2LoRATiny() -> Recipe {
        var recipe = mplugOwl2Stage2Tiny()
        recipe.name = "mplug-owl2-lora-tiny"
        recipe.description =
            "LoRA on the decoder of a small mPLUG-Owl2, abstractor trained, encoder frozen; on the starter corpus or your own "
            + "records; minutes on two cores, after mplug-owl2-stage2-tiny."
        recipe.initialize = Initialization(checkpoint: "runs/mplug-owl2-stage2-tiny/model")
        recipe.lora = LoRASettings(rank: 8, alpha: 16, dropout: 0.05, targets: ["model.layers.**"])
        recipe.stages[0].name = "lora"
        recipe.stages[0].optimizer = OptimizerConfig(peakLearningRate: 3e-3, adamW: AdamW.Config(weightDecay: 0))
        recipe.stages[0].freeze = mplugOwl2LoRA().stages[0].freeze
        return recipe
    }

    /// `mplug-owl-stage2-full` in minutes.
    static func mplugOwlStage2FullTiny() -> Recipe {
        Recipe(
            name: "mplug-owl-stage2-full-tiny",
            description:
                "Small version of mPLUG-Owl's instruction tuning: the starter corpus as questions and answers, half of every update "
                + "without images; minutes on two cores, after mplug-owl-stage1-tiny.",
            model: tinyOwl,
            initialize: Initialization(checkpoint: "runs/mplug-owl-stage1-tiny/model"),
            data: DataSettings(
                instructions: InstructionSettings(template: .mplugOwlTraining, textShare: 0.5), contextLength: 256,
                resize: .squash, augmentation: nil),
            stages: [
                Stage(
                    name: "stage2", objective: .nextToken, globalBatchSize: 8, microbatchSize: 8, steps: 160,
                    optimizer: tinyOptimizer(), freeze: ["vision_model", "query_tokens", "abstractor"])
            ])
    }

    /// `mplug-owl2-stage1` in minutes.
    static func mplugOwl2Stage1Tiny() -> Recipe {
        var data = tinyCaptions
        data.resize = .squareFirst
        return Recipe(
            name: "mplug-owl2-stage1-tiny",
            description: "Small version of mPLUG-Owl2's pre-training, on the starter corpus: minutes on two cores.",
            notes: [
                "warm-start replaces CLIP's training and language replaces LLaMA-2's; stage1 is the paper's, and its branch for images starts as a copy of the branch for text."
            ],
            model: tinyOwl2(), data: data,
            stages: standIns(
                vision: ["model.vision_model", "model.visual_abstractor"],
                decoder: ["model.layers", "model.embed_tokens", "model.norm"])
                + [tinyStage1(freeze: owl2LanguageModel, layerDecay: owl2LayerDecay, copies: true)])
    }

    /// `mplug-owl2-stage2` in minutes.
    static func mplugOwl2Stage2Tiny() -> Recipe {
        Recipe(
            name: "mplug-owl2-stage2-tiny",
            description:
                "Small version of mPLUG-Owl2's instruction tuning: the starter corpus as questions and answers, or your own records, at "
                + "96 instead of 64 pixels; minutes on two cores, after mplug-owl2-stage1-tiny.",
            model: tinyOwl2(imageSize: 96),
            initialize: Initialization(checkpoint: "runs/mplug-owl2-stage1-tiny/model"),
            data: DataSettings(
                instructions: InstructionSettings(template: .mplugOwl2), contextLength: 256, resize: .squareFirst,
                augmentation: nil),
            stages: [
                Stage(
                    name: "stage2", objective: .nextToken, globalBatchSize: 8, microbatchSize: 8, steps: 160,
                    optimizer: tinyOptimizer(layerDecay: owl2LayerDecay))
            ])
    }
}
