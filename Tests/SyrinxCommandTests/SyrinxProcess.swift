import Foundation
import SyrinxCommand

/// One run of the `syrinx` program that was built beside these tests.
struct SyrinxProcess {
    var status: Int32
    var output: String
    var errors: String

    /// Where the program is: in the folder of the test bundle.
    static let program: URL = {
        #if canImport(Darwin)
            let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
            return bundle.bundleURL.deletingLastPathComponent().appendingPathComponent("syrinx")
        #else
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            return tests.deletingLastPathComponent().appendingPathComponent("syrinx")
        #endif
    }()

    /// Runs the program to its end.
    /// - Parameters:
    ///   - arguments: what follows the program's name.
    ///   - changes: variables to set, or to remove where the value is nil, in this process's environment.
    ///   - input: what it reads from standard input; nothing where it is left out.
    ///   - inputFromTerminal: whether the input is typed at a terminal, in at most a few thousand characters.
    ///   - errorsToTerminal: whether its standard error is a terminal, for a few lines.
    ///   - fileSizeLimit: bytes after which writing a file fails, as it does on a full disk; nil for none.
    static func run(
        _ arguments: [String], environment changes: [String: String?] = [:], input: String? = nil,
        inputFromTerminal: Bool = false, errorsToTerminal: Bool = false, fileSizeLimit: Int? = nil
    ) throws -> SyrinxProcess {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let fileSizeLimit {
            // The shell's unit is 512 bytes; an ignored SIGXFSZ turns the signal into an error of the write.
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let script = "ulimit -f \(fileSizeLimit / 512); trap '' XFSZ; exec \"$0\" \"$@\""
            process.arguments = ["-c", script, program.path] + arguments
        }
        var environment = ProcessInfo.processInfo.environment
        if errorsToTerminal { environment["TERM"] = "xterm" }
        for (name, value) in changes { environment[name] = value }
        process.environment = environment
        // Files, not pipes: neither output can fill up and stop the program.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["output", "errors"].map { folder.appendingPathComponent($0) }
        for path in paths { try Data().write(to: path) }
        process.standardInput = FileHandle.nullDevice
        let keyboard = inputFromTerminal ? try Terminal() : nil
        if let keyboard {
            process.standardInput = keyboard.program
        } else if let input {
            let path = folder.appendingPathComponent("input")
            try Data(input.utf8).write(to: path)
            process.standardInput = try FileHandle(forReadingFrom: path)
        }
        process.standardOutput = try FileHandle(forWritingTo: paths[0])
        process.standardError = try FileHandle(forWritingTo: paths[1])
        let terminal = errorsToTerminal ? try Terminal() : nil
        if let terminal { process.standardError = terminal.program }
        try process.run()
        try keyboard?.type(input ?? "")
        process.waitUntilExit()
        try terminal?.written().write(to: paths[1])
        let texts = try paths.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        return SyrinxProcess(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }
}

extension SyrinxProcess {
    /// Runs a command line that is refused inside this process: starting the program takes a quarter of a second each time,
    /// mostly for libtorch.
    static func refusal(_ arguments: [String]) -> SyrinxProcess {
        let (message, status) = SyrinxCommand.outcome(of: arguments)
        return SyrinxProcess(status: status, output: "", errors: message + "\n")
    }
}

/// A terminal that a program can be given: what it writes waits in the system's buffer of a few thousand bytes.
private struct Terminal {
    /// The program's side.
    let program: FileHandle
    private let reader: FileHandle

    init() throws {
        var own: Int32 = -1, other: Int32 = -1
        guard openpty(&own, &other, nil, nil, nil) == 0 else { throw POSIXError(.ENOTTY) }
        reader = FileHandle(fileDescriptor: own, closeOnDealloc: true)
        program = FileHandle(fileDescriptor: other, closeOnDealloc: true)
    }

    /// Types lines, and the sign that nothing follows.
    func type(_ lines: String) throws { try reader.write(contentsOf: Data((lines + "\u{4}").utf8)) }

    /// What was written, once the program has ended.
    func written() throws -> Data {
        _ = fcntl(reader.fileDescriptor, F_SETFL, O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(reader.fileDescriptor, &bytes, bytes.count)
        return Data(bytes.prefix(max(0, count)))
    }
}
