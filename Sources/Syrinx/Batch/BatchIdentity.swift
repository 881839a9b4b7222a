#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Everything that decides a batch's answers. Its file lies beside the output; only the same batch resumes.
public struct BatchIdentity: Codable, Sendable, Hashable {
    /// Something with a fingerprint.
    public struct Content: Codable, Sendable, Hashable {
        /// What the user called it.
        public var name: String
        /// SHA-256, 64 hexadecimal digits.
        public var sha256: String

        /// Content from its parts.
        public init(name: String, sha256: String) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// The version of the form of the files.
    static let currentFormatVersion = 4

    var formatVersion = Self.currentFormatVersion
    /// The model folder: weights, vocabulary, configuration, preprocessing.
    public var model: Content
    /// The questions.
    public var input: Content
    /// The question about each image or video; nil where every line has its own.
    public var question: String?
    /// Every option that decides answers, by the name the user sets it with.
    public var options: [String: String]
    /// Rows computed together. Where it was not asked for, that of the earlier run counts.
    public var batchSize: Int

    /// An identity from its parts.
    public init(
        model: Content, input: Content, question: String? = nil, options: [String: String], batchSize: Int
    ) {
        self.model = model
        self.input = input
        self.question = question
        self.options = options
        self.batchSize = batchSize
    }

    /// Refuses to resume the answers of another batch.
    /// - Throws: `SyrinxError` that says in what `earlier`, whose answers are in `output`, differs from this one.
    func requireSame(as earlier: BatchIdentity, output: String) throws(SyrinxError) {
        func refuse(_ what: String, _ there: String, _ here: String) throws(SyrinxError) {
            guard there != here else { return }
            throw SyrinxError(
                "\(output) has answers \(what) (\(there) there, \(here) here); give another --output, or remove it")
        }
        try refuse("in another format", "version \(earlier.formatVersion)", "version \(formatVersion)")
        func shown(_ content: Content) -> String { "\(content.name), SHA-256 \(content.sha256.prefix(12))" }
        if earlier.model.sha256 != model.sha256 {
            try refuse("of another model", shown(earlier.model), shown(model))
        }
        if earlier.input.sha256 != input.sha256 {
            if let there = earlier.question, let here = question {
                try refuse("to another question", Self.quoted(there), Self.quoted(here))
                try refuse("about other files", shown(earlier.input), shown(input))
            }
            try refuse("to other questions", shown(earlier.input), shown(input))
        }
        for name in Set(options.keys).union(earlier.options.keys).sorted() {
            try refuse("with another \(name)", earlier.options[name] ?? "none", options[name] ?? "none")
        }
        try refuse("with another --batch-size", "\(earlier.batchSize)", "\(batchSize)")
    }

    /// A question as a message shows it, cut where it is long.
    private static func quoted(_ text: String) -> String {
        text.count > 60 ? "\"\(text.prefix(57))...\" of \(text.count) characters" : "\"\(text)\""
    }
}
