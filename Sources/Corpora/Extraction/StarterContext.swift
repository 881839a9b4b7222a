internal import DataPipeline
internal import Foundation
internal import Synchronization

/// What the sources of the starter corpus share: the package files, the codecs, the count of what was left out.
final class StarterContext: Sendable {
    let coding: ImageCoding
    private let packages: [String: PackageFetcher.Fetched]
    private let progress: @Sendable (_ doneBytes: Int, _ totalBytes: Int) throws -> Void
    private let state = Mutex(State())

    private struct State {
        var doneBytes = 0
        var dropped: [String: Int] = [:]
    }

    /// Bytes of all packages together.
    let totalBytes: Int

    init(
        packages: [PackageFetcher.Fetched], coding: ImageCoding,
        progress: @escaping @Sendable (_ doneBytes: Int, _ totalBytes: Int) throws -> Void
    ) {
        self.coding = coding
        self.progress = progress
        self.packages = Dictionary(packages.map { ($0.package.name, $0) }) { $1 }
        totalBytes = packages.reduce(0) { $0 + Self.length(of: $1.file) }
    }

    private static func length(of file: URL) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    /// Items left out so far, by source and reason.
    var dropped: [String: Int] { state.withLock { $0.dropped } }

    func drop(_ reason: String, count: Int = 1) {
        guard count > 0 else { return }
        state.withLock { $0.dropped[reason, default: 0] += count }
    }

    func has(_ package: String) -> Bool { packages[package] != nil }

    private func bytes(_ package: String) -> Int {
        packages[package].map { Self.length(of: $0.file) } ?? 0
    }

    func provenance(_ package: String, path: String, licence: String, creator: String? = nil) -> CorpusRecord.Provenance
    {
        .init(
            package: package, version: packages[package]?.package.version ?? "", path: path, licence: licence,
            creator: creator)
    }

    /// Visits the files of a package.
    ///
    /// - Parameter thenMaps: reading counts as half of the package's bytes, ``parallelMap`` as the other half.
    func forEachFile(
        in package: String, thenMaps: Bool = false, where wants: (String) -> Bool,
        _ body: (String, [UInt8]) throws -> Void
    ) throws {
        guard let file = packages[package]?.file else {
            throw CorpusError("the package \(package) is needed but was not fetched: fetch a size that includes it")
        }
        let parts = thenMaps ? 2 : 1
        let total = bytes(package) / parts
        var reported = 0
        try ArchiveReader.forEachFile(inPackage: file, where: wants) { path, bytes, consumed in
            let now = min(total, consumed / parts)
            try advance(now - reported)
            reported = now
            try body(path, bytes)
        }
        try advance(total - reported)
    }

    /// Maps on all cores; all of it counts as the other half of the package's bytes.
    func parallelMap<Result: Sendable>(
        _ count: Int, of package: String, _ body: @Sendable (Int) throws -> Result
    ) throws -> [Result] {
        let total = bytes(package) / 2
        let results = try Corpora.parallelMap(
            count: count,
            progress: { done, count in try self.advance(total * done / count - total * (done - 1) / count) }, body)
        if count == 0 { try advance(total) }
        return results
    }

    private func advance(_ bytes: Int) throws {
        let done = state.withLock { state in
            state.doneBytes += bytes
            return state.doneBytes
        }
        try progress(min(done, totalBytes), totalBytes)
    }
}

/// A source of the starter corpus: a name, the packages it reads, and how items come out of them.
protocol StarterSource: Sendable {
    /// All must be there for the source to be used; the first is the one that counts for progress.
    var packages: [String] { get }
    func drafts(_ context: StarterContext) throws -> [Draft]
}
