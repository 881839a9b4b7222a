public import Torch

/// A safetensors file opened for reading: the header checked, the tensors mapped, nothing copied.
///
/// The mapping lives as long as this value or any tensor made from it.
public struct SafetensorsFile: Sendable {
    /// The file's path as it was given.
    public let path: String
    /// The tensors' names in the order of their bytes in the file.
    public let names: [String]
    /// The free-form strings of the header, such as `format: pt`.
    public let metadata: [String: String]

    private let entries: [String: SafetensorsHeader.Entry]
    private let file: MappedFile
    private let dataOffset: Int

    /// Maps the file and checks its whole header.
    ///
    /// - Throws: ``CheckpointError`` when the file cannot be read, or its header contradicts itself or the file's length.
    public init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        let checked = file.withBytes { bytes in
            Result { () throws(SafetensorsHeader.Malformed) in try SafetensorsHeader(bytes) }
        }
        let header = try checked.mapError { CheckpointError.malformed(path: path, reason: $0.reason) }.get()
        self.path = path
        self.file = file
        names = header.entries.map(\.name)
        metadata = header.metadata
        dataOffset = header.dataOffset
        entries = Dictionary(uniqueKeysWithValues: header.entries.map { ($0.name, $0) })
    }

    /// The shape of a tensor without touching its bytes; nil when the file does not have it.
    public func shape(of name: String) -> [Int]? { entries[name]?.shape }

    /// The dtype as the file spells it (`F32`, `BF16`); nil when the file does not have the tensor.
    public func typeName(of name: String) -> String? { entries[name]?.elementType.rawValue }

    /// How many bytes all tensors take.
    public var tensorByteCount: Int { file.byteCount - dataOffset }

    /// A tensor over the mapping.
    ///
    /// Where the file places its bytes at an address that its dtype does not allow, they are copied.
    /// - Throws: ``CheckpointError`` when there is no such tensor or its dtype has no counterpart in the engine.
    public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        guard let entry = entries[name] else { throw .missingTensor(path: path, name: name) }
        guard let dtype = entry.elementType.dtype else {
            throw .malformed(
                path: path,
                reason:
                    "tensor \(name.debugDescription) has the unsupported dtype \(entry.elementType.rawValue); "
                    + "convert it to F32, F16, BF16 or a signed integer")
        }
        if entry.range.isEmpty { return Tensor.empty(entry.shape, dtype: dtype) }
        let start = file.start + dataOffset + entry.range.lowerBound
        guard UInt(bitPattern: start) % UInt(dtype.byteCount) == 0 else {
            let bytes = UnsafeRawBufferPointer(start: start, count: entry.range.count)
            return Tensor(bytes: bytes, shape: entry.shape, dtype: dtype)
        }
        return Tensor(mapped: start, shape: entry.shape, dtype: dtype, owner: file)
    }

    /// A copy of a tensor in memory of its own; the mapping's pages behind it are given back.
    ///
    /// For weights that are read again and again: the engine's memory is faster to read than a mapped file, whose pages
    /// are small. Loaded one by one, a model never lies in memory twice.
    /// - Throws: as ``tensor(_:)``.
    public func copiedTensor(_ name: String) throws(CheckpointError) -> Tensor {
        let copy = try tensor(name).contiguous().clone()
        giveBack(name)
        return copy
    }

    /// Lets the system take back the memory behind a tensor's bytes.
    func giveBack(_ name: String) {
        guard let entry = entries[name] else { return }
        file.giveBack(dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound)
    }
}
