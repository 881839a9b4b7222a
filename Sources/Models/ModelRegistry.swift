public import Checkpoints
public import NN
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
    /// - Throws: ``ModelError`` when the text is no configuration or its `model_type` is not known.
    public static func family(ofConfiguration configuration: Data) throws -> ModelFamily {
        struct Header: Decodable { let modelType: String }
        let header: Header
        do {
            header = try ConfigurationJSON.decoder.decode(Header.self, from: configuration)
        } catch {
            throw ModelError(message: "config.json has no model_type: is this a model's folder?")
        }
        guard let family = families.first(where: { $0.modelType == header.modelType }) else {
            let known = families.map(\.modelType).joined(separator: ", ")
            throw ModelError(message: "unknown model_type \"\(header.modelType)\" in config.json; known ones: \(known)")
        }
        return family
    }

    /// Declares the model a `config.json` describes in a store of its own.
    ///
    /// - Parameter weightShapes: names and shapes of the checkpoint's tensors; empty for a configuration alone.
    public static func declare(
        configuration: Data, weightShapes: [String: [Int]] = [:]
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        let store = ParameterStore()
        let model = try family(ofConfiguration: configuration).make(configuration, weightShapes, store.root)
        return (model, store)
    }

    /// Declares and fills the model of a folder of Hugging Face's layout.
    ///
    /// - Parameters:
    ///   - dtype: the dtype of the weights; nil keeps the checkpoint's, and its mapping.
    /// - Throws: ``ModelError``, `CheckpointError`, or `LoadReport` with every tensor that does not fit.
    public static func load(
        _ folder: ModelFolder, dtype: DType? = .float32, device: Device = .cpu
    ) throws -> (model: any MultimodalLanguageModel, store: ParameterStore) {
        let configuration = Data(try folder.bytes(of: ModelFolder.FileName.config))
        let family = try family(ofConfiguration: configuration)
        let weights = StateDict(try folder.stateDict().pairs.filter { !family.isIgnored($0.0) })
        let shapes = Dictionary(uniqueKeysWithValues: weights.pairs.map { ($0.0, $0.1.shape) })
        let (model, store) = try declare(configuration: configuration, weightShapes: shapes)
        try store.load(weights, dtype: dtype, device: device)
        return (model, store)
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

    public static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}
