internal import Settings
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// Keeps a folder for one owner: whoever asks for it meanwhile, in this process or another, is told that it is taken.
///
/// The system holds the lock, so a killed process leaves none behind; the empty file `.lock` that carries it stays. On file
/// systems that know no locks nothing is kept from anybody.
public final class FolderLock: Sendable {
    private static let fileName = ".lock"
    private let descriptor: Mutex<Int32?>

    /// Takes a folder that exists; nil where somebody else has it.
    /// - Throws: ``CheckpointError`` where its file cannot be made.
    public init?(_ folder: String) throws(CheckpointError) {
        let path = "\(folder)/\(Self.fileName)"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
        if flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(file)
            return nil
        }
        descriptor = Mutex(file)
    }

    /// Gives the folder back before the object's end.
    public func release() {
        descriptor.withLock { file in
            if let file { close(file) }
            file = nil
        }
    }

    deinit { release() }
}
