internal import Settings
internal import Torch

/// The header of a safetensors file, checked in full before any tensor is handed out.
///
/// The file: eight bytes, the header's length n (little-endian); n bytes of JSON; the tensors' bytes without gaps.
/// Format: https://github.com/huggingface/safetensors (README, "Format"). The limit of 100 MB is the reference's.
package struct SafetensorsHeader {
    /// One tensor's place.
    package struct Entry: Hashable, Sendable {
        var name: String
        var elementType: SafetensorsType
        var shape: [Int]
        /// Where its bytes are, counted from the end of the header.
        package var range: Range<Int>
    }

    static let lengthByteCount = 8
    static let maximumByteCount = 100_000_000
    static let metadataKey = "__metadata__"

    /// In the order of their bytes in the file.
    package let entries: [Entry]
    let metadata: [String: String]
    /// Where the tensors' bytes begin, counted from the file's first byte.
    package let dataOffset: Int

    /// Why a file is not safetensors.
    package struct Malformed: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    package init(_ file: UnsafeRawBufferPointer) throws(Malformed) {
        guard file.count >= Self.lengthByteCount else {
            throw Malformed("it has \(file.count) bytes, fewer than the \(Self.lengthByteCount) of the header's length")
        }
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        if length > Self.maximumByteCount {
            throw Malformed(
                "it states a header of \(length) bytes, more than the \(Self.maximumByteCount) allowed"
                    + Self.hint(file))
        }
        dataOffset = Self.lengthByteCount + Int(length)
        guard dataOffset <= file.count else {
            throw Malformed(
                "it states a header of \(length) bytes, but only \(file.count - Self.lengthByteCount) follow")
        }
        let text = UnsafeRawBufferPointer(rebasing: file[Self.lengthByteCount..<dataOffset])
        guard text.first == UInt8(ascii: "{") else {
            throw Malformed("its header does not begin with '{'\(Self.hint(file))")
        }
        let json: StrictJSON
        do { json = try StrictJSON(text, depthLimit: 4) } catch {
            throw Malformed("its header is not valid: \(error.reason)")
        }
        guard case .object(let members) = json else {
            throw Malformed("its header is \(json.kind), expected an object")
        }

        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        for (name, value) in members {
            if name == Self.metadataKey {
                metadata = try Self.metadata(value)
            } else {
                entries.append(try Self.entry(name, value))
            }
        }
        self.metadata = metadata
        self.entries = try Self.inOrder(entries, dataByteCount: file.count - dataOffset)
    }

    private static func hint(_ file: UnsafeRawBufferPointer) -> String {
        if file.starts(with: Array("PK".utf8)) { return "; it looks like a PyTorch archive, which must be converted" }
        if file.starts(with: Array("GGUF".utf8)) { return "; it looks like a GGUF file, which is unsupported" }
        if file.starts(with: Array("<!".utf8)) || file.starts(with: Array("<html".utf8)) {
            return "; it looks like a web page: download the file itself"
        }
        if file.starts(with: Array("version ".utf8)) { return "; it looks like a Git LFS pointer: run `git lfs pull`" }
        return ""
    }

    private static func metadata(_ value: StrictJSON) throws(Malformed) -> [String: String] {
        guard case .object(let members) = value else {
            throw Malformed("its \(metadataKey) is \(value.kind), expected an object")
        }
        var metadata: [String: String] = [:]
        for (key, value) in members {
            guard case .string(let text) = value else {
                throw Malformed("its metadata \(key.debugDescription) is \(value.kind), expected a string")
            }
            metadata[key] = text
        }
        return metadata
    }

    private static func entry(_ name: String, _ value: StrictJSON) throws(Malformed) -> Entry {
        guard case .object(let members) = value else {
            throw Malformed("tensor \(name.debugDescription) is described by \(value.kind), expected an object")
        }
        var fields: [String: StrictJSON] = [:]
        for (key, value) in members { fields[key] = value }
        guard case .string(let typeName)? = fields["dtype"] else {
            throw Malformed("tensor \(name.debugDescription) has no dtype")
        }
        guard let type = SafetensorsType(rawValue: typeName) else {
            throw Malformed("tensor \(name.debugDescription) has the unknown dtype \(typeName.debugDescription)")
        }
        let shape = try integers(fields["shape"], "shape", of: name)
        let offsets = try integers(fields["data_offsets"], "data_offsets", of: name)
        guard offsets.count == 2 else {
            throw Malformed("tensor \(name.debugDescription) has \(offsets.count) data_offsets, expected 2")
        }
        guard offsets[0] <= offsets[1] else {
            throw Malformed(
                "tensor \(name.debugDescription) begins at byte \(offsets[0]), after its end at \(offsets[1])")
        }
        guard let byteCount = byteCount(of: shape, type) else {
            throw Malformed("tensor \(name.debugDescription) has the shape \(shape), too large to count its bytes")
        }
        guard byteCount == offsets[1] - offsets[0] else {
            throw Malformed(
                "tensor \(name.debugDescription), \(typeName)\(shape), needs \(byteCount) bytes, "
                    + "but its offsets span \(offsets[1] - offsets[0])")
        }
        return Entry(name: name, elementType: type, shape: shape, range: offsets[0]..<offsets[1])
    }

    private static func integers(_ value: StrictJSON?, _ key: String, of name: String) throws(Malformed) -> [Int] {
        guard let value else { throw Malformed("tensor \(name.debugDescription) has no \(key)") }
        guard case .array(let elements) = value else {
            throw Malformed("tensor \(name.debugDescription) has \(value.kind) as \(key), expected an array")
        }
        var integers: [Int] = []
        for element in elements {
            guard case .number(let digits) = element, let integer = Int(digits), integer >= 0, digits.first != "-"
            else {
                let found = if case .number(let digits) = element { digits } else { element.kind }
                throw Malformed(
                    "tensor \(name.debugDescription) has \(found) in its \(key), expected a whole number from 0 to \(Int.max)"
                )
            }
            integers.append(integer)
        }
        return integers
    }

    /// Bytes of a tensor, nil when they exceed what an Int counts.
    static func byteCount(of shape: [Int], _ type: SafetensorsType) -> Int? {
        // A zero anywhere makes the product zero, yet the other sizes must still be countable.
        var product = 1
        for size in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(size, 1))
            if overflow { return nil }
            product = next
        }
        let (bytes, overflow) = product.multipliedReportingOverflow(by: type.byteCount)
        if overflow { return nil }
        return shape.contains(0) ? 0 : bytes
    }

    /// Sorts by place and demands that the tensors fill the data without gap or overlap.
    private static func inOrder(_ entries: [Entry], dataByteCount: Int) throws(Malformed) -> [Entry] {
        let sorted = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound, $0.name) < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        var end = 0
        var previous = "the header"
        for entry in sorted {
            guard entry.range.upperBound <= dataByteCount else {
                throw Malformed(
                    "tensor \(entry.name.debugDescription) ends at byte \(entry.range.upperBound) of the data, "
                        + "but the file has only \(dataByteCount); it may be truncated")
            }
            guard entry.range.lowerBound == end else {
                let what = entry.range.lowerBound < end ? "overlaps" : "leaves a gap after"
                throw Malformed(
                    "tensor \(entry.name.debugDescription) \(what) \(previous): it begins at byte "
                        + "\(entry.range.lowerBound) of the data, expected \(end)")
            }
            end = entry.range.upperBound
            previous = entry.name.debugDescription
        }
        guard end == dataByteCount else {
            throw Malformed("its tensors end at byte \(end) of the data, but the file holds \(dataByteCount)")
        }
        return sorted
    }
}

/// The element types of the safetensors format.
enum SafetensorsType: String, CaseIterable, Sendable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case float8e5m2 = "F8_E5M2"
    case float8e4m3 = "F8_E4M3"
    case int16 = "I16"
    case uint16 = "U16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case uint32 = "U32"
    case float32 = "F32"
    case int64 = "I64"
    case uint64 = "U64"
    case float64 = "F64"

    init(_ dtype: DType) {
        self =
            switch dtype {
            case .bool: .bool
            case .uint8: .uint8
            case .int8: .int8
            case .int16: .int16
            case .int32: .int32
            case .int64: .int64
            case .float16: .float16
            case .bfloat16: .bfloat16
            case .float32: .float32
            case .float64: .float64
            }
    }

    /// The tensor element type, nil for types the engine does not compute with.
    var dtype: DType? { DType.allCases.first { SafetensorsType($0) == self } }

    var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8, .float8e5m2, .float8e4m3: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .int64, .uint64, .float64: 8
        }
    }
}
