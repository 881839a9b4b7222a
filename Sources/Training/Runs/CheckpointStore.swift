import Checkpoints
public import NN
import Settings
public import Torch

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A run's checkpoints: written so that a kill at any instant loses nothing, read so that damage is noticed.
///
/// A checkpoint is written into a folder of another name, forced to disk file by file, described by a manifest with
/// checksums, and only then renamed. On resume the newest one whose checksums hold is used.
public final class CheckpointStore {
    /// Everything saved at one step.
    public struct Saved {
        public let path: String
        public let state: TrainerState
        private let weights: SafetensorsFile
        private let optimizer: SafetensorsFile

        init(path: String) throws {
            self.path = path
            state = try JSONDecoder().decode(TrainerState.self, from: Data(try PosixFile.read(path + "/state.json")))
            weights = try SafetensorsFile(path: path + "/model.safetensors")
            optimizer = try SafetensorsFile(path: path + "/optimizer.safetensors")
        }

        /// A float32 weight by its parameter's name.
        public func weight(_ name: String) -> Tensor? { try? weights.tensor(name) }
        /// A tensor of the optimizers' state.
        public func optimizerState(_ name: String) -> Tensor? { try? optimizer.tensor(name) }
        /// The other files: recipe, tokenizer.
        public func file(_ name: String) throws -> [UInt8] { try PosixFile.read("\(path)/\(name)") }
    }

    public let folder: String
    private let keep: Int

    /// - Parameter keep: how many checkpoints stay on disk; at least one.
    public init(folder: String, keep: Int) {
        precondition(keep > 0, "at least one checkpoint must be kept")
        self.folder = folder
        self.keep = keep
    }

    /// Saves a checkpoint, then removes old ones.
    ///
    /// - Parameters:
    ///   - weights: the float32 masters of what the run trains.
    ///   - optimizer: the optimizers' state.
    ///   - files: further small files by name.
    /// - Throws: `TrainingError` if the disk has no room for it or cannot be written; older checkpoints are untouched then.
    public func save(
        _ state: TrainerState, weights: StateDict, optimizer: [(name: String, tensor: Tensor)],
        files: [String: [UInt8]] = [:]
    ) throws -> CheckpointReport {
        let began = ContinuousClock.now
        let tensorBytes = (weights.pairs.map(\.1) + optimizer.map(\.tensor)).reduce(0) {
            $0 + $1.elementCount * $1.dtype.byteCount
        }
        try checkSpace(for: tensorBytes + files.values.reduce(0) { $0 + $1.count })
        let target = "\(folder)/\(Self.name(state.step))"
        let aside = "\(folder)/.partial-\(Self.name(state.step))-\(getpid())"
        removeLeftovers()
        do {
            try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
            try Safetensors.write(weights.pairs, metadata: ["format": "pt"], to: aside + "/model.safetensors")
            try Safetensors.write(
                optimizer.map { ($0.name, $0.tensor) }, metadata: [:], to: aside + "/optimizer.safetensors")
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            try PosixFile.replace(aside + "/state.json", with: Array(try encoder.encode(state)))
            for (name, bytes) in files { try PosixFile.replace("\(aside)/\(name)", with: bytes) }
            let names = ["model.safetensors", "optimizer.safetensors", "state.json"] + files.keys.sorted()
            let manifest = try CheckpointManifest.describing(names, in: aside, step: state.step)
            try PosixFile.replace("\(aside)/\(CheckpointManifest.fileName)", with: Array(try encoder.encode(manifest)))
            try PosixFile.synchronize(aside)
            // The same step is saved again at the end of a stage: the old one makes way only now.
            if FileManager.default.fileExists(atPath: target) { try FileManager.default.removeItem(atPath: target) }
            guard rename(aside, target) == 0 else {
                throw TrainingError("cannot rename \(aside) to \(target): \(PosixFile.reason())")
            }
            try PosixFile.synchronize(folder)
            removeOld(upTo: state.step)
            return CheckpointReport(
                step: state.step, path: target, byteCount: manifest.files.reduce(0) { $0 + $1.byteCount },
                seconds: (ContinuousClock.now - began).seconds)
        } catch {
            try? FileManager.default.removeItem(atPath: aside)
            throw TrainingError(
                "the checkpoint of step \(state.step) was not saved (earlier ones are untouched): \(plainReason(error))"
            )
        }
    }

    /// The newest checkpoint whose checksums hold; nil if there is none.
    ///
    /// - Parameter report: hears which were passed over, and why.
    public func newestValid(report: (String) -> Void) -> Saved? {
        for name in names().reversed() {
            let path = "\(folder)/\(name)"
            do {
                _ = try CheckpointManifest.verified(in: path)
                return try Saved(path: path)
            } catch {
                report("skipping checkpoint \(path): \(error)")
            }
        }
        return nil
    }

    /// The names of complete checkpoints, oldest first.
    public func names() -> [String] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return entries.compactMap { name in Self.step(name).map { (step: $0, name: name) } }
            .sorted { $0 < $1 }.map(\.name)
    }

    /// The step in a checkpoint's name; nil for other names.
    private static func step(_ name: String) -> Int? {
        name.hasPrefix("step-") ? Int(name.dropFirst("step-".count)) : nil
    }

    static func name(_ step: Int) -> String { "step-" + String(step).leftPadded(to: 6) }

    private func checkSpace(for byteCount: Int) throws {
        // Headers, manifest and the file system's own needs.
        let needed = byteCount + byteCount / 50 + (4 << 20)
        guard let free = PosixFile.freeBytes(at: folder), free < needed else { return }
        throw TrainingError(
            "a checkpoint needs \(needed / 1_000_000) MB, but the disk of \(folder) has \(free / 1_000_000) MB free; "
                + "free some space and continue with --resume")
    }

    /// Removes all but the newest `keep` of those up to a step that was just saved.
    ///
    /// Those of later steps are damaged, or the run would have begun there: they take no place from the one just written.
    private func removeOld(upTo step: Int) {
        let reached = names().filter { Self.step($0) ?? 0 <= step }
        for name in reached.dropLast(keep) { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
    }

    private func removeLeftovers() {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in entries where name.hasPrefix(".partial-") {
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }
}
