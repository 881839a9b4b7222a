public import DataPipeline
public import Foundation
internal import Terminal

/// Fetches the packages of the starter corpus and extracts it, with progress on standard error.
///
/// What is already there is not done again: a whole corpus of the same pins is left alone without looking at the
/// packages, and a package file with the right hash is not fetched.
public struct StarterFetch: Sendable {
    /// What came of it.
    public struct Outcome: Sendable {
        /// The corpus that now stands in the folder.
        public var manifest: CorpusManifest
        /// False when an equal corpus was there already.
        public var isNew: Bool
        /// Why rendered scenes stand in for the starter corpus; nil when they do not.
        public var replacedBecause: String?
        /// Bytes of package files fetched now, and the seconds that took.
        public var downloadedBytes: Int = 0
        public var downloadSeconds: Double = 0
        /// Seconds of extraction (or rendering) and writing.
        public var extractionSeconds: Double = 0

        /// A corpus and whether it was made now.
        public init(manifest: CorpusManifest, isNew: Bool, replacedBecause: String? = nil) {
            self.manifest = manifest
            self.isNew = isNew
            self.replacedBecause = replacedBecause
        }
    }

    /// Scenes that stand in for the starter corpus.
    public static let sceneCount = 6_000

    public var size: StarterSize
    /// The corpus folder.
    public var output: URL
    /// Where package files are kept.
    public var cache: URL
    /// Accepts another version if the pinned one is unavailable.
    public var allowsUnpinned: Bool
    /// Renders scenes if the packages are unavailable.
    public var generatesOtherwise: Bool

    public init(
        size: StarterSize, output: URL, cache: URL, allowsUnpinned: Bool = false, generatesOtherwise: Bool = false
    ) {
        self.size = size
        self.output = output
        self.cache = cache
        self.allowsUnpinned = allowsUnpinned
        self.generatesOtherwise = generatesOtherwise
    }

    /// Does it; Ctrl-C ends it with everything whole.
    ///
    /// - Throws: ``CorpusError``, `Interrupted`, or the file system's error.
    public func run(coding: ImageCoding) throws -> Outcome {
        InterruptFlag.install()
        let pins = PackagePin.starter(size)
        let corpus = StarterCorpus(size: size)
        let pinned = pins.map {
            CorpusManifest.Package(name: $0.name, version: $0.version, sha256: $0.sha256, pinned: true)
        }
        if let manifest = CorpusWriter.finished(corpus.request(packages: pinned), in: output) {
            return Outcome(manifest: manifest, isNew: false)
        }
        let fetched: [PackageFetcher.Fetched]
        var outcome: Outcome
        let start = ContinuousClock.now
        var downloaded = 0
        do {
            (fetched, downloaded) = try fetch(pins)
        } catch let error as CorpusError where generatesOtherwise {
            return try generate(because: error.description, coding: coding)
        }
        let middle = ContinuousClock.now
        let bar = ProgressBar("extracting", total: pins.reduce(0) { $0 + $1.bytes } / 1_000_000, unit: "MB")
        let (manifest, isNew) = try corpus.write(to: output, packages: fetched, coding: coding) { done, _ in
            try InterruptFlag.check()
            bar.update(done / 1_000_000)
        }
        bar.finish()
        outcome = Outcome(manifest: manifest, isNew: isNew)
        outcome.downloadedBytes = downloaded
        outcome.downloadSeconds = Self.seconds(middle - start)
        outcome.extractionSeconds = Self.seconds(.now - middle)
        return outcome
    }

    private func fetch(_ pins: [PackagePin]) throws -> (files: [PackageFetcher.Fetched], downloadedBytes: Int) {
        let fetcher = PackageFetcher(cache: cache, allowsUnpinned: allowsUnpinned)
        var downloaded = 0
        let files = try pins.enumerated().map { index, pin in
            if let file = try fetcher.cached(pin) { return file }
            let bar = ProgressBar(
                "package \(index + 1) of \(pins.count), \(pin.name) (\(pin.purpose))", total: pin.bytes / 1_000,
                unit: "kB")
            let file = try fetcher.fetch(pin) { loaded, _ in
                try InterruptFlag.check()
                bar.update(loaded / 1_000)
            }
            bar.update(pin.bytes / 1_000)
            bar.finish()
            downloaded += pin.bytes
            return file
        }
        return (files, downloaded)
    }

    private func generate(because reason: String, coding: ImageCoding) throws -> Outcome {
        let start = ContinuousClock.now
        let bar = ProgressBar("rendering scenes", total: Self.sceneCount + 2 * (Self.sceneCount / 8))
        let (manifest, isNew) = try SceneCorpus(count: Self.sceneCount).write(to: output, coding: coding) { done, _ in
            try InterruptFlag.check()
            bar.update(done)
        }
        bar.finish()
        var outcome = Outcome(manifest: manifest, isNew: isNew, replacedBecause: reason)
        outcome.extractionSeconds = Self.seconds(.now - start)
        return outcome
    }

    private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
}
