internal import Digests
public import NN
internal import Settings
internal import Torch

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A checkpoint folder in Hugging Face's layout.
///
/// `config.json`, `generation_config.json`, `preprocessor_config.json`, `tokenizer.model`, and the weights: either
/// `model.safetensors`, or shards that `model.safetensors.index.json` assigns tensors to, or else the same as PyTorch
/// archives, `pytorch_model.bin` and `pytorch_model.bin.index.json`. Folders that Syrinx wrote also
/// have `SHA256SUMS`, which `sha256sum -c` understands. Where weights lie in several forms, ``weightFileNames()`` says which
/// are read.
public struct ModelFolder: Sendable, Hashable {
    /// The files' published names.
    public enum FileName {
        public static let config = "config.json"
        public static let generationConfig = "generation_config.json"
        public static let preprocessorConfig = "preprocessor_config.json"
        /// Where transformers 5 keeps the preprocessing, among others.
        public static let processorConfig = "processor_config.json"
        public static let tokenizerModel = "tokenizer.model"
        /// The same vocabulary in another form, which is not read.
        public static let fastTokenizer = "tokenizer.json"
        /// Tokens beyond the vocabulary, by their numbers.
        public static let addedTokens = "added_tokens.json"
        public static let weights = "model.safetensors"
        public static let weightIndex = "model.safetensors.index.json"
        /// The same as PyTorch archives, read where there are no safetensors.
        public static let archive = "pytorch_model.bin"
        public static let archiveIndex = "pytorch_model.bin.index.json"
        /// What open_clip calls its weights and its configuration.
        public static let openCLIPWeights = "open_clip_model.safetensors"
        public static let openCLIPConfig = "open_clip_config.json"
        public static let checksums = "SHA256SUMS"
    }

    /// The folder.
    public let path: String

    /// - Throws: ``CheckpointError`` when there is no such folder.
    public init(path: String) throws(CheckpointError) {
        var isFolder = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard exists else {
            let rescue = Leftovers.replaced(of: path).map { ", but its older content is in \($0): rename it" } ?? ""
            throw .unreadable(path: path, reason: "no such folder\(rescue)")
        }
        guard isFolder else { throw .unreadable(path: path, reason: "it is a file, expected a checkpoint folder") }
        self.path = path
    }

    /// The path of a file of the folder, whether it exists or not.
    public func path(of name: String) -> String { "\(path)/\(name)" }

    /// Whether the folder has the file.
    public func contains(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

    /// The most bytes a file other than the weights may have.
    public static let maximumFileByteCount = 256 << 20

    /// The bytes of a file of the folder other than the weights.
    ///
    /// - Throws: ``CheckpointError`` naming the file that is missing, empty or larger than ``maximumFileByteCount``.
    public func bytes(of name: String) throws(CheckpointError) -> [UInt8] {
        guard contains(name) else {
            // A run's folder named instead of the model in it.
            let hint = Self.isFile("\(path)/model/\(name)") ? "; did you mean \(path)/model?" : ""
            throw .incomplete(folder: path, reason: "it has no \(name)\(hint)")
        }
        let file = try MappedFile(path: path(of: name))
        guard file.byteCount <= Self.maximumFileByteCount else {
            throw .malformed(
                path: path(of: name),
                reason:
                    "it has \(file.byteCount) bytes, more than the \(Self.maximumFileByteCount) allowed for a file beside the weights"
            )
        }
        return file.withBytes { Array($0) }
    }

    /// A JSON file of the folder as a value.
    ///
    /// - Throws: ``CheckpointError`` when the file is missing, is not JSON, has a key twice, or does not fit the type; the
    ///   key is named.
    public func decode<Value: Decodable>(
        _ type: Value.Type, from name: String = FileName.config
    )
        throws(CheckpointError) -> Value
    {
        let bytes = try bytes(of: name)
        do {
            return try StrictJSON.decode(type, from: bytes)
        } catch let error as StrictJSON.Malformed {
            throw .malformed(path: path(of: name), reason: error.reason)
        } catch {
            throw .malformed(path: path(of: name), reason: "\(error)")
        }
    }

    /// All weights, mapped and not copied, by their published names.
    ///
    /// Where the folder has `SHA256SUMS`, files of up to ``alwaysVerifiedByteCount`` bytes are compared with it;
    /// larger ones are left to ``verifyChecksums(upTo:)``, because reading all of a mapped checkpoint takes time.
    /// - Throws: as ``storedWeights()``, and when a file differs from its checksum.
    public func stateDict() throws(CheckpointError) -> StateDict {
        let weights = try storedWeights().stateDict()
        // Last, because what is wrong in a file says more than that something is.
        try verifyChecksums(upTo: Self.alwaysVerifiedByteCount)
        return weights
    }

    /// All weights at a path, mapped and not copied: those of a checkpoint folder, or one file of weights.
    ///
    /// - Throws: as ``init(path:)`` and ``stateDict()``.
    public static func stateDict(at path: String) throws(CheckpointError) -> StateDict {
        try isFile(path) ? storedWeights(inFile: path).stateDict() : ModelFolder(path: path).stateDict()
    }

    /// The weights in one file, safetensors or a PyTorch archive.
    ///
    /// - Throws: ``CheckpointError`` when the file is missing or damaged.
    public static func storedWeights(inFile path: String) throws(CheckpointError) -> StoredWeights {
        let name = String(path.split(separator: "/").last ?? "")
        return try StoredWeights([name], in: FolderPath.parent(of: path), path: { _ in path })
    }

    /// Whether a file, not a folder, lies at the path.
    public static func isFile(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
    }

    /// Whether there is a folder, also behind a link; a link that leads nowhere is none.
    public static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    /// Files of up to this many bytes are compared with `SHA256SUMS` whenever weights are read: a fraction of a second.
    public static let alwaysVerifiedByteCount = 64 << 20

    /// Compares files that `SHA256SUMS` lists with their digests.
    ///
    /// - Parameter byteCount: larger files are passed over; by default none is.
    /// - Returns: how many files were compared; 0 when the folder has no such list, as published ones have none.
    /// - Throws: ``CheckpointError/incomplete(folder:reason:)`` naming the first file that differs or is missing.
    @discardableResult
    public func verifyChecksums(upTo byteCount: Int = .max) throws(CheckpointError) -> Int {
        guard contains(FileName.checksums) else { return 0 }
        var count = 0
        for line in String(decoding: try bytes(of: FileName.checksums), as: UTF8.self).split(separator: "\n") {
            let digits = String(line.prefix(64))
            let name = String(line.dropFirst(66))
            guard let expected = SHA256Digest(hex: digits), line.dropFirst(64).hasPrefix("  "), Self.isPlain(name)
            else {
                throw .malformed(
                    path: path(of: FileName.checksums),
                    reason:
                        "the line \(String(line.prefix(100)).debugDescription) is not a checksum of a file beside it")
            }
            if let size = size(of: name), size > byteCount { continue }
            let found: SHA256Digest
            do { found = try Digest.sha256(fileAt: path(of: name)) } catch {
                throw .incomplete(folder: path, reason: "\(name), which \(FileName.checksums) lists, cannot be read")
            }
            guard found == expected else {
                throw .incomplete(
                    folder: path,
                    reason:
                        "\(name) has the SHA-256 \(found), but \(FileName.checksums) says \(expected): restore the file, "
                        + "or remove its line from \(FileName.checksums) if the change is yours")
            }
            count += 1
        }
        return count
    }

    /// Bytes of a file of the folder, nil when it cannot be opened.
    private func size(of name: String) -> Int? {
        (try? MappedFile(path: path(of: name)))?.byteCount
    }

    /// Whether the name is that of a file directly in the folder.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }
}
