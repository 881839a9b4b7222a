internal import Files
internal import Settings

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// A text file that grows by whole lines and has one writer at a time.
///
/// Lines are appended by one system call each time, so a killed process leaves at most one cut line at the end, which
/// does not count when the file is opened again.
public final class LineFile {
    /// Why a file cannot be used.
    public enum Failure: Error {
        /// Another process is writing it.
        case inUse
        /// The system refuses, for this reason.
        case system(reason: String)
    }

    /// Where the file is.
    public let path: String
    private let descriptor: Int32
    /// Bytes up to the end of each whole line.
    private var ends: [Int] = []

    /// Opens or creates the file and keeps others from writing it.
    public init(_ path: String) throws(Failure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(reason: systemReason()) }
        var status = stat()
        let refusal =
            fstat(descriptor, &status) == 0 ? FileKind.refusal(ofMode: status.st_mode) : systemReason()
        if let refusal {
            close(descriptor)
            throw .system(reason: refusal)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse
        }
    }

    deinit { close(descriptor) }

    /// Reads the file's whole lines, in order, without their ends.
    public static func forEachLine(of path: String, _ body: (Data) throws -> Void) throws {
        if let reason = FileKind.refusal(of: path) { throw Failure.system(reason: reason) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw Failure.system(reason: plainReason(error))
        }
        var start = data.startIndex
        while let end = data[start...].firstIndex(of: 0x0A) {
            try body(data[start..<end])
            start = end + 1
        }
    }

    /// Reads the whole lines that are there and remembers where they end.
    public func readLines(_ body: (Data) throws -> Void) throws {
        ends = []
        var end = 0
        try Self.forEachLine(of: path) { line in
            try body(line)
            end += line.count + 1
            ends.append(end)
        }
    }

    /// Drops everything after the first `count` of the lines read, and writes on from there.
    public func keep(_ count: Int) throws(Failure) {
        let length = count == 0 ? 0 : ends[count - 1]
        guard ftruncate(descriptor, off_t(length)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw .system(reason: systemReason())
        }
        ends.removeLast(ends.count - count)
    }

    /// Adds text that ends with a line's end; what a full disk cut off is taken back.
    public func append(_ bytes: [UInt8]) throws(Failure) {
        let start = lseek(descriptor, 0, SEEK_END)
        do {
            try AppendFile.write(bytes, to: descriptor)
        } catch {
            _ = ftruncate(descriptor, start)
            throw .system(reason: error.reason)
        }
    }

    /// Waits until what was appended is on the disk.
    public func synchronize() throws(Failure) {
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .system(reason: systemReason())
        }
    }
}
