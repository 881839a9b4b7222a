internal import DataPipeline
internal import Foundation

/// `apt-get`, used for downloading alone: no root, nothing installed, the system's lists left as they are.
struct PackageClient {
    /// The archive has no such package or version.
    struct NotServed: Error { var reason: String }

    private let program: URL

    /// Finds the package client on this machine.
    ///
    /// - Throws: ``CorpusError`` where there is none.
    static func find() throws -> PackageClient {
        let path = "/usr/bin/apt-get"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw CorpusError(
                "there is no package client (apt-get) on this machine: the starter corpus needs Debian or Ubuntu; pass --or-generate, or use 'syrinx data fetch scenes', for rendered scenes instead"
            )
        }
        return PackageClient(program: URL(fileURLWithPath: path))
    }

    /// Downloads one package file into a folder.
    ///
    /// Where the system's package lists are missing or too old, a private copy of them is made under `lists` (again
    /// without root) and the download is tried once more.
    func download(_ package: String, into folder: URL, lists: URL, watch: () throws -> Void) throws {
        let own = try privateLists(lists)
        if let failure = try run(["download", package], options: [], in: folder, watch: watch) {
            if try run(["update"], options: own, in: folder, watch: watch) != nil {
                // Without lists of our own the first answer stands.
                throw classified(failure)
            }
            if let failure = try run(["download", package], options: own, in: folder, watch: watch) {
                throw classified(failure)
            }
        }
    }

    private func privateLists(_ cache: URL) throws -> [String] {
        let root = cache.appendingPathComponent(".apt")
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            try FileManager.default.createDirectory(
                at: root.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        return [
            "-o", "Dir::State::lists=\(root.path)/state/lists", "-o", "Dir::Cache=\(root.path)/cache",
            "-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1",
        ]
    }

    /// Runs the client; nil when it succeeded, otherwise what it said.
    private func run(
        _ arguments: [String], options: [String], in folder: URL, watch: () throws -> Void
    ) throws -> String? {
        let process = Process()
        process.executableURL = program
        process.arguments = ["-q"] + options + arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C.UTF-8"]) { $1 }
        let log = folder.appendingPathComponent("client.log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        do {
            while process.isRunning {
                Thread.sleep(forTimeInterval: 0.1)
                try watch()
            }
        } catch {
            process.terminate()
            process.waitUntilExit()
            throw error
        }
        process.waitUntilExit()
        try? output.close()
        let said = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        try? FileManager.default.removeItem(at: log)
        if process.terminationStatus == 0 { return nil }
        let errors = said.split(separator: "\n").filter { $0.hasPrefix("E:") }.map { $0.dropFirst(2) }
        return errors.isEmpty
            ? "apt-get ended with status \(process.terminationStatus)"
            : errors.joined(separator: ";").trimmingCharacters(in: .whitespaces)
    }

    private func classified(_ failure: String) -> any Error {
        if failure.contains("was not found") || failure.contains("Unable to locate")
            || failure.contains("No packages found")
        {
            return NotServed(reason: failure)
        }
        return CorpusError(
            "the download failed (\(failure)): check the network and run the command again, which keeps complete files; or pass --or-generate for rendered scenes instead"
        )
    }
}
