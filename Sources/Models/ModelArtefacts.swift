internal import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// What a model's weights were trained with, in `config.json`: fingerprints of files, and how conversations were written.
///
/// Another preprocessing or vocabulary under the same weights raises no error anywhere: the model is only worse. So the
/// configuration names both, and loading compares.
public struct ModelArtefacts: Codable, Sendable, Equatable {
    /// The image processor's fingerprint: equal exactly when images are prepared alike.
    public var imageProcessor: String?
    /// The first 16 hexadecimal digits of the SHA-256 of `tokenizer.model`.
    public var tokenizer: String?
    /// Name of the `ChatTemplate` of the conversations; nil for the family's own.
    public var chatTemplate: String?

    public init(imageProcessor: String? = nil, tokenizer: String? = nil, chatTemplate: String? = nil) {
        self.imageProcessor = imageProcessor
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
    }

    /// Refuses files other than those the weights were trained with; what either side does not know is not compared.
    ///
    /// - Parameter folder: what the error calls the model.
    /// - Throws: ``ModelError`` naming the file and both fingerprints.
    public func check(_ found: ModelArtefacts, in folder: String) throws {
        let pairs = [
            ("preprocessor_config.json", imageProcessor, found.imageProcessor),
            ("tokenizer.model", tokenizer, found.tokenizer),
        ]
        for case (let file, let trained?, let present?) in pairs where trained != present {
            throw ModelError(
                message:
                    "\(folder): \(file) is not the one that the weights were trained with (fingerprint \(present), "
                    + "config.json says \(trained)); restore the file that was saved with the model")
        }
    }
}

extension ModelRegistry {
    /// What a `config.json` says of it; empty where it says nothing, as in folders of other makers.
    public static func artefacts(ofConfiguration configuration: Data) -> ModelArtefacts {
        struct Holder: Decodable { let artefacts: ModelArtefacts? }
        return (try? StrictJSON.decode(Holder.self, from: [UInt8](configuration), keys: .snakeCase))?.artefacts
            ?? ModelArtefacts()
    }
}
