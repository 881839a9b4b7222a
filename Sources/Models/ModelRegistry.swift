public import Checkpoints
public import NN
public import Processors
internal import Settings
internal import Synchronization
internal import Torch

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Every family Syrinx knows. A new one of the library is a folder and a word in ``library``; a package outside registers its own.
public enum ModelRegistry {
    /// The families of the library. Recipes that name no family mean the first.
    private static let library = [MM1.family, MPLUGOwl.family, MPLUGOwl2.family]
    /// How conversations are written where neither a model nor a user says it.
    public static let conversationTemplate = MPLUGOwl2.family.chatTemplates[0]
    private static let registered = Mutex<[ModelFamily]>([])

    /// All families: the library's, then those that were registered.
    public static var families: [ModelFamily] { library + registered.withLock { $0 } }

    /// Adds a family of another package; recipes, model folders and options then know it. Call it before anything is loaded.
    ///
    /// - Throws: ``ModelError`` where one of its names is taken: its own, its `model_type`, a size's or a template's.
    public static func register(_ family: ModelFamily) throws(ModelError) {
        let mistake = registered.withLock { registered -> String? in
            let known = library + registered
            if let twin = known.first(where: { $0.name == family.name || $0.modelType == family.modelType }) {
                return "a family named \(twin.name) with the model_type \(twin.modelType) is already registered"
            }
            let names = Set(known.flatMap(\.sizes).map(\.name)), templates = Set(templates(of: known).map(\.name))
            if let size = family.sizes.first(where: { names.contains($0.name) }) {
                return "a size named \(size.name) is already registered"
            }
            if let template = family.chatTemplates.first(where: { templates.contains($0.name) }) {
                return "a chat template named \(template.name) is already registered"
            }
            registered.append(family)
            return nil
        }
        if let mistake { throw ModelError(message: "\(family.name): \(mistake); choose another name") }
    }

    /// The family that recipes call by this name.
    public static func family(named name: String) -> ModelFamily? { families.first { $0.name == name } }

    /// The family of a `config.json`.
    ///
    /// - Parameter name: what messages call the file.
    /// - Throws: ``ModelError`` when the text is no JSON (with the place), or its `model_type` is missing or not known.
    public static func family(
        ofConfiguration configuration: Data, named name: String = "config.json"
    ) throws(ModelError) -> ModelFamily {
        let json: StrictJSON
        do { json = try StrictJSON([UInt8](configuration), depthLimit: 64) } catch {
            throw ModelError(message: "\(name) is not valid JSON: \(error.reason)")
        }
        guard case .object(let members) = json,
            case .string(let modelType)? = members.first(where: { $0.key == "model_type" })?.value
        else { throw ModelError(message: "\(name) has no model_type: is this a model's folder?") }
        guard let family = families.first(where: { $0.modelType == modelType }) else {
            let known = families.map(\.modelType).joined(separator: ", ")
            throw ModelError(message: "\(name): unknown model_type \"\(modelType)\"; known ones: \(known)")
        }
        return family
    }

    /// Declares the model a `config.json` describes in a store of its own; nothing is allocated.
    ///
    /// - Parameters:
    ///   - name: what messages call the file.
    ///   - weightShapes: names and shapes of the checkpoint's tensors; empty for the configuration only.
    ///   - adaptation: low-rank adapters beside its linear layers; nil for none.
    ///   - storedTables: whether the tables among the tensors, which the model would recompute, are read as they are.
    /// - Throws: ``ModelError`` naming the file and what is wrong in it.
    public static func declare(
        configuration: Data, named name: String = "config.json", weightShapes: [String: [Int]] = [:],
        adaptation: LowRankAdaptation? = nil, storedTables: Bool = false
    ) throws -> (model: any MultimodalLanguageModel, description: ModelDescription, store: ParameterStore) {
        let store = ParameterStore(adaptation: adaptation)
        let family = try family(ofConfiguration: configuration, named: name)
        let shapes = weightShapes.filter { family.isRead($0.key, storedTables: storedTables) }
        do {
            let shape = try family.configurationType.init(from: configuration, weightShapes: shapes)
            let model = shape.declare(at: store.root)
            try family.check(configuration)
            return (model, shape.description, store)
        } catch let error as ModelError {
            throw ModelError(message: "\(name): \(error.message)")
        }
    }

    /// What a user should know of a `config.json`: keys that nothing is known of, and what the family remarks. One sentence
    /// each; none for a file that cannot be read.
    public static func remarks(onConfiguration configuration: Data, named name: String = "config.json") -> [String] {
        guard let family = try? family(ofConfiguration: configuration),
            let unknown = try? family.unknownKeys(configuration)
        else { return [] }
        let keys = unknown.prefix(8).map { String($0.prefix(80)) }.joined(separator: ", ")
        let more = unknown.count > 8 ? " and \(unknown.count - 8) more" : ""
        let note =
            "\(name) has unknown keys, which are ignored: \(keys)\(more); if one of them affects the model, "
            + "answers differ from its authors'"
        return (unknown.isEmpty ? [] : [note]) + family.remarks(configuration).map { "\(name): \($0)" }
    }

    /// Declares the model of a shape in a store of its own; nothing is allocated.
    ///
    /// - Throws: ``ModelError`` for the first value out of its range.
    public static func declare(
        _ shape: any FamilyConfiguration
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        try shape.validate()
        let store = ParameterStore()
        return (shape.declare(at: store.root), store)
    }

    /// Declares the model of a folder of Hugging Face's layout and maps its weights, without those the model recomputes.
    ///
    /// - Parameter storedTables: reads the tables that the folder stores instead of recomputing them.
    /// - Throws: ``ModelError``, also where the folder stores no such tables, or `CheckpointError` for files that are missing or
    ///   damaged.
    public static func open(
        _ folder: ModelFolder, storedTables: Bool = false
    ) throws -> (
        model: any MultimodalLanguageModel, description: ModelDescription, store: ParameterStore, weights: StateDict
    ) {
        let name = folder.path(of: ModelFolder.FileName.config)
        let configuration = Data(try folder.bytes(of: ModelFolder.FileName.config))
        let family = try family(ofConfiguration: configuration, named: name)
        let weights = StateDict(
            try folder.stateDict().pairs.filter { family.isRead($0.0, storedTables: storedTables) })
        guard !storedTables || weights.names.contains(where: family.isStoredTable) else {
            throw ModelError(
                message: "\(folder.path) stores no tables that the model would recompute; omit the option")
        }
        let (model, description, store) = try declare(
            configuration: configuration, named: name,
            weightShapes: Dictionary(uniqueKeysWithValues: weights.pairs.map { ($0.0, $0.1.shape) }),
            storedTables: storedTables)
        return (model, description, store, weights)
    }

    /// Every named size of every family.
    public static var namedSizes: [ModelFamily.NamedSize] { families.flatMap(\.sizes) }

    /// Every template of every family, and the one without roles.
    public static var chatTemplates: [ChatTemplate] { templates(of: families) }

    private static func templates(of families: [ModelFamily]) -> [ChatTemplate] {
        families.flatMap(\.chatTemplates) + [.document]
    }

    /// The template of this name.
    ///
    /// - Throws: ``ModelError`` that lists the known names and the nearest one.
    public static func chatTemplate(named name: String) throws(ModelError) -> ChatTemplate {
        let known = chatTemplates
        guard let template = known.first(where: { $0.name == name }) else {
            throw ModelError(message: "the template \(NearestName.unknownChoice(name, among: known.map(\.name)))")
        }
        return template
    }
}
