public import NN
public import Torch

/// The weights of a folder or a file as they lie on the disk: names, dtypes and shapes at once, values one by one.
public struct StoredWeights: Sendable {
    /// One tensor without its values.
    public struct Entry: Sendable, Hashable {
        public let name: String
        /// The dtype as safetensors spells it: `F32`, `BF16`.
        public let typeName: String
        public let shape: [Int]
        /// The file that holds it.
        public let file: String

        public var elementCount: Int { shape.reduce(1, *) }
    }

    /// Every tensor, file by file, in the order of the files.
    public let entries: [Entry]
    private let files: [String: WeightFile]
    private let places: [String: String]

    /// - Throws: ``CheckpointError`` when a file is missing or damaged, or two hold the same tensor.
    init(
        _ fileNames: [String], in folder: String, path: (String) -> String
    ) throws(CheckpointError) {
        var entries: [Entry] = []
        var files: [String: WeightFile] = [:]
        var places: [String: String] = [:]
        for fileName in fileNames {
            let file = try WeightFile(path: path(fileName))
            files[fileName] = file
            for name in file.names {
                if let first = places.updateValue(fileName, forKey: name) {
                    throw .incomplete(
                        folder: folder, reason: "tensor \(name) is in two shards, \(first) and \(fileName)")
                }
                entries.append(
                    Entry(
                        name: name, typeName: file.typeName(of: name) ?? "", shape: file.shape(of: name) ?? [],
                        file: fileName))
            }
        }
        (self.entries, self.files, self.places) = (entries, files, places)
    }

    /// The file that holds a tensor; nil where none does.
    func file(of name: String) -> String? { places[name] }

    /// Names and shapes, as a family needs them whose configuration does not say everything.
    public var shapes: [String: [Int]] {
        Dictionary(entries.map { ($0.name, $0.shape) }, uniquingKeysWith: { first, _ in first })
    }

    /// One tensor, mapped and not copied.
    ///
    /// - Throws: ``CheckpointError`` when there is none, or its dtype has no counterpart in the engine.
    public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        guard let place = places[name], let file = files[place] else {
            throw .missingTensor(path: entries.first?.file ?? "the checkpoint", name: name)
        }
        return try file.tensor(name)
    }

    /// Compares a tensor's bytes with the checksum that a PyTorch archive has of them; other files have none.
    ///
    /// - Throws: ``CheckpointError`` that names the entry and both checksums.
    public func verifyChecksum(of name: String) throws(CheckpointError) {
        if case .archive(let archive)? = places[name].flatMap({ files[$0] }) { try archive.verifyChecksum(of: name) }
    }

    /// The same for what PyTorch archives hold besides tensors.
    public func verifyDescriptions() throws(CheckpointError) {
        for (_, file) in files.sorted(by: { $0.key < $1.key }) {
            if case .archive(let archive) = file { try archive.verifyDescription() }
        }
    }

    /// Lets the system take back the memory behind a tensor that was read; who reads it again reads the file again.
    public func giveBack(_ name: String) {
        guard let place = places[name] else { return }
        files[place]?.giveBack(name)
    }

    /// All tensors, mapped and not copied.
    public func stateDict() throws(CheckpointError) -> StateDict {
        var weights = StateDict()
        for entry in entries { weights[entry.name] = try tensor(entry.name) }
        return weights
    }
}
