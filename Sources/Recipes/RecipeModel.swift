import Checkpoints
import Foundation
import Machine
import NN
import SyrinxModels
import Torch
import Training

/// A recipe's model, declared: nothing is allocated before `fill`.
struct RecipeModel {
    let recipe: Recipe
    let shape: any FamilyConfiguration
    let store: ParameterStore
    let model: any MultimodalLanguageModel

    /// Declares the model with the tokenizer's vocabulary.
    init(_ recipe: Recipe, vocabularySize: Int, imagePlaceholder: Int) {
        self.recipe = recipe
        store = ParameterStore(adaptation: recipe.lora?.adaptation)
        var shape = recipe.model.shape
        shape.adopt(vocabularySize: vocabularySize, placeholder: imagePlaceholder)
        self.shape = shape
        model = shape.declare(at: store.root)
    }

    /// The decoder's parameters without embedding and head: the N of the learning-rate law.
    var nonEmbeddingParameterCount: Int {
        shape.outline.decoder.body.reduce(0) { $0 + store.elementCount(under: $1) }
    }

    /// Names of the parameters that some stage changes; the others stay as `fill` leaves them.
    ///
    /// - Throws: `ConfigError` if a stage freezes what is not there.
    func changedParameters() throws -> Set<String> {
        var changed: Set<String> = []
        for (index, stage) in recipe.stages.enumerated() {
            try freeze(stage.freeze, at: "\(recipe.name), stages.\(index).freeze")
            let copied = { stage.copiesTextBranch && shape.textBranch(of: $0) != nil }
            changed.formUnion(store.parameters.filter { $0.isTrainable || copied($0.name) }.map(\.name))
        }
        return changed
    }

    /// Bytes of the weights in memory: a float32 master and a working copy of what changes, one copy of everything else.
    func weightByteCount(changing changed: Set<String>, computeDType: DType) -> Int {
        let copies = computeDType == .float32 ? 0 : computeDType.byteCount
        return store.parameters.reduce(0) { sum, parameter in
            let width = changed.contains(parameter.name) ? DType.float32.byteCount + copies : computeDType.byteCount
            return sum + parameter.elementCount * width
        }
    }

    /// Fills every parameter: from the folders of `initialize`, and from the seed what they do not have.
    ///
    /// What a folder holds stays mapped, in its own dtype.
    /// - Throws: `LoadReport` or `CheckpointError` if a folder does not fit the model, `ConfigError` if the parameters do
    ///   not fit into memory.
    func fill(changing changed: Set<String>, computeDType: DType, say: (String) -> Void) throws {
        try checkTargets()
        if let path = recipe.initialize.checkpoint {
            let whole = try ModelFolder(path: path).stateDict()
            try load(shape.start(fromWhole: whole), under: [""], from: path)
            let isBranched = shape.hasImageBranch && !whole.names.contains { shape.textBranch(of: $0) != nil }
            say(
                "every part starts from \(path)"
                    + (isBranched ? "; the decoder's branch for images starts as a copy of the branch for text" : ""))
        }
        for (key, path, part) in recipe.initialize.parts(of: shape) {
            let published = try ModelFolder.stateDict(at: path)
            try check(key, part, beside: path)
            try load(try part.weights(published), under: part.prefixes, from: path)
            say("\(part.name) starts from \(path)")
        }
        try checkMemory(changing: changed, computeDType: computeDType)
        store.initializeUnfilled(seed: recipe.seed) { changed.contains($0.name) ? .float32 : computeDType }
    }

    /// Asks for the memory of all weights but those that stay in the files they are mapped from.
    private func checkMemory(changing changed: Set<String>, computeDType: DType) throws {
        let mapped = store.parameters.filter {
            !changed.contains($0.name) && $0.isFilled && $0.tensor.dtype == computeDType
        }
        let byteCount = mapped.reduce(weightByteCount(changing: changed, computeDType: computeDType)) {
            $0 - $1.elementCount * computeDType.byteCount
        }
        if let shortage = MachineMemory.shortage(of: byteCount) {
            throw ConfigError(
                place: "\(recipe.name), model",
                problem: "its \(store.elementCount()) parameters alone need \(shortage); use a smaller model")
        }
    }

    /// Fills the parameters under the prefixes, all of them and nothing else.
    private func load(_ weights: StateDict, under prefixes: [String], from path: String) throws(LoadReport) {
        for (number, prefix) in prefixes.enumerated() {
            // A name that belongs under no prefix is reported with the first.
            let mine = StateDict(
                weights.pairs.filter { name, _ in
                    let owner = prefixes.firstIndex { $0.isEmpty || name == $0 || name.hasPrefix($0 + ".") }
                    return owner == number || (owner == nil && number == 0)
                })
            do throws(LoadReport) { try store.load(mine, under: prefix, of: .model, dtype: nil) } catch {
                throw error.named(path, wanting: prefix.isEmpty ? recipe.model.family.name : nil)
            }
        }
    }

    /// Compares what no shape tells with the configuration files that came with a published part.
    ///
    /// - Throws: `ConfigError` naming both values, and the file.
    private func check(_ key: String, _ part: PublishedPart, beside path: String) throws {
        guard let folder = try? ModelFolder(path: path) else { return }  // one file, without a configuration
        for name in part.configurationFiles where folder.contains(name) {
            let differences = part.contradictions(Data(try folder.bytes(of: name)))
            guard differences.isEmpty else {
                throw ConfigError(
                    place: "\(recipe.name), initialize.\(key)",
                    problem: "\(path)/\(name) and model.\(part.key) differ: "
                        + "\(differences.joined(separator: ", and ")); the results would be wrong, so change the recipe"
                )
            }
        }
    }

    /// Freezes what a stage does not train, and lets everything else train.
    ///
    /// - Throws: `ConfigError` if a prefix names no parameter, with the parts.
    func freeze(_ prefixes: [String], at place: String) throws {
        store.unfreeze(under: "")
        for prefix in prefixes {
            let pattern = NamePrefix(prefix)
            let members = store.parameters.filter { !$0.isAdapter && pattern.begins($0.name) }
            guard !members.isEmpty else {
                throw ConfigError(
                    place: place,
                    problem:
                        "no parameter name starts with '\(prefix)'; the parts are \(shape.outline.parts.joined(separator: ", "))"
                )
            }
            for member in members { store.freeze(under: member.name) }
        }
    }
}

extension Recipe.Initialization {
    /// The published parts that a recipe starts from, each with its key and its path.
    fileprivate func parts(
        of shape: any FamilyConfiguration
    ) -> [(key: String, path: String, part: PublishedPart)] {
        [("vision", vision, shape.publishedVision), ("language", language, shape.publishedLanguage)].compactMap {
            key, path, part in
            guard let path, let part else { return nil }
            return (key, path, part)
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
                        "the device '\(recipe.device)' is unavailable on this machine; available: \(available.map(\.description).joined(separator: ", "))"
                )
            }
            device = wanted
        }
        switch recipe.precision {
        case .float32: computeDType = .float32
        case .bfloat16: computeDType = .bfloat16
        case .auto: computeDType = device != .cpu || KernelClass.current.multipliesBFloat16 ? .bfloat16 : .float32
        }
    }

    /// Whether this CPU multiplies bfloat16 matrices by tiles (Intel AMX), which is what the demo's marks are set for.
    static var hasMatrixTiles: Bool { KernelClass.current == .amx }
}
