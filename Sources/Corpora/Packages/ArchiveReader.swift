internal import CArchive
internal import DataPipeline
package import Foundation

/// Reads the files of Debian packages and zip archives through libarchive, one after the other, without unpacking.
package enum ArchiveReader {
    /// A file inside an archive that is larger than this is an error, so that a broken one cannot eat the memory.
    static let largestFileBytes = 1 << 28

    /// Visits the regular files of a Debian package (`.deb`: an ar archive whose `data.tar.*` holds the files).
    ///
    /// - Parameters:
    ///   - wants: asked for each path (`usr/share/...`); only files it accepts are read.
    ///   - body: given the path, the bytes, and how many bytes of the package were read so far.
    /// - Throws: ``CorpusError`` for a broken archive, or what `body` throws.
    package static func forEachFile(
        inPackage url: URL, where wants: (String) -> Bool,
        _ body: (_ path: String, _ bytes: [UInt8], _ consumed: Int) throws -> Void
    ) throws {
        let outer = try Archive(label: url.lastPathComponent)
        try outer.open { archive_read_open_filename($0, url.path, 1 << 18) }
        while let entry = try outer.nextEntry() {
            guard entry.path.hasPrefix("data.tar") else { continue }
            let source = MemberSource(outer)
            let inner = try Archive(label: url.lastPathComponent)
            try inner.open { archive in
                archive_read_open(
                    archive, Unmanaged.passUnretained(source).toOpaque(), nil,
                    { _, client, buffer in
                        guard let client else { return -1 }
                        return Unmanaged<MemberSource>.fromOpaque(client).takeUnretainedValue().read(into: buffer)
                    }, nil)
            }
            try withExtendedLifetime(source) {
                try inner.forEachFile(where: wants) { try body($0, $1, source.consumed) }
            }
            return
        }
        throw CorpusError(
            "\(url.path) has no data.tar member, so it is not a Debian package: delete it and fetch again")
    }

    /// Visits the regular files of a zip archive in memory. Parameters and errors as above.
    package static func forEachFile(
        inZip bytes: [UInt8], label: String, where wants: (String) -> Bool, _ body: (String, [UInt8]) throws -> Void
    ) throws {
        try bytes.withUnsafeBytes { buffer in
            let archive = try Archive(label: label)
            try archive.open { archive_read_open_memory($0, buffer.baseAddress, buffer.count) }
            try archive.forEachFile(where: wants, body)
        }
    }
}

/// One open archive; closed when the value goes.
private final class Archive {
    struct Entry {
        var path: String
        var isRegularFile: Bool
        var bytes: Int
    }

    let handle: OpaquePointer
    private let label: String

    init(label: String) throws {
        guard let handle = archive_read_new() else { throw CorpusError("out of memory while reading \(label)") }
        self.handle = handle
        self.label = label
        archive_read_support_filter_all(handle)
        for support in [
            archive_read_support_format_ar, archive_read_support_format_tar, archive_read_support_format_zip,
        ] {
            _ = support(handle)
        }
    }

    deinit { archive_read_free(handle) }

    func open(_ body: (OpaquePointer) -> Int32) throws {
        guard body(handle) == ARCHIVE_OK else { throw failure }
    }

    func nextEntry() throws -> Entry? {
        var entry: OpaquePointer?
        let status = archive_read_next_header(handle, &entry)
        if status == ARCHIVE_EOF { return nil }
        guard status >= ARCHIVE_WARN, let entry else { throw failure }
        guard let name = archive_entry_pathname(entry) else { return Entry(path: "", isRegularFile: false, bytes: 0) }
        var path = String(cString: name)
        if path.hasPrefix("./") { path.removeFirst(2) }
        // S_IFREG; links have no content of their own and are left out.
        let isRegularFile = archive_entry_filetype(entry) == 0o100000 && archive_entry_hardlink(entry) == nil
        return Entry(path: path, isRegularFile: isRegularFile, bytes: Int(archive_entry_size(entry)))
    }

    func forEachFile(where wants: (String) -> Bool, _ body: (String, [UInt8]) throws -> Void) throws {
        while let entry = try nextEntry() {
            guard entry.isRegularFile, wants(entry.path) else { continue }
            try body(entry.path, try content(of: entry))
        }
    }

    private func content(of entry: Entry) throws -> [UInt8] {
        // The size in a zip's local header may be unknown (0), so the content is read to its end, not to its size; and it
        // may be a lie, so memory is taken for what comes, not for what is claimed.
        guard entry.bytes <= ArchiveReader.largestFileBytes else {
            throw CorpusError(
                "\(entry.path) in \(label) has \(entry.bytes) bytes, more than the limit of \(ArchiveReader.largestFileBytes)"
            )
        }
        var bytes: [UInt8] = []
        let piece = min(max(entry.bytes, 1 << 12), 1 << 20)
        while true {
            let start = bytes.count
            bytes += [UInt8](repeating: 0, count: piece)
            let count = bytes.withUnsafeMutableBytes { buffer in
                archive_read_data(handle, buffer.baseAddress?.advanced(by: start), piece)
            }
            guard count >= 0 else { throw failure }
            bytes.removeLast(piece - count)
            if count == 0 || bytes.count == entry.bytes { return bytes }
            guard bytes.count <= ArchiveReader.largestFileBytes else {
                throw CorpusError("\(entry.path) in \(label) is longer than \(ArchiveReader.largestFileBytes) bytes")
            }
        }
    }

    private var failure: CorpusError {
        let reason = archive_error_string(handle).map { String(cString: $0) } ?? "unknown error"
        return CorpusError("\(label) cannot be read (\(reason)): delete it from the cache and fetch again")
    }
}

/// Gives the bytes of an archive's current member to another archive, piece by piece.
private final class MemberSource {
    private let archive: Archive
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    private(set) var consumed = 0

    init(_ archive: Archive) { self.archive = archive }

    deinit { buffer.deallocate() }

    func read(into target: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        target?.pointee = UnsafeRawPointer(buffer.baseAddress)
        let count = archive_read_data(archive.handle, buffer.baseAddress, buffer.count)
        consumed += max(0, count)
        return count
    }
}
