internal import Settings

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension ModelFolder {
    /// A form in which a folder may hold its weights.
    private enum Layout {
        /// One file.
        case whole(String)
        /// Shards that an index names.
        case indexed(String)

        var name: String {
            switch self {
            case .whole(let name), .indexed(let name): name
            }
        }
    }

    /// The forms in the order in which they are looked for: safetensors first, as in transformers.
    private static let layouts: [Layout] = [
        .indexed(FileName.weightIndex), .whole(FileName.weights), .whole(FileName.openCLIPWeights),
        .indexed(FileName.archiveIndex), .whole(FileName.archive), .whole("open_clip_pytorch_model.bin"),
    ]

    /// What is read of a folder's weights.
    private struct Choice {
        var fileNames: [String]
        /// Tensor name to shard name; nil for one file.
        var index: [String: String]?
        /// Indexes that were passed over, and a shard that each names in vain.
        var stale: [(index: String, shard: String)] = []
    }

    /// The first form that is there as a whole: an index whose shards are gone stands back for a file that holds everything.
    private func chosenWeights() throws(CheckpointError) -> Choice {
        var stale: [(index: String, shard: String)] = []
        for layout in Self.layouts where contains(layout.name) {
            guard case .indexed(let name) = layout else {
                return Choice(fileNames: [layout.name], stale: stale)
            }
            let index = try Self.weightMap(try bytes(of: name), named: path(of: name))
            let shards = Array(Set(index.values)).sorted()
            guard let missing = shards.first(where: { !contains($0) }) else {
                return Choice(fileNames: shards, index: index, stale: stale)
            }
            stale.append((name, missing))
        }
        if let first = stale.first {
            throw .incomplete(
                folder: path, reason: "the shard \(first.shard), which its index names, is missing")
        }
        let others = otherWeights(than: [])
        if let link = others.first(where: { !contains($0) }) {
            throw .incomplete(folder: path, reason: "\(link) is a broken link")
        }
        throw .incomplete(
            folder: path,
            reason: "it has neither \(FileName.weights) nor \(FileName.archive), and no index of several weight files"
                + (others.isEmpty ? "" : "; \(Self.listed(others)) cannot be read as a model's weights"))
    }

    /// The files that hold the weights, in the order in which they are read.
    ///
    /// An index decides where its shards are all there; other weight files in the folder are then left alone, and
    /// ``remarks()`` names them.
    public func weightFileNames() throws(CheckpointError) -> [String] { try chosenWeights().fileNames }

    /// The weights as they lie in the folder: all names and shapes, values when they are asked for.
    ///
    /// - Throws: ``CheckpointError`` when a shard is missing or damaged, a tensor the index names is not where it says, or a
    ///   tensor stands in two shards.
    public func storedWeights() throws(CheckpointError) -> StoredWeights {
        let choice = try chosenWeights()
        let weights = try StoredWeights(choice.fileNames, in: path, path: path(of:))
        for (name, fileName) in (choice.index ?? [:]).sorted(by: { $0.key < $1.key })
        where weights.file(of: name) != fileName {
            let found = weights.file(of: name).map { "is in \($0)" } ?? "is in no shard"
            throw .incomplete(folder: path, reason: "its index places tensor \(name) in \(fileName), but it \(found)")
        }
        return weights
    }

    /// What a user should know of the folder's weights, one sentence each: an index that was passed over, and files that hold
    /// weights and are not read. Empty for a folder whose weights cannot be read.
    public func remarks() -> [String] {
        guard let choice = try? chosenWeights() else { return [] }
        let read = Self.listed(choice.fileNames)
        let stale = choice.stale.map {
            "\(path): \($0.index) names \($0.shard), which is missing; reading \(read) instead"
        }
        let others = otherWeights(than: Set(choice.fileNames))
        if others.isEmpty { return stale }
        return stale + ["\(path): \(read) is read; \(Self.listed(others)), which may also contain weights, is not"]
    }

    /// Files directly in the folder that hold weights by their names, besides those given.
    func otherWeights(than read: Set<String>) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { Self.mayHoldWeights($0) && !read.contains($0) }.sorted()
    }

    /// A trainer's state has such endings too and is no part of a model.
    private static func mayHoldWeights(_ name: String) -> Bool {
        let endings = [
            ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5", ".msgpack", ".npz", ".onnx",
        ]
        let states = [
            "training_args.", "optimizer.", "scheduler.", "scaler.", "rng_state", "random_states", "trainer_state",
        ]
        return endings.contains(where: name.hasSuffix) && !states.contains(where: name.hasPrefix)
    }

    /// The first few names, and how many more there are.
    static func listed(_ names: [String]) -> String {
        names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }

    /// Tensor name to shard name, from the text of an index.
    package static func weightMap(
        _ bytes: [UInt8], named file: String
    ) throws(CheckpointError) -> [String: String] {
        let json: StrictJSON
        do { json = try StrictJSON(bytes) } catch { throw .malformed(path: file, reason: error.reason) }
        guard case .object(let members) = json,
            case .object(let pairs)? = members.first(where: { $0.key == "weight_map" })?.value
        else { throw .malformed(path: file, reason: "it has no object named weight_map") }
        if pairs.isEmpty { throw .malformed(path: file, reason: "its weight_map is empty") }
        var map: [String: String] = [:]
        for (name, value) in pairs {
            guard case .string(let fileName) = value else {
                throw .malformed(path: file, reason: "it assigns \(value.kind) to tensor \(name), expected a file name")
            }
            guard isPlain(fileName) else {
                throw .malformed(
                    path: file,
                    reason:
                        "it assigns \(fileName.debugDescription) to tensor \(name), expected a file of the same folder")
            }
            map[name] = fileName
        }
        return map
    }
}
