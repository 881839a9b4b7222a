internal import Settings

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// Writes folders that take their name only when everything in them is on the disk.
///
/// An older folder of that name is moved aside, replaced, and then removed. A process killed between these steps leaves
/// both; writing again, or renaming by hand, puts that right, and opening the folder says so.
enum AtomicFolder {
    /// Lets `fill` write a new folder's files.
    ///
    /// - Parameter byteCount: what will be written, checked against the free space first.
    /// - Throws: ``CheckpointError``, also `fill`'s; nothing is left behind then.
    static func write(
        to path: String, byteCount: Int, _ fill: (_ folder: String) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        let path = FolderPath.trimmed(path)
        let parent = FolderPath.parent(of: path)
        do { try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw .unwritable(path: parent, reason: "the folder cannot be made: \(plainReason(error))")
        }
        Leftovers.clear(of: path)
        try DiskSpace.check(for: path, in: parent, byteCount: byteCount)
        let partial = try makeFolder(beside: path, "partial")
        do {
            try fill(partial)
            try replace(path, with: partial)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        try FolderPath.synchronize(parent)
    }

    /// A new empty folder beside the path.
    private static func makeFolder(beside path: String, _ purpose: String) throws(CheckpointError) -> String {
        for attempt in 0..<1000 {
            let candidate = "\(path).\(purpose)-\(getpid())-\(attempt)"
            if mkdir(candidate, 0o755) == 0 { return candidate }
            if errno != EEXIST { break }
        }
        throw .unwritable(path: path, reason: systemReason())
    }

    /// Gives the finished folder the name; an older one of that name is moved aside first and removed after.
    private static func replace(_ path: String, with finished: String) throws(CheckpointError) {
        try FolderPath.synchronize(finished)
        if rename(finished, path) == 0 { return }
        guard errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR else {
            throw .unwritable(path: path, reason: systemReason())
        }
        if errno == ENOTDIR { throw .unwritable(path: path, reason: "a file of that name exists") }
        let aside = try makeFolder(beside: path, "replaced")
        guard rename(path, aside) == 0 else {
            let reason = systemReason()
            rmdir(aside)
            throw .unwritable(path: path, reason: reason)
        }
        guard rename(finished, path) == 0 else {
            let reason = systemReason()
            _ = rename(aside, path)
            throw .unwritable(path: path, reason: reason)
        }
        // The new folder stands; what cannot be removed of the old one only costs space.
        try? FileManager.default.removeItem(atPath: aside)
    }
}
