#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The bytes of a regular file, refused by its size before anything is read; of a longer file the first `prefix`.
package func readFile(_ path: String, limit: Int, prefix: Int = .max) throws(CodecError) -> [UInt8] {
    // The system would take what stands before the zero for the name, and read another file.
    guard !path.utf8.contains(0) else { throw .unreadable(reason: "its name holds a zero character") }
    // Not blocking: opening a pipe that nobody writes to must not hang.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(reason: systemReason()) }
    if status.st_mode & S_IFMT == S_IFDIR { throw .unreadable(reason: "it is a folder, name a file in it") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(reason: "it is not a regular file") }
    let byteCount = Int(status.st_size)
    guard byteCount <= limit else { throw .tooManyBytes(count: byteCount, limit: limit) }
    let size = min(byteCount, prefix)
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = 0
        while count < size {
            let received = read(descriptor, buffer.baseAddress! + count, size - count)
            if received < 0 && errno == EINTR { continue }
            failed = received < 0
            if received <= 0 { break }
            count += received
        }
    }
    guard !failed else { throw .unreadable(reason: systemReason()) }
    return bytes
}

private func systemReason() -> String { String(cString: strerror(errno)) }
