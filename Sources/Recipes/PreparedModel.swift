import Checkpoints
import DataPipeline
import Digests
import Media
import NN
import Processors
import SyrinxModels
import Tokenizers
import Training

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A run's model with its weights, as they are at the beginning or in the checkpoint that is taken up.
struct PreparedModel {
    let built: RecipeModel
    let weights: MasterWeights
    /// What no stage changes, as it was before the checkpoint's weights were put in.
    let frozen: FrozenWeights

    var model: any MultimodalLanguageModel { built.model }
    var store: ParameterStore { built.store }

    /// Declares and fills the model, and restores the checkpoint.
    ///
    /// - Throws: `ConfigError` where the disk is too small for the run or a value cannot work, `TrainingError` where the
    ///   checkpoint is of other weights, or what reading folders throws.
    init(
        _ recipe: Recipe, _ data: RecipeData, _ machine: RecipeMachine, _ plan: MemoryPlan, _ opened: OpenedRun
    ) throws {
        built = RecipeModel(
            recipe, vocabularySize: data.tokenizer.vocabularySize, imagePlaceholder: data.imagePlaceholder)
        let changed = try built.changedParameters()
        try built.fill(
            changing: changed, computeDType: machine.computeDType, say: opened.saved == nil ? opened.say : { _ in })
        if let shortage = plan.disk.shortage(at: opened.path) {
            throw ConfigError(place: opened.path, problem: shortage)
        }
        weights = MasterWeights(
            built.store, changing: changed, computeDType: machine.computeDType, device: machine.device)
        frozen = FrozenWeights(weights)
        if let saved = opened.saved {
            try frozen.check(saved, initialize: recipe.initialize)
            try weights.restore(saved.weight)
        }
    }

    /// Writes what the run has made: the model, and LoRA's terms by themselves.
    func write(to folder: RunFolder, _ data: RecipeData, yaml: String, say: (String) -> Void) throws {
        try writeModel(data, yaml, to: folder.model)
        say("the model is in \(folder.model)")
        guard let lora = built.recipe.lora else { return }
        let terms = weights.stateDict.pairs.filter { built.store[$0.0]?.isAdapter == true }
        try AdapterFolder.write(
            StateDict(terms), lora.adaptation, baseModel: folder.model, base: weights.stateDict, to: folder.adapter)
        say("the adapter is in \(folder.adapter); use it with --adapter or merge it with `syrinx convert`")
    }

    /// Writes the model's folder, loadable by itself.
    private func writeModel(_ data: RecipeData, _ yaml: String, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let artefacts = ModelArtefacts(
            imageProcessor: data.imageProcessor.fingerprint,
            tokenizer: Digest.fingerprint(data.tokenizer.modelBytes),
            chatTemplate: data.conversations?.template.name)
        let files: [String: [UInt8]] = [
            ModelFolder.FileName.config: Array(try built.shape.file(artefacts: artefacts)),
            ModelFolder.FileName.preprocessorConfig: Array(try encoder.encode(data.imageProcessor)),
            ModelFolder.FileName.tokenizerModel: data.tokenizer.modelBytes,
            "recipe.yaml": Array(yaml.utf8),
        ]
        let own = StateDict(weights.stateDict.pairs.filter { built.store[$0.0]?.isAdapter == false })
        try ModelFolder.write(own, files: files, to: path)
    }
}
