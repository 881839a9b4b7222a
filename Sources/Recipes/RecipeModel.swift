import Checkpoints
import Foundation
import Machine
import NN
import SyrinxModels
import Torch
import Training

/// A recipe's model, declared: nothing is allocated before `fill`.
struct RecipeModel {
    /// The parts that audits and reports tell apart.
    static let parts = ["vision_encoder", "connector", "language_model"]

    let recipe: Recipe
    let config: MM1.Config
    let store = ParameterStore()
    let model: MM1

    /// Declares the model with the tokenizer's vocabulary.
    init(_ recipe: Recipe, vocabularySize: Int, imagePlaceholder: Int) {
        self.recipe = recipe
        var config = recipe.model
        config.languageModel.vocabularySize = vocabularySize
        config.imagePlaceholder = imagePlaceholder
        self.config = config
        model = MM1(config, at: store.root)
    }

    /// The decoder's parameters without embedding and head: the N of the learning-rate law.
    var nonEmbeddingParameterCount: Int {
        store.elementCount(under: "language_model") - store.elementCount(under: "language_model.model.embed_tokens")
            - store.elementCount(under: "language_model.lm_head")
    }

    /// Fills every parameter: from the seed, then from the folders of `initialize`.
    ///
    /// - Throws: `LoadReport` or `CheckpointError` if a folder does not fit the model, `ConfigError` if the parameters do
    ///   not fit into memory.
    func fill(say: (String) -> Void) throws {
        if let shortage = MachineMemory.shortage(of: store.elementCount() * DType.float32.byteCount) {
            throw ConfigError(
                place: "\(recipe.name), model",
                problem: "its \(store.elementCount()) parameters alone need \(shortage); make the model smaller")
        }
        store.initialize(seed: recipe.seed)
        if let path = recipe.initialize.checkpoint {
            let published = try ModelFolder(path: path).stateDict()
            try load(published, from: path)
            say("every part starts from \(path)")
        }
        if let path = recipe.initialize.vision {
            let published = try ModelFolder.stateDict(at: path)
            try checkVisionConfiguration(beside: path)
            let vision = try VisionTransformer.stateDict(fromPublished: published, for: config.visionEncoder)
            try load(vision.prefixed(with: "vision_encoder"), under: "vision_encoder", from: path)
            say("vision_encoder starts from \(path)")
        }
        if let path = recipe.initialize.language {
            let published = try ModelFolder.stateDict(at: path)
            let language = LLaMADecoder.stateDict(fromPublished: published, for: config.languageModel)
            try load(language.prefixed(with: "language_model"), under: "language_model", from: path)
            say("language_model starts from \(path)")
        }
    }

    private func load(_ weights: StateDict, under prefix: String = "", from path: String) throws(LoadReport) {
        do throws(LoadReport) { try store.load(weights, under: prefix) } catch {
            var report = error
            report.checkpoint = path
            throw report
        }
    }

    /// Compares what no shape tells with the configuration files that came with a vision encoder.
    ///
    /// - Throws: `ConfigError` naming both values, and the file.
    private func checkVisionConfiguration(beside path: String) throws {
        guard let folder = try? ModelFolder(path: path) else { return }  // one file, without a configuration
        for name in [ModelFolder.FileName.config, ModelFolder.FileName.openCLIPConfig] where folder.contains(name) {
            let differences = config.visionEncoder.contradictions(inPublished: Data(try folder.bytes(of: name)))
            guard differences.isEmpty else {
                throw ConfigError(
                    place: "\(recipe.name), initialize.vision",
                    problem: "\(path)/\(name) and model.visionEncoder differ: "
                        + "\(differences.joined(separator: ", and ")); the features would be wrong, so change the recipe"
                )
            }
        }
    }

    /// Freezes what a stage does not train, and lets everything else train.
    ///
    /// - Throws: `ConfigError` if a prefix names no parameter, with the nearest part.
    func freeze(_ prefixes: [String], at place: String) throws {
        store.unfreeze(under: "")
        for prefix in prefixes {
            guard !store.parameters(under: prefix).isEmpty else {
                throw ConfigError(
                    place: place,
                    problem: "no parameter lies under '\(prefix)'; the parts are \(Self.parts.joined(separator: ", "))")
            }
            store.freeze(under: prefix)
        }
    }
}

/// How a recipe's precision and device are decided on this machine.
struct RecipeMachine {
    let device: Device
    let computeDType: DType

    /// - Throws: `ConfigError` if the device is not here.
    init(_ recipe: Recipe) throws {
        let available = Device.available
        if recipe.device == "auto" {
            device = available.first { $0 != .cpu } ?? .cpu
        } else {
            guard let wanted = Device(recipe.device), available.contains(wanted) else {
                throw ConfigError(
                    place: "\(recipe.name), device",
                    problem:
                        "there is no '\(recipe.device)' here; available: \(available.map(\.description).joined(separator: ", "))"
                )
            }
            device = wanted
        }
        switch recipe.precision {
        case .float32: computeDType = .float32
        case .bfloat16: computeDType = .bfloat16
        case .auto: computeDType = device != .cpu || CPUFeatures.current.multipliesBF16 ? .bfloat16 : .float32
        }
    }

    /// Whether this CPU multiplies bfloat16 matrices by tiles (Intel AMX), which is what the demo's marks are set for.
    static var hasMatrixTiles: Bool { CPUFeatures.current.hasAMXBF16 }
}
