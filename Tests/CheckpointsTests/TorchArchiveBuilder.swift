/// Writes PyTorch archives byte by byte, right ones and wrong ones.
struct TorchArchiveBuilder {
    /// Files of the archive in order.
    var files: [(name: String, bytes: [UInt8])]
    /// Zip's compression method; 0 stores.
    var method: UInt16 = 0
    /// Zip's flags; bit 0 says encrypted.
    var flags: UInt16 = 0
    /// Checksums in the list of files, by name; 0, which says nothing, for all others.
    var checksums: [String: UInt32] = [:]
    /// Places in the list of files, by name, that differ from the true ones.
    var movedOffsets: [String: UInt32] = [:]

    /// An archive whose data.pkl is `pickle` and whose storages are `storages` by key.
    init(pickle: Pickle, storages: [String: [UInt8]] = [:]) {
        files = [("archive/data.pkl", pickle.bytes + [UInt8(ascii: ".")])]
        files += storages.sorted { $0.key < $1.key }.map { ("archive/data/\($0.key)", $0.value) }
    }

    var bytes: [UInt8] {
        var body: [UInt8] = [], list: [UInt8] = []
        for (name, content) in files {
            let offset = movedOffsets[name] ?? UInt32(body.count)
            let sizes =
                little(checksums[name] ?? 0) + little(UInt32(content.count)) + little(UInt32(content.count))
            let names = little(UInt16(name.utf8.count))
            body += little(UInt32(0x0403_4B50)) + little(UInt16(20)) + little(flags) + little(method)
            body += little(UInt32(0)) + sizes + names + little(UInt16(0)) + Array(name.utf8) + content
            list += little(UInt32(0x0201_4B50)) + little(UInt32(0x14_0014)) + little(flags) + little(method)
            list += little(UInt32(0)) + sizes + names + [UInt8](repeating: 0, count: 12) + little(offset)
            list += Array(name.utf8)
        }
        let count = little(UInt16(files.count))
        let end =
            little(UInt32(0x0605_4B50)) + little(UInt32(0)) + count + count + little(UInt32(list.count))
            + little(UInt32(body.count)) + little(UInt16(0))
        return body + list + end
    }
}

/// Instructions of a pickle.
struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    /// A dictionary with one tensor.
    static func tensor(
        _ name: String, storage: String = "Float", key: String = "0", count: Int, offset: Int = 0, shape: [Int],
        strides: [Int]
    ) -> Pickle {
        Pickle().code("}(").string(name).global("torch._utils", "_rebuild_tensor_v2").code("((").string("storage")
            .global("torch", "\(storage)Storage").string(key).string("cpu").integer(count).code("tQ").integer(offset)
            .tuple(shape).tuple(strides).code("\u{89}").global("collections", "OrderedDict").code(")RtRu")
    }

    func code(_ scalars: String) -> Pickle { adding(scalars.unicodeScalars.map { UInt8($0.value) }) }
    func string(_ text: String) -> Pickle { adding([0x58] + little(UInt32(text.utf8.count)) + Array(text.utf8)) }
    func integer(_ value: Int) -> Pickle { adding([0x4A] + little(UInt32(truncatingIfNeeded: value))) }
    func global(_ module: String, _ name: String) -> Pickle { adding(Array("c\(module)\n\(name)\n".utf8)) }
    func tuple(_ values: [Int]) -> Pickle { values.reduce(code("(")) { $0.integer($1) }.code("t") }

    private func adding(_ more: [UInt8]) -> Pickle {
        var result = self
        result.bytes += more
        return result
    }
}

private func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
