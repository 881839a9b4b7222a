/// Why a tokenizer could not be loaded or trained; its description is one sentence for the user.
public enum TokenizerError: Error, Hashable, CustomStringConvertible {
    /// The file could not be read; the reason is the system's.
    case unreadable(path: String, reason: String)
    /// The bytes are no SentencePiece model; the path is nil when they did not come from a file.
    case notAModel(path: String?, reason: String)
    /// The training configuration contradicts itself.
    case invalidConfig(String)
    /// The texts cannot give the vocabulary that was asked for.
    case trainingFailed(String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "cannot read the tokenizer \(path): \(reason)"
        case .notAModel(let path, let reason):
            "\(path ?? "the given data") is not a SentencePiece model: \(reason)"
        case .invalidConfig(let reason):
            "the vocabulary cannot be trained as configured: \(reason)"
        case .trainingFailed(let reason):
            "training the vocabulary failed: \(reason)"
        }
    }
}
