import Digests
import Foundation
public import Media

/// A file of instruction data: a JSON list or JSON lines, records in any form of ``ConversationRecord``.
///
/// The file is mapped; only the place of every record is kept in memory.
public final class ConversationFile: ConversationStore {
    public let name: String
    private let data: Data
    private let records: [RecordScanner.Record]
    private let imageFolder: URL
    private let heldOutShare: Double
    private let maximumImageByteCount: Int
    package let identity: String
    public let unreadKeys: UnreadKeys

    /// Opens a file and finds its records.
    ///
    /// - Parameters:
    ///   - images: the folder that the records' paths begin at; nil for the file's own.
    ///   - heldOutShare: share of the images (of the records, where they have none) that is kept for validation. It
    ///     follows from the paths alone, so it stays when the file grows.
    /// - Throws: ``DataError`` where there is no such file, no record in it, or it is cut off.
    public init(
        _ path: String, images: String? = nil, heldOutShare: Double = 0, limits: DecodeLimits = .default
    ) throws(DataError) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
            throw DataError("\(path) cannot be read: check the path of the instruction data and its permissions")
        }
        self.data = data
        name = path
        let result = data.withUnsafeBytes { bytes in
            Result { () throws(DataError) in
                (try RecordScanner.records(in: bytes, name: path), Digest.sha256(bytes).hex)
            }
        }
        let scanned: (records: [RecordScanner.Record], unreadKeys: UnreadKeys)
        (scanned, identity) = try result.get()
        (records, unreadKeys) = scanned
        guard !records.isEmpty else {
            throw DataError("\(path) has no records; write a list of records, or one record per line")
        }
        imageFolder =
            images.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? URL(fileURLWithPath: path).deletingLastPathComponent()
        self.heldOutShare = heldOutShare
        maximumImageByteCount = limits.maximumByteCount
    }

    public var count: Int { records.count }

    /// Records that have images.
    public var imageRecordCount: Int { records.count(where: \.hasImages) }

    package func hasImages(_ number: Int) -> Bool { records[number].hasImages }

    package func split(of number: Int) -> CorpusSplit {
        Double(records[number].group >> 11) * 0x1p-53 < heldOutShare ? .val : .train
    }

    package func conversation(_ number: Int) throws -> Conversation {
        let record = records[number]
        return try data.withUnsafeBytes { bytes in
            try ConversationRecord.conversation(
                UnsafeRawBufferPointer(rebasing: bytes[record.offset..<record.offset + record.length]),
                name: "record \(number) of \(name)", id: "\(number)")
        }
    }

    package func image(_ image: Int, of number: Int) throws -> [UInt8] {
        let path = URL(fileURLWithPath: try conversation(number).images[image], relativeTo: imageFolder).path
        // Attributes are a link's own, and data sets are often folders of links.
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
        if let attributes, attributes[.type] as? FileAttributeType == .typeDirectory {
            throw DataError("the image \(path.shortened()) is a folder; name a file in it")
        }
        // Anything but a plain file could block for ever, and no size could be asked for.
        guard let attributes, attributes[.type] as? FileAttributeType == .typeRegular else {
            throw DataError(
                "the image \(path.shortened()) does not exist; set the folder that paths start from (data.instructions.pictures, or --images)"
            )
        }
        let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        guard size <= maximumImageByteCount else {
            throw DataError(
                "the image \(path.shortened()) has \(size) bytes, more than the limit of \(maximumImageByteCount)"
            )
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw DataError("the image \(path.shortened()) cannot be read: check its permissions")
        }
        return [UInt8](bytes)
    }

    package func quarantineEntry(_ number: Int, reason: String) -> QuarantineEntry {
        let id = (try? conversation(number))?.id
        return QuarantineEntry(
            id: "\(name)#\(number)", source: name, shard: name, reason: (id.map { "\($0): " } ?? "") + reason)
    }
}
