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
        @Sendable (_ configuration: Data, _ weightShapes: [String: [Int]], _ path: ParameterPath) throws ->
            any MultimodalLanguageModel
    /// Whether a published tensor is left out when loading, because the model recomputes it.
    public var isIgnored: @Sendable (_ name: String) -> Bool = { _ in false }
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
    /// - Throws: ``ModelError`` naming the file and what is wrong in it.
    public static func declare(
        configuration: Data, named name: String = "config.json", weightShapes: [String: [Int]] = [:],
        adaptation: LowRankAdaptation? = nil
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        let store = ParameterStore(adaptation: adaptation)
        let family = try family(ofConfiguration: configuration, named: name)
        do {
            return (try family.make(configuration, weightShapes, store.root), store)
        } catch let error as ModelError {
            throw ModelError(message: "\(name): \(error.message)")
        }
    }

    /// Declares the model of a folder of Hugging Face's layout and maps its weights, without those the model recomputes.
    ///
    /// - Throws: ``ModelError``, or `CheckpointError` for files that are missing or damaged.
    public static func open(
        _ folder: ModelFolder
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore, weights: StateDict) {
        let name = folder.path(of: ModelFolder.FileName.config)
        let configuration = Data(try folder.bytes(of: ModelFolder.FileName.config))
        let family = try family(ofConfiguration: configuration, named: name)
        let weights = StateDict(try folder.stateDict().pairs.filter { !family.isIgnored($0.0) })
        let (model, store) = try declare(
            configuration: configuration, named: name,
            weightShapes: Dictionary(uniqueKeysWithValues: weights.pairs.map { ($0.0, $0.1.shape) }))
        return (model, store, weights)
    }

    /// Every named size of every family.
    public static var namedSizes: [ModelFamily.NamedSize] { families.flatMap(\.sizes) }
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
