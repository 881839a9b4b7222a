public import Torch

/// Why a checkpoint could not be read or written; its description is one sentence for the user.
public enum CheckpointError: InputError, Hashable, Sendable, CustomStringConvertible {
    /// A file or folder could not be opened or read; the reason is the system's.
    case unreadable(path: String, reason: String)
    /// A file or folder could not be written; the reason is the system's.
    case unwritable(path: String, reason: String)
    /// The disk holds fewer free bytes than the file needs; nothing was written.
    case noSpace(path: String, neededByteCount: Int, availableByteCount: Int)
    /// A file contradicts its format.
    case malformed(path: String, reason: String)
    /// The file has no tensor of this name.
    case missingTensor(path: String, name: String)
    /// A folder lacks a file or its files contradict each other.
    case incomplete(folder: String, reason: String)
    /// What was asked to be written cannot be stored.
    case invalid(reason: String)
    /// Names that a name table does not know, or a table that does not fit the tensors.
    case unadaptable(reason: String)
    /// Whoever watches the writing asked it to stop; nothing was left behind.
    case cancelled

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .unwritable(let path, let reason): "cannot write \(path): \(reason)"
        case .noSpace(let path, let needed, let available):
            "cannot write \(path): it needs \(needed) bytes, but the disk has \(available) free; free some or choose another folder"
        case .malformed(let path, let reason): "\(path) is damaged: \(reason)"
        case .missingTensor(let path, let name): "\(path) has no tensor named \(name)"
        case .incomplete(let folder, let reason): "the checkpoint \(folder) is unusable: \(reason)"
        case .invalid(let reason): "the checkpoint cannot be written: \(reason)"
        case .unadaptable(let reason): "the checkpoint's names cannot be translated: \(reason)"
        case .cancelled: "writing was cancelled; no partial output remains"
        }
    }
}
