internal import Digests
public import NN
internal import Settings
internal import Torch

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

extension ModelFolder {
    /// The largest weight file by default, 5 GB, as Hugging Face's tools have it.
    public static let defaultMaximumShardByteCount = 5_000_000_000

    /// Writes a whole checkpoint folder, which takes its name only when everything in it is on the disk.
    ///
    /// An older folder of that name is moved aside, replaced, and then removed. A process killed between these steps leaves
    /// both; writing again, or renaming by hand, puts that right, and opening the folder says so.
    /// - Parameters:
    ///   - weights: the tensors by their published names; one file when they fit, otherwise shards and an index.
    ///   - files: the other files, name to content: `config.json`, `tokenizer.model` and so on.
    ///   - metadata: the strings of every weight file's header.
    /// - Throws: ``CheckpointError`` when there is not enough space or a file cannot be written; nothing is left behind then.
    @discardableResult
    public static func write(
        _ weights: StateDict, files: [String: [UInt8]] = [:], metadata: [String: String] = ["format": "pt"],
        maximumShardByteCount: Int = defaultMaximumShardByteCount, to path: String
    ) throws(CheckpointError) -> ModelFolder {
        let path = FolderPath.trimmed(path)
        let parent = FolderPath.parent(of: path)
        for name in files.keys {
            guard isPlain(name), !name.hasSuffix(".safetensors"), name != FileName.weightIndex,
                name != FileName.checksums
            else { throw .invalid(reason: "\(name.debugDescription) is not the name of a file beside the weights") }
        }
        let byteCount = weights.pairs.reduce(0) { $0 + $1.1.byteCount } + files.values.reduce(0) { $0 + $1.count }
        do { try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw .unwritable(path: parent, reason: "the folder cannot be made: \(plainReason(error))")
        }
        Leftovers.clear(of: path)
        try DiskSpace.check(for: path, in: parent, byteCount: byteCount)
        let partial = try makeFolder(beside: path, "partial")
        do {
            try fill(partial, weights, files, metadata, maximumShardByteCount)
            try replace(path, with: partial)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        try FolderPath.synchronize(parent)
        return try ModelFolder(path: path)
    }

    private static func fill(
        _ folder: String, _ weights: StateDict, _ files: [String: [UInt8]], _ metadata: [String: String],
        _ maximumShardByteCount: Int
    ) throws(CheckpointError) {
        var digests: [String: SHA256Digest] = [:]
        let shards = shards(of: weights, maximumByteCount: maximumShardByteCount)
        for (index, names) in shards.enumerated() {
            let fileName = shardName(index, of: shards.count)
            let tensors = names.compactMap { name in weights[name].map { (name, $0) } }
            digests[fileName] = try Safetensors.write(tensors, metadata: metadata, to: "\(folder)/\(fileName)")
        }
        if shards.count > 1 {
            let index = Self.index(of: shards, weights)
            digests[FileName.weightIndex] = try AtomicFile.write(index, to: "\(folder)/\(FileName.weightIndex)")
        }
        for (name, content) in files.sorted(by: { $0.key < $1.key }) {
            digests[name] = try AtomicFile.write(content, to: "\(folder)/\(name)")
        }
        let sums = digests.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
        try AtomicFile.write(Array(sums.utf8), to: "\(folder)/\(FileName.checksums)")
    }

    /// Cuts the names, in order, so that no shard exceeds the limit unless a single tensor does.
    static func shards(of weights: StateDict, maximumByteCount: Int) -> [[String]] {
        var shards: [[String]] = [[]]
        var size = 0
        for (name, tensor) in weights.pairs {
            if size + tensor.byteCount > maximumByteCount, !shards[shards.count - 1].isEmpty {
                shards.append([])
                size = 0
            }
            shards[shards.count - 1].append(name)
            size += tensor.byteCount
        }
        return shards
    }

    /// `model.safetensors`, or `model-00001-of-00003.safetensors` as Hugging Face counts.
    private static func shardName(_ index: Int, of count: Int) -> String {
        func padded(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        }
        return count == 1 ? FileName.weights : "model-\(padded(index + 1))-of-\(padded(count)).safetensors"
    }

    private static func index(of shards: [[String]], _ weights: StateDict) -> [UInt8] {
        let total = weights.pairs.reduce(0) { $0 + $1.1.byteCount }
        let lines = shards.enumerated()
            .flatMap { index, names in names.map { ($0, shardName(index, of: shards.count)) } }
            .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
            .map { "    \(Safetensors.quoted($0.0)): \(Safetensors.quoted($0.1))" }
        let text = """
            {
              "metadata": {
                "total_size": \(total)
              },
              "weight_map": {
            \(lines.joined(separator: ",\n"))
              }
            }

            """
        return Array(text.utf8)
    }

    /// A new empty folder beside the path.
    private static func makeFolder(beside path: String, _ purpose: String) throws(CheckpointError) -> String {
        for attempt in 0..<1000 {
            let candidate = "\(path).\(purpose)-\(getpid())-\(attempt)"
            if mkdir(candidate, 0o755) == 0 { return candidate }
            if errno != EEXIST { break }
        }
        throw .unwritable(path: path, reason: systemReason())
    }

    /// Gives the finished folder the name; an older one of that name is moved aside first and removed after.
    private static func replace(_ path: String, with finished: String) throws(CheckpointError) {
        try FolderPath.synchronize(finished)
        if rename(finished, path) == 0 { return }
        guard errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR else {
            throw .unwritable(path: path, reason: systemReason())
        }
        if errno == ENOTDIR { throw .unwritable(path: path, reason: "a file of that name is in the way") }
        let aside = try makeFolder(beside: path, "replaced")
        guard rename(path, aside) == 0 else {
            let reason = systemReason()
            rmdir(aside)
            throw .unwritable(path: path, reason: reason)
        }
        guard rename(finished, path) == 0 else {
            let reason = systemReason()
            _ = rename(aside, path)
            throw .unwritable(path: path, reason: reason)
        }
        // The new folder stands; what cannot be removed of the old one only costs space.
        try? FileManager.default.removeItem(atPath: aside)
    }
}
