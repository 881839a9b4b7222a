public import Digests

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// Writes files so that a reader, or a power cut, sees the old content or the new, never a part.
///
/// The content goes to a temporary file in the same folder, is synchronised to the disk, and takes the name by renaming;
/// then the folder is synchronised too. On failure the temporary file is removed; one that a killed process left is removed
/// when the same file is written again.
public enum AtomicFile {
    /// Writes the bytes and returns their digest.
    ///
    /// - Throws: ``CheckpointError`` when the disk is too full or the file cannot be written.
    @discardableResult
    public static func write(_ bytes: [UInt8], to path: String) throws(CheckpointError) -> SHA256Digest {
        try write(to: path, byteCount: bytes.count) { (writer) throws(CheckpointError) in
            var failure: CheckpointError?
            bytes.withUnsafeBytes { bytes in
                do throws(CheckpointError) { try writer.write(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// Lets `body` write a file piece by piece and returns the digest of all of it.
    ///
    /// - Parameter byteCount: what will be written, checked against the free space first.
    static func write(
        to path: String, byteCount: Int, _ body: (Writer) throws(CheckpointError) -> Void
    ) throws(CheckpointError) -> SHA256Digest {
        if let reason = FileKind.refusal(of: path) { throw .unwritable(path: path, reason: reason) }
        let folder = FolderPath.parent(of: path)
        try DiskSpace.check(for: path, in: folder, byteCount: byteCount)
        let writer = try Writer(for: path)
        do {
            try body(writer)
            try writer.commit()
        } catch {
            writer.abandon()
            throw error
        }
        try FolderPath.synchronize(folder)
        return writer.hasher.finalize()
    }

    /// An open temporary file.
    final class Writer {
        private let path: String
        private let temporaryPath: String
        private let file: Int32
        fileprivate private(set) var hasher = SHA256Hasher()

        fileprivate init(for path: String) throws(CheckpointError) {
            self.path = path
            Leftovers.clear(of: path)
            var attempt = 0
            while true {
                let candidate = "\(path).partial-\(getpid())-\(attempt)"
                let file = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
                if file >= 0 {
                    (temporaryPath, self.file) = (candidate, file)
                    return
                }
                guard errno == EEXIST, attempt < 1000 else { throw .unwritable(path: path, reason: systemReason()) }
                attempt += 1
            }
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
            // Hashing and writing in pieces keeps both in the processor's cache.
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
                #if canImport(Darwin)
                    let count = Darwin.write(file, piece.baseAddress, piece.count)
                #else
                    let count = Glibc.write(file, piece.baseAddress, piece.count)
                #endif
                if count < 0 {
                    if errno == EINTR { continue }
                    throw .unwritable(path: path, reason: systemReason())
                }
                hasher.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
                rest = rest.dropFirst(count)
            }
        }

        fileprivate func commit() throws(CheckpointError) {
            guard fsync(file) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
            guard rename(temporaryPath, path) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
            close(file)
        }

        fileprivate func abandon() {
            close(file)
            unlink(temporaryPath)
        }
    }
}

/// What a name that is to be written stands for already.
enum FileKind {
    /// Why nothing may be written in its place: renaming would put a plain file where a device or a pipe was, for everybody.
    /// Nil for a plain file, and where there is nothing.
    static func refusal(of path: String) -> String? {
        var status = stat()
        return stat(path, &status) == 0 ? refusal(ofMode: status.st_mode) : nil
    }

    /// The same for a file's mode.
    static func refusal(ofMode mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "it is a folder; give the name of a file"
        default: "it is a device or a pipe, which cannot keep a file; give the name of a file"
        }
    }
}

/// The free space of a disk.
enum DiskSpace {
    /// - Throws: ``CheckpointError/noSpace(path:neededByteCount:availableByteCount:)`` when fewer bytes are free to
    ///   this user than needed.
    static func check(for path: String, in folder: String, byteCount: Int) throws(CheckpointError) {
        guard let available = availableByteCount(in: folder) else { return }
        if available < byteCount {
            throw .noSpace(path: path, neededByteCount: byteCount, availableByteCount: available)
        }
    }

    /// Bytes this user may still write in the folder; nil when the system does not tell.
    static func availableByteCount(in folder: String) -> Int? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        return overflow ? Int.max : bytes
    }
}

/// The few things done to folders.
enum FolderPath {
    /// The folder a path lies in, "." for a bare name.
    static func parent(of path: String) -> String {
        let trimmed = trimmed(path)
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    /// The path without slashes at its end.
    static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        return String(path)
    }

    /// Makes renames and new files in the folder survive a power cut.
    static func synchronize(_ folder: String) throws(CheckpointError) {
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw .unwritable(path: folder, reason: systemReason()) }
        defer { close(file) }
        // Some file systems cannot synchronise folders and say so; their renames are as durable as they get.
        guard fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .unwritable(path: folder, reason: systemReason())
        }
    }
}

/// The system's words for its last error.
func systemReason() -> String { String(cString: strerror(errno)) }
