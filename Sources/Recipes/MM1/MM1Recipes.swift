import DataPipeline
import SyrinxModels
import Training

/// The family's recipes by name.
enum MM1Recipes {
    static let all = FamilyRecipes([
        ("mm1-demo", { .mm1Demo() }),
        ("mm1-demo-short", { .mm1DemoShort() }),
        ("mm1-faithful", { .mm1Faithful() }),
    ])

    static let demo = DemoRecipe(
        name: "mm1-demo", shortName: "mm1-demo-short", title: "A small MM1 describes images it has never seen",
        mixtureNote:
            "The mixture is caption-heavy: minutes do not suffice for MM1's 45/45/10, which `syrinx train mm1-faithful` "
            + "trains from this run's model.")
}

extension Recipe {
    /// A six-million-parameter MM1 that learns to describe small images in minutes on two cores.
    ///
    ///     syrinx train mm1-demo --output runs/demo
    ///
    /// As in MM1 the encoder starts warm: a bag-of-words stage on the captions replaces CLIP's pre-training. The
    /// mixture is caption-heavy (75/15/10), because minutes do not suffice for 45/45/10; `mm1Faithful` goes on from there.
    static func mm1Demo() -> Recipe {
        let optimizer = OptimizerConfig(
            algorithm: .muon, peakLearningRate: 3e-3, muon: Muon.Config(peakLearningRate: 0.02))
        return Recipe(
            name: "mm1-demo",
            description:
                "A six-million-parameter MM1 trained from scratch in about seven minutes on two cores; "
                + "caption-heavy mixture.",
            model: MM1.demo(vocabularySize: 4096, imagePlaceholder: 4),
            data: DataSettings(
                corpus: "corpora/minimal", contextLength: 512,
                mixture: Mixture(captioned: 75, interleaved: 15, textOnly: 10)),
            stages: [
                Stage(
                    name: "warm-start", objective: .bagOfWords, globalBatchSize: 48, microbatchSize: 48, steps: nil,
                    maximumSeconds: 110, optimizer: optimizer),
                Stage(
                    name: "pretraining", objective: .nextToken, globalBatchSize: 4, microbatchSize: 4, steps: nil,
                    maximumSeconds: 325, optimizer: optimizer, validationInterval: nil),
            ])
    }

    /// A few steps of the demo on rendered scenes, limited by steps: shows that everything works, nothing more.
    ///
    ///     syrinx demo --short
    static func mm1DemoShort() -> Recipe {
        var recipe = mm1Demo()
        recipe.name = "mm1-demo-short"
        recipe.description =
            "A few steps of mm1-demo on rendered scenes: shows that everything works, nothing about the model."
        recipe.data.corpus = "corpora/scenes"
        recipe.data.contextLength = 256
        recipe.data.tokenizer.vocabularySize = 512
        recipe.data.validationLimit = 8
        for index in recipe.stages.indices {
            recipe.stages[index].maximumSeconds = nil
            recipe.stages[index].steps = 12
            recipe.stages[index].microbatchSize = index == 0 ? 16 : 2
            recipe.stages[index].globalBatchSize = recipe.stages[index].microbatchSize
        }
        return recipe
    }

    /// The paper's mixture and optimizer on the demo's model, to be started from the demo's checkpoint.
    ///
    ///     syrinx train mm1-faithful --set initialize.checkpoint=demo/seed-0/model --output runs/faithful
    ///
    /// 45/45/10, AdamW with the law's learning rate, warm-up of 2,000 steps and cosine to a tenth, as arXiv 2403.09611
    /// trains; limited by steps, so that it repeats to the bit.
    static func mm1Faithful() -> Recipe {
        Recipe(
            name: "mm1-faithful",
            description:
                "The paper's 45/45/10 mixture, AdamW and learning-rate law on the demo's model, for days on two cores.",
            model: MM1.demo(vocabularySize: 4096, imagePlaceholder: 4),
            data: DataSettings(corpus: "corpora/minimal", contextLength: 512, mixture: .standard),
            stages: [
                Stage(
                    name: "pretraining", objective: .nextToken, globalBatchSize: 32, microbatchSize: 4, steps: 20_000,
                    optimizer: OptimizerConfig(algorithm: .adamW), schedule: Schedule(warmupSteps: 2000),
                    zLossScale: 1e-4, validationInterval: 500)
            ],
            checkpoints: CheckpointSettings(interval: 500, keep: 3))
    }
}
