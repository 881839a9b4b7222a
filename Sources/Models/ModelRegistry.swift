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
    }
    public let sizes: [NamedSize]
    /// Declares the model a `config.json` describes; nothing is allocated until its store is filled.
    public let make: @Sendable (_ configuration: Data, _ path: ParameterPath) throws -> any MultimodalLanguageModel
}

/// Every family Syrinx knows. A new one is a folder and a line here.
public enum ModelRegistry {
    public static let families: [ModelFamily] = [MM1.family]

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
    /// - Parameter name: what messages call the file.
    /// - Throws: ``ModelError`` naming the file and what is wrong in it.
    public static func declare(
        configuration: Data, named name: String = "config.json"
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        let store = ParameterStore()
        let family = try family(ofConfiguration: configuration, named: name)
        do {
            return (try family.make(configuration, store.root), store)
        } catch let error as ModelError {
            throw ModelError(message: "\(name): \(error.message)")
        }
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
