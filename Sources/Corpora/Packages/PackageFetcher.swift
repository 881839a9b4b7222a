public import DataPipeline
internal import Digests
public import Foundation

/// Brings pinned Debian packages into a folder with the system's own package client, without root or installing.
///
/// A package that is already there with the right hash is not fetched again; what is being fetched lies in a folder of
/// its own until its hash is known, so an interruption leaves nothing half-done.
public struct PackageFetcher: Sendable {
    /// A package file in the cache.
    public struct Fetched: Hashable, Sendable {
        public var package: CorpusManifest.Package
        public var file: URL

        /// Pairs a package with its file.
        public init(package: CorpusManifest.Package, file: URL) {
            self.package = package
            self.file = file
        }
    }

    /// Where the package files are kept.
    public let cache: URL
    /// Accepts another version if the pinned one is unavailable.
    public let allowsUnpinned: Bool

    public init(cache: URL, allowsUnpinned: Bool = false) {
        self.cache = cache
        self.allowsUnpinned = allowsUnpinned
    }

    /// The file in the cache that satisfies the pin; with ``allowsUnpinned``, else the newest of that name.
    public func cached(_ pin: PackagePin) throws -> Fetched? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.path)) ?? []
        let files = names.filter { $0.hasPrefix(pin.name + "_") && $0.hasSuffix(".deb") }.sorted().map {
            cache.appendingPathComponent($0)
        }
        for file in files {
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            guard (attributes[.size] as? NSNumber)?.intValue == pin.bytes else { continue }
            if try Digest.sha256(fileAt: file.path).hex == pin.sha256 { return fetched(pin, file, sha256: pin.sha256) }
        }
        guard allowsUnpinned, let last = files.last else { return nil }
        return fetched(pin, last, sha256: try Digest.sha256(fileAt: last.path).hex)
    }

    /// Fetches the package unless it is in the cache.
    ///
    /// - Parameter progress: told the bytes on the disk and the bytes expected, several times a second; what it throws
    ///   ends the download and removes what was loaded.
    /// - Throws: ``CorpusError`` when there is no package client, the network fails, or the pinned version is not
    ///   served.
    public func fetch(_ pin: PackagePin, progress: (_ loaded: Int, _ total: Int) throws -> Void) throws -> Fetched {
        if let file = try cached(pin) { return file }
        let client = try PackageClient.find()
        let folder = cache.appendingPathComponent(".loading-\(ProcessInfo.processInfo.processIdentifier)-\(pin.name)")
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let watch = { try progress(Self.bytes(in: folder), pin.bytes) }
        do {
            try client.download("\(pin.name)=\(pin.version)", into: folder, lists: cache, watch: watch)
        } catch let error as PackageClient.NotServed {
            guard allowsUnpinned else {
                throw CorpusError(
                    "\(pin.name) \(pin.version) is unavailable (\(error.reason)): pass --unpinned to accept the available version, which makes another corpus with other scores"
                )
            }
            do {
                try client.download(pin.name, into: folder, lists: cache, watch: watch)
            } catch let error as PackageClient.NotServed {
                throw CorpusError(
                    "\(pin.name) is unavailable (\(error.reason)): the starter corpus needs a Debian or Ubuntu archive; 'syrinx data fetch scenes' renders a corpus without one"
                )
            }
        }
        return try keep(pin, from: folder)
    }

    private func keep(_ pin: PackagePin, from folder: URL) throws -> Fetched {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".deb") }
        guard let name = names.first else {
            throw CorpusError(
                "the package client ended without an error but without a file of \(pin.name): run the command again")
        }
        let loaded = folder.appendingPathComponent(name)
        let sha256 = try Digest.sha256(fileAt: loaded.path).hex
        guard sha256 == pin.sha256 || allowsUnpinned else {
            throw CorpusError(
                "\(name) has SHA-256 \(sha256), but the pinned one is \(pin.sha256): fetch again, or pass --unpinned to accept it, which makes another corpus"
            )
        }
        let kept = cache.appendingPathComponent(name)
        // In one step: another process may be keeping the same file.
        guard rename(loaded.path, kept.path) == 0 else {
            throw CorpusError("\(kept.path) cannot be written: \(String(cString: strerror(errno)))")
        }
        return fetched(pin, kept, sha256: sha256)
    }

    /// The version stands in the file's name, with a colon written as %3a.
    private func fetched(_ pin: PackagePin, _ file: URL, sha256: String) -> Fetched {
        let pieces = file.lastPathComponent.split(separator: "_")
        let version = pieces.count > 1 ? pieces[1].replacingOccurrences(of: "%3a", with: ":") : pin.version
        return Fetched(
            package: .init(name: pin.name, version: version, sha256: sha256, pinned: sha256 == pin.sha256), file: file)
    }

    private static func bytes(in folder: URL) -> Int {
        let files =
            (try? FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: [.fileSizeKey])) ?? []
        return files.reduce(0) { $0 + ((try? $1.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0) }
    }
}
