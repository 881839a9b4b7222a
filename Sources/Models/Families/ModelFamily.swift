public import Processors
internal import Settings
public import Torch

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A family of models: the type of its configurations, its names, and which sizes and templates it brings.
public struct ModelFamily: Sendable {
    /// A named size: its name, one line about it, and its configuration.
    public struct NamedSize: Sendable {
        public let name: String
        public let summary: String
        /// The decoder's parameters without embeddings that the paper gives; nil for sizes of our own.
        public let publishedDecoderCount: Double?
        /// The shape.
        public let shape: any FamilyConfiguration

        public init(
            _ name: String, summary: String, publishedDecoderCount: Double? = nil, shape: any FamilyConfiguration
        ) {
            self.name = name
            self.summary = summary
            self.publishedDecoderCount = publishedDecoderCount
            self.shape = shape
        }

        /// Its `config.json`.
        public func configuration() throws -> Data { try shape.file(artefacts: nil) }
    }

    /// What recipes call it.
    public let name: String
    /// The `model_type` of its `config.json`.
    public let modelType: String
    /// What its models are built from.
    public let configurationType: any FamilyConfiguration.Type
    /// Its named sizes.
    public let sizes: [NamedSize]
    /// The ways in which its conversations are written.
    public let chatTemplates: [ChatTemplate]
    /// What its `config.json` may hold.
    let keys: PublishedKeys
    /// Whether Syrinx alone writes such files: an unknown key is then a mistake.
    let ownsForm: Bool
    /// Whether a published tensor is left out when loading, because the model recomputes it.
    public var isIgnored: @Sendable (_ name: String) -> Bool = { _ in false }
    /// Which of these the published code reads where they are stored, so that copies keep them and a model can be declared
    /// with them.
    public var isStoredTable: @Sendable (_ name: String) -> Bool = { _ in false }
    /// What a user should know of a configuration besides.
    public var remarks: @Sendable (_ configuration: Data) -> [String] = { _ in [] }

    /// - Parameters:
    ///   - name: what recipes call it, such as `my-model`.
    ///   - modelType: the `model_type` of its `config.json`; the name where nothing else is published.
    ///   - keys: what its `config.json` may hold; an unknown key is noted.
    ///   - ownsForm: whether Syrinx alone writes such files, so that an unknown key is refused.
    public init(
        name: String, modelType: String? = nil, configuration: any FamilyConfiguration.Type, sizes: [NamedSize] = [],
        chatTemplates: [ChatTemplate] = [], keys: PublishedKeys, ownsForm: Bool = false
    ) {
        self.name = name
        self.modelType = modelType ?? name
        configurationType = configuration
        self.sizes = sizes
        self.chatTemplates = chatTemplates
        self.keys = keys
        self.ownsForm = ownsForm
    }

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

    /// Reads a `config.json` strictly: a key twice or a number out of its type's range is an error.
    ///
    /// - Throws: ``ModelError`` that begins with `this describes no` and the family.
    public static func decode<File: Decodable>(_ type: File.Type, from data: Data, of family: String) throws -> File {
        do { return try StrictJSON.decode(type, from: [UInt8](data), keys: .snakeCase) } catch let error
            as StrictJSON.Malformed
        {
            throw ModelError(message: "this is not a valid \(family) configuration: \(error.reason)")
        }
    }
}
