import Media

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a person names where a file is expected: a path, `-` or `/dev/stdin` for standard input, `/dev/fd/N` for what a
/// shell hands over, and, where an image is expected, a `data:` URL. Web addresses are refused.
package func readInput(_ name: String, limit: Int) throws(CodecError) -> [UInt8] {
    switch ImageAddress(name) {
    case .web: throw .unreadable(reason: ImageAddress.webRefusal)
    case .dataURL(let text):
        // Three bytes in four digits.
        guard text.utf8.count / 4 * 3 <= limit else {
            throw .tooManyBytes(count: text.utf8.count / 4 * 3, limit: limit)
        }
        guard let url = DataURL(text) else {
            throw .unreadable(
                reason: "it is not a complete data URL, data:image/png;base64,... with the image in base64")
        }
        return url.bytes
    case .path(let path):
        guard let descriptor = inputDescriptor(path) else { return try readFile(path, limit: limit) }
        return try readToEnd(descriptor, limit: limit)
    }
}

/// The open file that a path means; nil for a path like any other.
package func inputDescriptor(_ path: String) -> CInt? {
    if path == "-" || path == "/dev/stdin" { return STDIN_FILENO }
    guard path.hasPrefix("/dev/fd/") else { return nil }
    return CInt(path.dropFirst("/dev/fd/".utf8.count))
}

/// Everything that comes until the writer is done, refused as soon as it is too much.
private func readToEnd(_ descriptor: CInt, limit: Int) throws(CodecError) -> [UInt8] {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let received = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if received < 0 && errno == EINTR { continue }
        guard received >= 0 else { throw .unreadable(reason: systemReason()) }
        if received == 0 { return bytes }
        bytes += block[..<received]
        guard bytes.count <= limit else { throw .tooManyBytes(count: bytes.count, limit: limit) }
    }
}

/// The bytes of a regular file, refused by its size before anything is read; of a longer file the first `prefix`.
package func readFile(_ path: String, limit: Int, prefix: Int = .max) throws(CodecError) -> [UInt8] {
    // The system would take what stands before the zero for the name, and read another file.
    guard !path.utf8.contains(0) else { throw .unreadable(reason: "its name contains a zero character") }
    // Not blocking: opening a pipe that nobody writes to must not hang.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(reason: systemReason()) }
    if status.st_mode & S_IFMT == S_IFDIR { throw .unreadable(reason: "it is a folder; name a file in it") }
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
