public import Processors
import Synchronization
import SyrinxModels
import Torch

/// Makes what arrives in a message ready for a model: files and values of one modality.
///
/// A medium that Syrinx reads is a type that conforms to this, and a line in ``MediaPreparers``; a package that uses Syrinx calls
/// ``MediaPreparers/register(_:)``.
public protocol MediaPreparer: Sendable {
    /// Whose references it takes.
    var modality: Modality { get }
    /// What files of stages call the values, such as `pixel_values`.
    var valuesName: String { get }

    /// What a reference becomes: one item, or several where the model reads the medium in another form, such as a video as
    /// images.
    ///
    /// - Throws: one sentence that names the reference and what is wrong with it.
    func prepare(_ reference: any MediaReference, for model: SyrinxModel) throws -> PreparedReference
}

/// What became of a medium on its way into the model, for the user.
public protocol MediaAccount: Codable, Sendable {
    /// The file or the caller's name for it.
    var name: String { get }
    /// Tokens that it became.
    var tokenCount: Int { get }
}

/// A medium of a message made ready once, to be used in any number of prompts.
public struct PreparedReference: Sendable {
    /// An item, and its place in a prompt.
    public struct Item: Sendable {
        public var media: PreparedMedia
        public var span: MediaSpan

        public init(_ media: PreparedMedia, span: MediaSpan) {
            self.media = media
            self.span = span
        }
    }

    /// That of the reference, whatever its items are.
    public var modality: Modality
    public var items: [Item]
    /// What the user is told, in order.
    public var accounts: [any MediaAccount]

    public init(_ modality: Modality, items: [Item], accounts: [any MediaAccount]) {
        self.modality = modality
        self.items = items
        self.accounts = accounts
    }

    /// Positions of all items.
    public var tokenCount: Int { items.reduce(0) { $0 + $1.media.tokenCount } }
}

/// The media that a message may hold. A new one is a file, and a line here.
public enum MediaPreparers {
    private static let builtIn: [any MediaPreparer] = [ImagePreparer(), VideoPreparer()]
    private static let added = Mutex<[any MediaPreparer]>([])

    /// Adds a medium, whose mark texts know from then on; of two for one modality the later one is used.
    public static func register(_ preparer: any MediaPreparer) {
        Modality.register(preparer.modality)
        added.withLock { $0.append(preparer) }
    }

    /// The preparer of a modality.
    /// - Throws: ``SyrinxError`` that names the modality and the known ones.
    static func preparer(of modality: Modality) throws(SyrinxError) -> any MediaPreparer {
        let all = builtIn + added.withLock { $0 }
        guard let preparer = all.last(where: { $0.modality == modality }) else {
            let known = all.map(\.modality.rawValue).joined(separator: ", ")
            throw SyrinxError("the modality \(modality) is unsupported; known modalities: \(known)")
        }
        return preparer
    }
}

extension SyrinxModel {
    /// The messages with their media made ready, in order. A medium that becomes several items has as many places in the
    /// messages that come back.
    func prepareMedia(_ messages: [Message]) throws -> (messages: [Message], media: [PreparedReference]) {
        var messages = messages
        var media = [PreparedReference]()
        for index in messages.indices {
            messages[index].content = try messages[index].content.flatMap { part -> [ContentPart] in
                guard let reference = part.media else { return [part] }
                do {
                    let prepared = try MediaPreparers.preparer(of: reference.modality).prepare(reference, for: self)
                    media.append(prepared)
                    return Array(repeating: part, count: prepared.items.count)
                } catch let error as ModelError {
                    throw SyrinxError("\(reference.name): \(error.message)")
                }
            }
        }
        return (messages, media)
    }

    /// The medium with what the encoder makes of it, computed now.
    func encoded(_ reference: PreparedReference) -> PreparedReference {
        var reference = reference
        for index in reference.items.indices where reference.items[index].media.encoded == nil {
            let item = reference.items[index].media
            reference.items[index].media.encoded = inferenceMode {
                model.encode(item.values.unsqueeze(0).to(device), item.modality)
            }
        }
        return reference
    }
}
