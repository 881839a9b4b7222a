public import Checkpoints
public import NN
internal import Settings
public import Torch

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A family of models: how its `config.json` reads and which sizes have names.
public struct ModelFamily: Sendable {
    /// The `model_type` of its `config.json`.
    public let modelType: String
    /// A named size: its name, one line about it, and its `config.json`.
    public struct NamedSize: Sendable {
        public let name: String
        public let summary: String
        /// The decoder's parameters without embeddings that the paper gives; nil for sizes of our own.
        public let publishedDecoderCount: Double?
        public let configuration: @Sendable () throws -> Data
        /// Shapes of weights that say what the configuration does not.
        public var weightShapes: [String: [Int]] = [:]
    }
    public let sizes: [NamedSize]
    /// Declares the model a `config.json` describes; nothing is allocated until its store is filled.
    ///
    /// `weightShapes` are the names and shapes of the checkpoint's tensors, for families whose configuration does not say
    /// everything; empty for a configuration alone.
    public let make:
        @Sendable (_ configuration: Data, _ weightShapes: [String: [Int]], _ path: ParameterPath) throws -> (
            model: any MultimodalLanguageModel, description: ModelDescription
        )
    /// Whether a published tensor is left out when loading, because the model recomputes it.
    public var isIgnored: @Sendable (_ name: String) -> Bool = { _ in false }
    /// Which of these the published code reads where they are stored, so that copies keep them and a model can be declared
    /// with them.
    public var isStoredTable: @Sendable (_ name: String) -> Bool = { _ in false }
    /// What its `config.json` may hold.
    var keys: PublishedKeys
    /// Whether Syrinx alone writes such files: an unknown key is then a mistake.
    var ownsForm = false
    /// What a user should know of a configuration besides.
    var remarks: @Sendable (_ configuration: Data) -> [String] = { _ in [] }
}

/// Every family Syrinx knows. A new one is a folder and a line here.
public enum ModelRegistry {
    public static let families: [ModelFamily] = [MM1.family, MPLUGOwl.family, MPLUGOwl2.family]

    /// The family of a `config.json`.
    ///
    /// - Parameter name: what messages call the file.
    /// - Throws: ``ModelError`` when the text is no JSON (with the place), or its `model_type` is missing or not known.
    public static func family(
        ofConfiguration configuration: Data, named name: String = "config.json"
    ) throws(ModelError) -> ModelFamily {
        let json: StrictJSON
        do { json = try StrictJSON([UInt8](configuration), depthLimit: 64) } catch {
            throw ModelError(message: "\(name) is damaged, it is not whole JSON: \(error.reason)")
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
    ///   - weightShapes: names and shapes of the checkpoint's tensors; empty for a configuration alone.
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
            let made = try family.make(configuration, shapes, store.root)
            try family.check(configuration)
            return (made.model, made.description, store)
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
            "\(name) has keys that Syrinx does not know and passes over: \(keys)\(more); if one of them changes the model's "
            + "numbers, the answers are others than its authors'"
        return (unknown.isEmpty ? [] : [note]) + family.remarks(configuration).map { "\(name): \($0)" }
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
                message: "\(folder.path) stores no tables that the model would recompute; leave the option out")
        }
        let (model, description, store) = try declare(
            configuration: configuration, named: name,
            weightShapes: Dictionary(uniqueKeysWithValues: weights.pairs.map { ($0.0, $0.1.shape) }),
            storedTables: storedTables)
        return (model, description, store, weights)
    }

    /// Every named size of every family.
    public static var namedSizes: [ModelFamily.NamedSize] { families.flatMap(\.sizes) }
}

extension ModelFamily {
    /// Whether a tensor of a checkpoint is read.
    func isRead(_ name: String, storedTables: Bool) -> Bool {
        !isIgnored(name) || (storedTables && isStoredTable(name))
    }

    /// The paths of the configuration's keys that nothing is known of.
    ///
    /// - Throws: ``ModelError`` naming a mechanism that is on and that Syrinx does not have.
    func unknownKeys(_ configuration: Data) throws(ModelError) -> [String] {
        guard let json = try? StrictJSON([UInt8](configuration), depthLimit: 64) else { return [] }
        return try keys.unknown(in: json)
    }

    /// Refuses mechanisms that are not here and, in files of Syrinx's own form, unknown keys.
    func check(_ configuration: Data) throws(ModelError) {
        guard let first = try unknownKeys(configuration).first, ownsForm else { return }
        let name = String(first.prefix(80)).debugDescription
        throw ModelError(message: "unknown key \(name)\(keys.suggestion(for: first))")
    }
}

/// A configuration that describes no model Syrinx can build.
public struct ModelError: InputError, Sendable, CustomStringConvertible {
    public let message: String
    public init(message: String) { self.message = message }
    public var description: String { message }
}

/// `config.json` in the field's form: keys in snake case.
public enum ConfigurationJSON {
    public static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

}
