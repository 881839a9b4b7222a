internal import Torch

/// A file of weights in either form, told apart by its first bytes.
enum WeightFile {
    case safetensors(SafetensorsFile)
    case archive(TorchArchive)

    /// - Throws: ``CheckpointError`` as `SafetensorsFile` and `TorchArchive` do.
    init(path: String) throws(CheckpointError) {
        let isArchive = try MappedFile(path: path).withBytes { $0.starts(with: [0x50, 0x4B, 0x03, 0x04]) }
        // An archive of PyTorch before 1.6 begins with its pickle; its name says what it should be.
        if isArchive || [".bin", ".pt", ".pth"].contains(where: path.hasSuffix) {
            self = .archive(try TorchArchive(path: path))
        } else {
            self = .safetensors(try SafetensorsFile(path: path))
        }
    }

    var names: [String] {
        switch self {
        case .safetensors(let file): file.names
        case .archive(let file): file.names
        }
    }

    func shape(of name: String) -> [Int]? {
        switch self {
        case .safetensors(let file): file.shape(of: name)
        case .archive(let file): file.shape(of: name)
        }
    }

    /// The dtype as safetensors spells it.
    func typeName(of name: String) -> String? {
        switch self {
        case .safetensors(let file): file.typeName(of: name)
        case .archive(let file): file.dtype(of: name).map { SafetensorsType($0).rawValue }
        }
    }

    /// Lets the system take back the memory behind a tensor's bytes.
    func giveBack(_ name: String) {
        switch self {
        case .safetensors(let file): file.giveBack(name)
        case .archive(let file): file.giveBack(name)
        }
    }

    func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        switch self {
        case .safetensors(let file): try file.tensor(name)
        case .archive(let file): try file.tensor(name)
        }
    }
}
