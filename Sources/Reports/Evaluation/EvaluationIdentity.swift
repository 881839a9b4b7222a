public import Checkpoints
import Digests
public import Evaluation
import Foundation

/// What an evaluation is an evaluation of: everything that decides its predictions, as hashes and values.
///
/// Stands in `evaluation.json`. Predictions are resumed only if all of it agrees.
public struct EvaluationIdentity: Codable, Sendable {
    /// A file or folder and what is in it.
    public struct Content: Codable, Sendable {
        /// Where it was.
        public var path: String
        /// SHA-256, 64 hexadecimal digits.
        public var sha256: String

        /// Content from its parts.
        public init(path: String, sha256: String) {
            self.path = path
            self.sha256 = sha256
        }
    }

    /// How the questions are put.
    public struct Settings: Codable, Sendable {
        /// Tasks, sources, shots, seed.
        public var evaluation: CaptionEvaluation
        /// The split that is evaluated.
        public var split: String
        /// Greatest number of items per source; 0 for all.
        public var limit: Int
        /// The weights' dtype and the device.
        public var compute: String
        /// How a model with a chat template is asked; nil for models that read documents.
        public var conversation: Conversation?

        /// A chat template and the question in it.
        public struct Conversation: Codable, Sendable {
            /// The template's name.
            public var template: String
            /// What the user says with each image.
            public var question: String

            /// A conversation from its parts.
            public init(template: String, question: String) {
                self.template = template
                self.question = question
            }
        }

        /// Settings from their parts.
        public init(
            evaluation: CaptionEvaluation, split: String, limit: Int, compute: String, conversation: Conversation? = nil
        ) {
            self.evaluation = evaluation
            self.split = split
            self.limit = limit
            self.compute = compute
            self.conversation = conversation
        }
    }

    /// The version of the form of the folder's files.
    public static let currentFormatVersion: Int = 1

    public var formatVersion: Int
    public var model: Content
    public var data: Content
    public var settings: Settings

    /// An identity from its parts.
    public init(model: Content, data: Content, settings: Settings) {
        formatVersion = Self.currentFormatVersion
        self.model = model
        self.data = data
        self.settings = settings
    }

    /// The hash of a model folder: of its weights, vocabulary, configuration and preprocessing, not of its path.
    /// - Parameter adapter: the folder of the adapter in use, which counts too.
    /// - Throws: `CheckpointError` or `DigestError` when a file is missing or cannot be read.
    public static func hash(of folder: ModelFolder, adapter: String? = nil) throws -> String {
        typealias Name = ModelFolder.FileName
        let preprocessing = folder.contains(Name.preprocessorConfig) ? Name.preprocessorConfig : Name.processorConfig
        let names = [Name.config, Name.tokenizerModel, preprocessing] + (try folder.weightFileNames())
        var hasher = SHA256Hasher()
        for name in names where folder.contains(name) {
            hasher.update("\(name) \(try Digest.sha256(fileAt: folder.path(of: name)).hex)\n")
        }
        if let adapter {
            let files = try ModelFolder(path: adapter)
            typealias Name = AdapterFolder.FileName
            for name in [Name.config, Name.weights, Name.archive, Name.trainedBase] where files.contains(name) {
                hasher.update("\(name) \(try Digest.sha256(fileAt: files.path(of: name)).hex)\n")
            }
        }
        return hasher.finalize().hex
    }

    /// Refuses to resume the predictions of another evaluation.
    /// - Throws: `EvaluationError` that says in what `earlier`, found in `folder`, differs from this one.
    package func requireSame(as earlier: EvaluationIdentity, folder: String) throws {
        let remedy = "give another --output, or remove the folder"
        func differs(_ what: String, _ there: String, _ here: String) -> EvaluationError {
            EvaluationError("\(folder) has an evaluation \(what) (\(there) there, \(here) here): \(remedy)")
        }
        if earlier.formatVersion != formatVersion {
            throw differs("of another format", "version \(earlier.formatVersion)", "version \(formatVersion)")
        }
        if earlier.model.sha256 != model.sha256 {
            throw differs(
                "of another checkpoint", "\(earlier.model.path), SHA-256 \(earlier.model.sha256.prefix(12))",
                "\(model.path), \(model.sha256.prefix(12))")
        }
        // Which sources and kinds there are follows from the data, so that other data may be all that differs.
        let differences = try settings.differences(from: earlier.settings)
        let hasOtherData = earlier.data.path != data.path && earlier.data.sha256 != data.sha256
        for (name, there, here) in differences where !(hasOtherData && name == Self.Settings.sourceOption) {
            throw differs("with another \(name)", there, here)
        }
        if earlier.data.sha256 != data.sha256 {
            throw differs(
                "of other data", "\(earlier.data.path), SHA-256 \(earlier.data.sha256.prefix(12))",
                "\(data.path), \(data.sha256.prefix(12))")
        }
    }
}

extension EvaluationIdentity.Settings {
    /// Names and values of the settings that differ, in alphabetical order.
    fileprivate func differences(from earlier: Self) throws -> [(name: String, there: String, here: String)] {
        let here = try values()
        let there = try earlier.values()
        return Set(here.keys).union(there.keys).sorted().compactMap { name in
            here[name] == there[name]
                ? nil : (Self.options[name] ?? name, there[name] ?? "none", here[name] ?? "none")
        }
    }

    /// What two evaluations of the same data may differ in without a pair of answers showing it, one sentence each.
    func caveats(comparedWith other: Self) throws -> [String] {
        let reasons = [
            Self.conversationOption: "the two used different questions or templates",
            Self.computeOption: "the two used a different dtype or device",
        ]
        return try differences(from: other).compactMap { name, there, here in
            reasons[name].map { "\($0): \(name) is \(here) for A and \(there) for B" }
        }
    }

    private static let computeOption = "--dtype or --device"
    private static let conversationOption = "--question or template"
    fileprivate static let sourceOption = "--source"

    /// What the user sets them with.
    private static let options: [String: String] = [
        "questions": "--tasks", "sources": sourceOption, "groupSources": sourceOption, "shots": "--shots",
        "fewShotText": "--word-text", "template": "--prompt", "seed": "--seed", "split": "--split", "limit": "--limit",
        "compute": computeOption, "conversation": conversationOption,
    ]

    /// Every setting as JSON text by its name.
    private func values() throws -> [String: String] {
        var object = try Self.object(self)
        object.merge(try Self.object(evaluation)) { $1 }
        object["evaluation"] = nil
        return try object.mapValues {
            String(
                decoding: try JSONSerialization.data(withJSONObject: $0, options: [.fragmentsAllowed, .sortedKeys]),
                as: UTF8.self)
        }
    }

    private static func object(_ value: some Encodable) throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? [String: Any] ?? [:]
    }
}
