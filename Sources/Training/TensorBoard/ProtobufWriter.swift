/// Writes the few Protocol Buffers fields that an event file needs; the wire format is public and frozen.
///
/// Why not the library: Documentation/Decisions/0006-tensorboard.md.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case fixed32 = 5
    }

    mutating func double(_ value: Double, field: Int) {
        key(field, .fixed64)
        append(littleEndian: value.bitPattern)
    }

    mutating func float(_ value: Float, field: Int) {
        key(field, .fixed32)
        append(littleEndian: value.bitPattern)
    }

    mutating func integer(_ value: Int64, field: Int) {
        key(field, .varint)
        varint(UInt64(bitPattern: value))
    }

    mutating func string(_ value: String, field: Int) { data(Array(value.utf8), field: field) }

    mutating func data(_ value: [UInt8], field: Int) {
        key(field, .lengthDelimited)
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func message(field: Int, _ build: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        build(&inner)
        data(inner.bytes, field: field)
    }

    private mutating func key(_ field: Int, _ type: WireType) { varint(UInt64(field) << 3 | type.rawValue) }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    private mutating func append(littleEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
