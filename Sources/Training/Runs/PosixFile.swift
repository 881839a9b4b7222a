import Files

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file operations that checkpoints and logs need beyond Foundation: durable, all-or-nothing.
enum PosixFile {
    /// Writes all bytes, whatever a single call accepts.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
        do {
            try AppendFile.write(bytes, to: descriptor)
        } catch {
            throw TrainingError("cannot write \(path): \(error.reason)")
        }
    }

    /// Writes a file beside its name, forces it to disk and renames it: a reader sees the old or the new content, whole.
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        let aside = path + ".partial"
        let descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw TrainingError("cannot write \(path): \(reason())") }
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw TrainingError("cannot write \(path) to disk: \(reason())") }
        guard rename(aside, path) == 0 else { throw TrainingError("cannot rename \(aside) to \(path): \(reason())") }
    }

    /// Forces a file's or folder's content to disk; for a folder that is the list of its entries.
    static func synchronize(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TrainingError("cannot open \(path): \(reason())") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw TrainingError("cannot write \(path) to disk: \(reason())") }
    }

    /// The whole file.
    static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TrainingError(
                "cannot read \(path): \(access(path, F_OK) == 0 ? "permission denied" : "no such file")")
        }
        return Array(data)
    }

    /// Bytes free for us on the disk that holds `path`.
    static func freeBytes(at path: String) -> Int? {
        var information = statvfs()
        guard statvfs(path, &information) == 0 else { return nil }
        return Int(information.f_bavail) * Int(information.f_frsize)
    }

    /// The file's length in bytes; nil if there is none.
    static func size(_ path: String) -> Int? {
        var information = stat()
        return stat(path, &information) == 0 ? Int(information.st_size) : nil
    }

    static func reason() -> String { String(cString: strerror(errno)) }
}
