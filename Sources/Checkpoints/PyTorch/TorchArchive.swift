internal import Digests
public import Torch

/// A PyTorch archive (`torch.save` since 1.6: `pytorch_model.bin`, `.pt`, `.pth`) opened for reading: tensors mapped.
///
/// Only tensors and containers are ever built, whatever the file asks for (``RestrictedPickle``). The mapping lives as
/// long as this value or any tensor made from it.
public struct TorchArchive: Sendable {
    /// The file's path as it was given.
    public let path: String
    /// The tensors' names in the order in which they were saved.
    public let names: [String]

    private let tensors: [String: TorchTensor]
    private let storages: [String: ZipDirectory.Entry]
    private let otherEntries: [ZipDirectory.Entry]
    private let file: MappedFile

    /// The keys under which training scripts put a model's weights beside other things.
    private static let wrappers = ["state_dict", "model", "module"]

    /// Maps the file and reads its description of tensors.
    ///
    /// - Throws: ``CheckpointError`` when the file cannot be read, is no such archive, asks for anything but tensors, or
    ///   contradicts itself.
    public init(path: String) throws(CheckpointError) {
        let file = try MappedFile(path: path)
        func refuse(_ reason: String) -> CheckpointError { .malformed(path: path, reason: reason) }
        let entries = try Self.directory(of: file).mapError { refuse($0.reason) }.get().entries
        guard let description = entries.first(where: { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }) else {
            throw refuse("it is a zip archive, but has no data.pkl: it was not written by torch.save")
        }
        let root = description.name.dropLast("data.pkl".count)
        let value = try file.withBytes { bytes in
            Result { () throws(RestrictedPickle.Refused) in
                try RestrictedPickle.value(of: UnsafeRawBufferPointer(rebasing: bytes[description.range]))
            }
        }.mapError { refuse($0.reason) }.get()
        if let order = entries.first(where: { $0.name == root + "byteorder" }) {
            let text = file.withBytes { String(decoding: $0[order.range], as: UTF8.self) }
            guard text == "little" else { throw refuse("its numbers are \(text)-endian, expected little") }
        }
        let prefix = root + "data/"
        let pairs = try Self.named(value).mapError { refuse($0.reason) }.get()
        self.path = path
        self.file = file
        storages = Dictionary(
            uniqueKeysWithValues: entries.filter { $0.name.hasPrefix(prefix) }.map {
                (String($0.name.dropFirst(prefix.count)), $0)
            })
        otherEntries = entries.filter { !$0.name.hasPrefix(prefix) }
        names = pairs.map(\.0)
        tensors = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        guard tensors.count == names.count else { throw refuse("it has a tensor twice") }
        for name in names { try check(name) }
    }

    private static func directory(of file: MappedFile) -> Result<ZipDirectory, ZipDirectory.Malformed> {
        file.withBytes { bytes in
            Result { () throws(ZipDirectory.Malformed) in
                guard !bytes.starts(with: Array("version https://git-lfs".utf8)) else {
                    throw ZipDirectory.Malformed(
                        reason: "it is a Git LFS pointer; fetch the file itself with `git lfs pull`")
                }
                guard bytes.starts(with: [0x50, 0x4B]) else {
                    throw ZipDirectory.Malformed(
                        reason: "it is not a zip archive; re-save files from PyTorch before 1.6 with a newer version"
                    )
                }
                return try ZipDirectory(bytes)
            }
        }
    }

    /// The tensors of a state dict, or of the one that a training script's dictionary holds.
    private static func named(_ value: PickleValue) -> Result<[(String, TorchTensor)], RestrictedPickle.Refused> {
        guard case .dictionary(let dictionary) = value else {
            return .failure(.init(reason: "it contains \(value.kind), expected a dictionary of tensors"))
        }
        let found = dictionary.pairs.compactMap { key, value -> (String, TorchTensor)? in
            guard case .tensor(let tensor) = value else { return nil }
            return (key, tensor)
        }
        if found.count == dictionary.pairs.count { return .success(found) }
        for wrapper in wrappers where found.isEmpty {
            if let inner = dictionary.pairs.first(where: { $0.key == wrapper })?.value { return named(inner) }
        }
        let stranger = dictionary.pairs.first { if case .tensor = $0.value { false } else { true } }
        return .failure(
            .init(
                reason:
                    "its key \(stranger?.key.debugDescription ?? "") contains \(stranger?.value.kind ?? "nothing"), expected a tensor"
            ))
    }

    /// The shape of a tensor without touching its bytes; nil when the file does not have it.
    public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// The dtype of a tensor without touching its bytes; nil when the file does not have it.
    public func dtype(of name: String) -> DType? { tensors[name].map { Self.dtype($0.storage) } }

    /// Lets the system take back the memory behind a tensor's storage.
    func giveBack(_ name: String) {
        if let tensor = tensors[name], let entry = storages[tensor.storage.key] { file.giveBack(entry.range) }
    }

    /// Reads all bytes of the storage that a tensor lies in, and compares them with the archive's checksum.
    ///
    /// - Throws: ``CheckpointError`` that names the entry and both checksums.
    func verifyChecksum(of name: String) throws(CheckpointError) {
        guard let entry = tensors[name].flatMap({ storages[$0.storage.key] }) else { return }
        try verify(entry, holding: " (tensor \(name))")
    }

    /// The same for everything that is not a storage, such as the description of the tensors.
    func verifyDescription() throws(CheckpointError) { for entry in otherEntries { try verify(entry, holding: "") } }

    private func verify(_ entry: ZipDirectory.Entry, holding content: String) throws(CheckpointError) {
        // torch.save leaves the checksums out, as zeros, where it was told to.
        guard entry.checksum != 0 else { return }
        let found = file.withBytes { CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[entry.range])) }
        guard found == entry.checksum else {
            func hexadecimal(_ value: UInt32) -> String {
                let digits = String(value, radix: 16)
                return String(repeating: "0", count: 8 - digits.count) + digits
            }
            throw .malformed(
                path: path,
                reason: "its entry \(entry.name)\(content) has the CRC-32 \(hexadecimal(found)), but "
                    + "\(hexadecimal(entry.checksum)) is listed; fetch the file again")
        }
    }

    /// Checks that a tensor lies in its storage, and its storage in the archive.
    private func check(_ name: String) throws(CheckpointError) {
        guard let tensor = tensors[name] else { return }
        let storage = tensor.storage
        func refuse(_ reason: String) -> CheckpointError {
            .malformed(path: path, reason: "tensor \(name.debugDescription) \(reason)")
        }
        guard let range = storages[storage.key]?.range else {
            throw refuse("is in the file data/\(storage.key), which the archive does not have")
        }
        let width = Self.dtype(storage).byteCount
        guard storage.elementCount <= range.count / width else {
            throw refuse("needs \(storage.elementCount) elements, but its file has \(range.count) bytes")
        }
        var last = tensor.offset
        for (size, stride) in zip(tensor.shape, tensor.strides) where size > 0 {
            let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, more) = last.addingReportingOverflow(step)
            guard !overflow, !more else { throw refuse("reaches beyond every storage") }
            last = sum
        }
        guard tensor.shape.contains(0) || last < storage.elementCount else {
            throw refuse("reaches element \(last) of a storage of \(storage.elementCount)")
        }
        guard Self.storedOrder(tensor) != nil else {
            throw refuse("has the strides \(tensor.strides) for the shape \(tensor.shape), which is unsupported")
        }
    }

    private static func dtype(_ storage: TorchStorage) -> DType {
        switch storage.typeName {
        case "Float": .float32
        case "Double": .float64
        case "Half": .float16
        case "BFloat16": .bfloat16
        case "Long": .int64
        case "Int": .int32
        case "Short": .int16
        case "Char": .int8
        case "Bool": .bool
        default: .uint8
        }
    }

    /// The dimensions from the slowest to the fastest as they are stored; nil when the bytes have gaps or are shared.
    private static func storedOrder(_ tensor: TorchTensor) -> [Int]? {
        let order = tensor.shape.indices.sorted { a, b in
            tensor.strides[a] == tensor.strides[b] ? a < b : tensor.strides[a] > tensor.strides[b]
        }
        if tensor.shape.contains(0) { return Array(tensor.shape.indices) }
        var expected = 1
        // Dimensions of size 1 may have any stride.
        for dimension in order.reversed() where tensor.shape[dimension] > 1 {
            guard tensor.strides[dimension] == expected else { return nil }
            expected *= tensor.shape[dimension]
        }
        return order
    }

    /// A tensor over the mapping; where it was saved transposed, a view of it.
    ///
    /// - Throws: ``CheckpointError`` when there is no such tensor.
    public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
        guard let tensor = tensors[name], let range = storages[tensor.storage.key]?.range,
            let order = Self.storedOrder(tensor)
        else { throw .missingTensor(path: path, name: name) }
        let dtype = Self.dtype(tensor.storage)
        if tensor.shape.contains(0) { return Tensor.empty(tensor.shape, dtype: dtype) }
        let shape = order.map { tensor.shape[$0] }
        let start = file.start + range.lowerBound + tensor.offset * dtype.byteCount
        let stored: Tensor
        if UInt(bitPattern: start) % UInt(dtype.byteCount) == 0 {
            stored = Tensor(mapped: start, shape: shape, dtype: dtype, owner: file)
        } else {
            let count = shape.reduce(dtype.byteCount, *)
            stored = Tensor(bytes: UnsafeRawBufferPointer(start: start, count: count), shape: shape, dtype: dtype)
        }
        if order == Array(tensor.shape.indices) { return stored }
        return stored.permute(tensor.shape.indices.map { dimension in order.firstIndex(of: dimension) ?? dimension })
    }
}
