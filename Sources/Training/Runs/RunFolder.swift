import Checkpoints
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a run keeps its things. It has one owner: while a run works in it, no other can be begun or resumed there.
///
///     RUN/recipe.yaml                what runs, with every key
///     RUN/log.jsonl                  every step, validation, checkpoint
///     RUN/tensorboard/               event files
///     RUN/checkpoints/step-000123/   everything needed to resume
///     RUN/model/                     the trained model, at the end
///     RUN/adapter/                   LoRA's terms in PEFT's form, where the recipe trains some
public struct RunFolder: Sendable {
    public let path: String
    private let lock: FolderLock

    public var recipe: String { path + "/recipe.yaml" }
    public var log: String { path + "/log.jsonl" }
    public var tensorboard: String { path + "/tensorboard" }
    public var checkpoints: String { path + "/checkpoints" }
    public var model: String { path + "/model" }
    public var adapter: String { path + "/adapter" }

    /// Makes the folder and takes it, and refuses one that another run works in, one that already holds a run unless it is to
    /// be resumed, or somebody's other files.
    ///
    /// A run that never took a step, because its input was wrong or it was killed before, is no obstacle: it begins anew.
    /// - Throws: `ConfigError` if it is taken, contains another run or a file that is not part of one; `TrainingError` if it
    ///   cannot be made.
    public init(path: String, resume: Bool) throws {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: trimmed)) ?? []
        if !entries.contains("recipe.yaml"), let stranger = entries.sorted().first(where: { !Self.mayBeOfRun($0) }) {
            throw ConfigError(
                place: trimmed, problem: "contains \(stranger), which is not part of a run; give another --output")
        }
        func make(_ folder: String) throws {
            do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
                throw TrainingError("cannot make the run folder \(trimmed): \(plainReason(error))")
            }
        }
        try make(trimmed)
        guard let lock = try FolderLock(trimmed) else {
            throw ConfigError(
                place: trimmed,
                problem: "another process is training here; wait until it ends, or give another --output")
        }
        self.lock = lock
        try make(checkpoints)
        if !resume, FileManager.default.fileExists(atPath: recipe), Self.hasBegun(checkpoints: checkpoints, log: log) {
            throw ConfigError(
                place: trimmed, problem: "already has a run; give --resume to continue it, or another --output")
        }
    }

    /// Gives the folder back to others.
    public func release() { lock.release() }

    /// Whether a run has taken a step.
    private static func hasBegun(checkpoints: String, log: String) -> Bool {
        let saved = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
        if saved.contains(where: { !$0.hasPrefix(".") }) { return true }
        let text = FileManager.default.contents(atPath: log) ?? Data()
        return String(decoding: text, as: UTF8.self).contains("\"event\":\"step\"")
    }

    /// Whether a run may have left a file of this name before its recipe stood there, the recipe's own first writing included.
    private static func mayBeOfRun(_ name: String) -> Bool {
        ["checkpoints", "log.jsonl"].contains(name) || name.hasPrefix(".") || name.contains("recipe.yaml")
    }
}
