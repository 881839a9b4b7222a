internal import Digests
internal import Foundation

/// Writes members into uncompressed POSIX (ustar) tar files of bounded size and remembers where each lies.
///
/// Owner, mode and time are constants, so equal members in equal order give equal bytes.
struct ShardWriter {
    private static let blockBytes = 512

    private let folder: URL
    private let shardBytes: Int
    private var block: [UInt8] = []
    private var file: FileHandle?
    private var fileOffset = 0
    private var hasher = SHA256Hasher()
    private(set) var shards: [CorpusIndex.Shard] = []

    /// Prepares to write `shard-00000.tar`, `shard-00001.tar`, ... into the folder, each about `shardBytes` long.
    init(folder: URL, shardBytes: Int = 64 << 20) {
        self.folder = folder
        self.shardBytes = shardBytes
    }

    /// Appends one item's members, all into the same shard.
    ///
    /// - Returns: the shard's index and the members' places in order.
    /// - Throws: ``CorpusError`` for a name longer than 100 bytes; the file system's error when writing fails.
    mutating func append(_ members: [(name: String, bytes: [UInt8])]) throws -> (shard: Int, spans: [CorpusIndex.Span])
    {
        if fileOffset >= shardBytes { try closeShard() }
        var spans: [CorpusIndex.Span] = []
        for member in members {
            let header = try Self.header(name: member.name, length: member.bytes.count)
            spans.append(.init(offset: fileOffset + header.count, length: member.bytes.count))
            try write(header)
            try write(member.bytes)
            let rest = member.bytes.count % Self.blockBytes
            if rest > 0 { try write([UInt8](repeating: 0, count: Self.blockBytes - rest)) }
        }
        return (shards.count, spans)
    }

    /// Ends the last shard.
    mutating func finish() throws {
        if file != nil { try closeShard() }
    }

    private mutating func write(_ bytes: [UInt8]) throws {
        if file == nil {
            let url = folder.appendingPathComponent(Self.fileName(shards.count))
            guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
                throw CorpusError("cannot create \(url.path): check the folder's permissions and the free space")
            }
            file = try FileHandle(forWritingTo: url)
        }
        block += bytes
        fileOffset += bytes.count
        if block.count >= 1 << 20 { try flush() }
    }

    private mutating func flush() throws {
        hasher.update(block)
        try file?.write(contentsOf: Data(block))
        block.removeAll(keepingCapacity: true)
    }

    /// Two empty blocks end a tar file.
    private mutating func closeShard() throws {
        try write([UInt8](repeating: 0, count: 2 * Self.blockBytes))
        try flush()
        try file?.synchronize()
        try file?.close()
        shards.append(
            .init(file: Self.fileName(shards.count), bytes: fileOffset, sha256: hasher.finalize().hex))
        file = nil
        fileOffset = 0
        hasher = SHA256Hasher()
    }

    private static func fileName(_ number: Int) -> String {
        let digits = String(number)
        return "shard-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".tar"
    }

    /// One ustar header (POSIX.1-1988): name, mode, owner, size, time, checksum, type, magic.
    static func header(name: String, length: Int) throws -> [UInt8] {
        var header = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, width: Int) -> String {
            let digits = String(value, radix: 8)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        guard name.utf8.count <= 100 else {
            throw CorpusError(
                "the member name \(name) has \(name.utf8.count) bytes, more than the 100 that a shard allows")
        }
        put(name, at: 0)
        put(octal(0o644, width: 7), at: 100)
        put(octal(0, width: 7), at: 108)
        put(octal(0, width: 7), at: 116)
        put(octal(length, width: 11), at: 124)
        put(octal(0, width: 11), at: 136)
        put("        ", at: 148)
        header[156] = UInt8(ascii: "0")
        put("ustar", at: 257)
        put("00", at: 263)
        put("root", at: 265)
        put("root", at: 297)
        let checksum = header.reduce(0) { $0 + Int($1) }
        put(octal(checksum, width: 6), at: 148)
        header[154] = 0
        header[155] = UInt8(ascii: " ")
        return header
    }
}
