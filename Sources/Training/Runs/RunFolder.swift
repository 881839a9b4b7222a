import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a run keeps its things.
///
///     RUN/recipe.yaml                what runs, with every key
///     RUN/log.jsonl                  every step, validation, checkpoint
///     RUN/tensorboard/               event files
///     RUN/checkpoints/step-000123/   everything needed to resume
///     RUN/model/                     the trained model, at the end
public struct RunFolder: Sendable {
    public let path: String

    public var recipe: String { path + "/recipe.yaml" }
    public var log: String { path + "/log.jsonl" }
    public var tensorboard: String { path + "/tensorboard" }
    public var checkpoints: String { path + "/checkpoints" }
    public var model: String { path + "/model" }

    /// Whether a run was begun in the folder.
    public static func holdsRun(at path: String) -> Bool {
        FileManager.default.fileExists(atPath: path + "/recipe.yaml")
    }

    /// Makes the folder, and refuses one that already holds a run unless it is to be resumed.
    ///
    /// - Throws: `TrainingError` if it cannot be made, or holds another run.
    public init(path: String, resume: Bool) throws {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed
        do {
            try FileManager.default.createDirectory(atPath: trimmed + "/checkpoints", withIntermediateDirectories: true)
        } catch {
            throw TrainingError("cannot make the run folder \(trimmed): \(plainReason(error))")
        }
        if !resume, Self.holdsRun(at: trimmed) {
            throw TrainingError("\(trimmed) already holds a run; pass --resume to continue it, or another --output")
        }
    }
}
