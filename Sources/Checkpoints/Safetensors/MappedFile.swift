#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// A whole file mapped into memory, unmapped when the last owner is gone.
///
/// Mapped privately with write permission: whoever changes a tensor over it changes a copy of the page, never the file.
/// A file that is cut short while mapped ends the process when a lost page is touched, so checkpoints are replaced by
/// renaming, never written in place.
final class MappedFile: Sendable {
    let byteCount: Int
    // Written only by callers who own the only tensor over a page; the mapping itself never moves.
    nonisolated(unsafe) let start: UnsafeMutableRawPointer

    /// Calls `body` with the whole content, keeping the mapping meanwhile.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withExtendedLifetime(self) { body(UnsafeRawBufferPointer(start: start, count: byteCount)) }
    }

    /// - Throws: ``CheckpointError`` when the file cannot be opened, is a folder, or is empty.
    init(path: String) throws(CheckpointError) {
        // Not blocking: opening a pipe that nobody writes to must not hang.
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "it is not a file") }
        byteCount = Int(status.st_size)
        guard byteCount > 0 else { throw .malformed(path: path, reason: "it is empty") }
        // Nobody changes most pages, so no memory is to be set aside for changing them all.
        guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0),
            memory != MAP_FAILED
        else {
            throw .unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        start = memory
    }

    /// Lets the system take back the whole pages within a range of bytes; who reads them again gets the file's content.
    func giveBack(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        if first < end { madvise(start + first, end - first, MADV_DONTNEED) }
    }

    deinit { munmap(start, byteCount) }
}
