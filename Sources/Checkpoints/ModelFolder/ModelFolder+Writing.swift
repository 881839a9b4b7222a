internal import Digests
public import NN
internal import Torch

extension ModelFolder {
    /// The largest weight file by default, 5 GB, as Hugging Face's tools have it.
    public static let defaultMaximumShardByteCount = 5_000_000_000

    /// Writes a whole checkpoint folder, which takes its name only when everything in it is on the disk (`AtomicFolder`).
    ///
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
        try write(
            weights.pairs.map { PendingTensor($0, $1) }, files: files, metadata: metadata,
            maximumShardByteCount: maximumShardByteCount, to: path)
    }

    /// The same for tensors that are made one after the other, each when it is written.
    ///
    /// - Parameter progress: told the bytes of every piece that is written; what it throws stops the writing.
    @discardableResult
    public static func write(
        _ weights: [PendingTensor], files: [String: [UInt8]] = [:], metadata: [String: String] = ["format": "pt"],
        maximumShardByteCount: Int = defaultMaximumShardByteCount, to path: String,
        progress: (_ byteCount: Int) throws(CheckpointError) -> Void = { (_) throws(CheckpointError) in }
    ) throws(CheckpointError) -> ModelFolder {
        for name in files.keys {
            guard isPlain(name), !name.hasSuffix(".safetensors"), name != FileName.weightIndex,
                name != FileName.checksums
            else { throw .invalid(reason: "\(name.debugDescription) is not the name of a file beside the weights") }
        }
        let byteCount = weights.reduce(0) { $0 + $1.byteCount } + files.values.reduce(0) { $0 + $1.count }
        try AtomicFolder.write(to: path, byteCount: byteCount) { (folder) throws(CheckpointError) in
            var digests: [String: SHA256Digest] = [:]
            let shards = shards(of: weights, maximumByteCount: maximumShardByteCount)
            for (index, tensors) in shards.enumerated() {
                let name = shardName(index, of: shards.count)
                digests[name] = try Safetensors.write(
                    tensors, metadata: metadata, to: "\(folder)/\(name)", progress: progress)
            }
            var files = files
            if shards.count > 1 { files[FileName.weightIndex] = Self.index(of: shards) }
            try write(files, digests: digests, to: folder)
        }
        return try ModelFolder(path: FolderPath.trimmed(path))
    }

    /// Writes files and, with what was written before, the list of checksums.
    static func write(
        _ files: [String: [UInt8]], digests: [String: SHA256Digest], to folder: String
    ) throws(CheckpointError) {
        var digests = digests
        for (name, content) in files.sorted(by: { $0.key < $1.key }) {
            digests[name] = try AtomicFile.write(content, to: "\(folder)/\(name)")
        }
        let sums = digests.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
        try AtomicFile.write(Array(sums.utf8), to: "\(folder)/\(FileName.checksums)")
    }

    /// Cuts the tensors, in order, so that no shard exceeds the limit unless a single tensor does.
    private static func shards(of weights: [PendingTensor], maximumByteCount: Int) -> [[PendingTensor]] {
        var shards: [[PendingTensor]] = [[]]
        var size = 0
        for tensor in weights {
            if size + tensor.byteCount > maximumByteCount, !shards[shards.count - 1].isEmpty {
                shards.append([])
                size = 0
            }
            shards[shards.count - 1].append(tensor)
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

    private static func index(of shards: [[PendingTensor]]) -> [UInt8] {
        let total = shards.joined().reduce(0) { $0 + $1.byteCount }
        let lines = shards.enumerated()
            .flatMap { index, tensors in tensors.map { ($0.name, shardName(index, of: shards.count)) } }
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
}
