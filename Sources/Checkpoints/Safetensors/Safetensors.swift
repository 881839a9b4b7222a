public import Digests
public import Torch

/// Writes safetensors files.
public enum Safetensors {
    /// Writes the tensors to a new file that takes the name only when it is complete and on the disk.
    ///
    /// The same tensors give the same bytes whatever their order: wider element types come first, so that every tensor is
    /// aligned when the file is mapped, then names in byte order. Tensors elsewhere than on the CPU are brought over one by
    /// one.
    /// - Parameter metadata: free-form strings of the header; published tools expect `format: pt`.
    /// - Returns: the SHA-256 of the file.
    /// - Throws: ``CheckpointError`` when a name occurs twice, the disk is too full, or the file cannot be written.
    @discardableResult
    public static func write(
        _ tensors: [(String, Tensor)], metadata: [String: String] = ["format": "pt"], to path: String
    ) throws(CheckpointError) -> SHA256Digest {
        try write(tensors.map { PendingTensor($0, $1) }, metadata: metadata, to: path)
    }

    /// The same for tensors that are made one after the other, each when it is written.
    ///
    /// - Parameter progress: told the bytes of every piece that is written; what it throws stops the writing.
    @discardableResult
    public static func write(
        _ tensors: [PendingTensor], metadata: [String: String] = ["format": "pt"], to path: String,
        progress: (_ byteCount: Int) throws(CheckpointError) -> Void = { (_) throws(CheckpointError) in }
    ) throws(CheckpointError) -> SHA256Digest {
        let sorted = tensors.sorted { first, second in
            let widths = (first.dtype.byteCount, second.dtype.byteCount)
            return widths.0 == widths.1
                ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8) : widths.0 > widths.1
        }
        let header = try header(sorted, metadata: metadata)
        let byteCount = tensors.reduce(header.count) { $0 + $1.byteCount }
        return try AtomicFile.write(to: path, byteCount: byteCount) { (writer) throws(CheckpointError) in
            try header.write(with: writer)
            for pending in sorted {
                let tensor = try pending.make().detach().to(.cpu).contiguous()
                precondition(
                    tensor.dtype == pending.dtype && tensor.shape == pending.shape,
                    "\(pending.name) was announced as \(pending.dtype)\(pending.shape), not \(tensor)")
                let result = tensor.withUnsafeBytes { bytes in
                    Result { () throws(CheckpointError) in
                        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
                            let end = min(start + pieceByteCount, bytes.count)
                            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                            try progress(end - start)
                        }
                    }
                }
                try result.get()
                pending.release()
            }
        }
    }

    /// After how many bytes progress is told.
    private static let pieceByteCount = 16 << 20

    /// The length and the JSON, filled up with spaces so that the tensors begin at a multiple of 64 bytes.
    private static func header(
        _ tensors: [PendingTensor], metadata: [String: String]
    ) throws(CheckpointError) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\(quoted(SafetensorsHeader.metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        var names: Set<String> = [SafetensorsHeader.metadataKey]
        var offset = 0
        for tensor in tensors {
            let name = tensor.name
            guard names.insert(name).inserted else {
                throw .invalid(reason: "two tensors are named \(name.debugDescription), or the name is reserved")
            }
            let end = offset + tensor.byteCount
            members.append(
                "\(quoted(name)):{\"dtype\":\"\(SafetensorsType(tensor.dtype).rawValue)\","
                    + "\"shape\":[\(tensor.shape.map(String.init).joined(separator: ","))],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        let padding = (64 - (SafetensorsHeader.lengthByteCount + text.count) % 64) % 64
        text += [UInt8](repeating: UInt8(ascii: " "), count: padding)
        guard text.count <= SafetensorsHeader.maximumByteCount else {
            throw .invalid(
                reason:
                    "its header would have \(text.count) bytes, more than the \(SafetensorsHeader.maximumByteCount) "
                    + "allowed; write more than one shard")
        }
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }

    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension [UInt8] {
    fileprivate func write(with writer: AtomicFile.Writer) throws(CheckpointError) {
        let result = withUnsafeBytes { bytes in Result { () throws(CheckpointError) in try writer.write(bytes) } }
        try result.get()
    }
}
