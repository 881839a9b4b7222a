import Foundation
import Machine

/// The least that a run will have on its disk when it needs the most, predicted before anything is written.
///
/// Checkpoints hold float32 weights of what the run trains and the optimizer's state; the one being written stands beside
/// those that are kept. At the end the model is written beside the last ones. Not planned: log, TensorBoard and the adapter, which
/// are small, and checkpoints of a stage that time limits, of which one is certain.
public struct DiskPlan: Codable, Sendable {
    /// Bytes of the largest checkpoint, and of the model at the end.
    public var checkpointBytes: Int
    public var modelBytes: Int
    /// Checkpoints on the disk at once, the one being written included.
    public var checkpointCount: Int
    /// Bytes of all of it at the peak.
    public var neededBytes: Int

    /// - Parameters:
    ///   - trainedBytes: float32 weights of everything that some stage changes.
    ///   - optimizerBytes: the optimizer's state in each stage.
    ///   - modelBytes: the weights of the model's folder.
    init(_ recipe: Recipe, trainedBytes: Int, optimizerBytes: [Int], modelBytes: Int) {
        self.modelBytes = modelBytes
        checkpointBytes = trainedBytes + (optimizerBytes.max() ?? 0)
        checkpointCount = 1
        neededBytes = 0
        for (stage, optimizer) in zip(recipe.stages, optimizerBytes) {
            let saves = Self.certainSaves(stage, interval: recipe.checkpoints.interval)
            let atOnce = min(recipe.checkpoints.keep, saves - 1) + 1
            checkpointCount = max(checkpointCount, atOnce)
            let (bytes, overflow) = (trainedBytes + optimizer).multipliedReportingOverflow(by: atOnce)
            neededBytes = max(neededBytes, overflow ? .max : bytes)
        }
        neededBytes = max(neededBytes, trainedBytes + (optimizerBytes.last ?? 0) + modelBytes)
    }

    /// How many checkpoints a stage writes at the least: one at its end, and those before it where its length is known.
    private static func certainSaves(_ stage: Recipe.Stage, interval: Int?) -> Int {
        guard let steps = stage.steps, stage.maximumSeconds == nil, let interval else { return 1 }
        return 1 + (steps - 1) / interval
    }

    /// What is lacking on the disk of a run's folder; nil where there is room, or the system does not tell.
    ///
    /// - Parameters:
    ///   - folder: the run's folder, which need not exist yet. What its checkpoints take already is counted as room.
    ///   - freeBytes: what is free there; nil asks the system.
    package func shortage(at folder: String, freeBytes: Int? = nil) -> String? {
        guard let free = freeBytes ?? Self.existing(folder).flatMap(MachineDisk.freeBytes(at:)) else { return nil }
        // As CheckpointStore counts: headers, manifests and the file system's own needs.
        let (needed, overflow) = neededBytes.addingReportingOverflow(neededBytes / 50 + (4 << 20))
        let missing = (overflow ? .max : needed) - Self.byteCount(under: folder + "/checkpoints")
        guard free < missing else { return nil }
        return
            "the run takes \(line), but its disk has \(free / 1_000_000) MB free; free some space, keep fewer checkpoints, or "
            + "give another --output"
    }

    /// The sizes in words.
    var line: String {
        "at least \(Self.size(neededBytes)): \(checkpointCount == 1 ? "a checkpoint" : "\(checkpointCount) checkpoints at once") "
            + "of up to \(Self.size(checkpointBytes)), and at the end a model of \(Self.size(modelBytes))"
    }

    /// Rounded up, so that nothing takes 0 MB.
    private static func size(_ bytes: Int) -> String {
        bytes < 10_000_000_000 ? "\(bytes / 1_000_000 + 1) MB" : "\(bytes / 1_000_000_000) GB"
    }

    /// The folder, or the nearest one above it that exists.
    private static func existing(_ folder: String) -> String? {
        var url = URL(fileURLWithPath: folder)
        while !FileManager.default.fileExists(atPath: url.path) {
            let parent = url.deletingLastPathComponent()
            if parent.path == url.path { return nil }
            url = parent
        }
        return url.path
    }

    private static func byteCount(under folder: String) -> Int {
        let files = FileManager.default
        return (try? files.subpathsOfDirectory(atPath: folder))?.reduce(0) { sum, name in
            let attributes = try? files.attributesOfItem(atPath: "\(folder)/\(name)")
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        } ?? 0
    }
}
