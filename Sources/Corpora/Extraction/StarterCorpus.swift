public import DataPipeline
internal import Digests
public import Foundation
internal import Synchronization

/// The starter corpus: pinned Debian packages turned into captioned images, illustrated pages and text.
public struct StarterCorpus: Sendable {
    /// Changes whenever extraction would give other items from the same packages.
    public static let version = 3

    public let size: StarterSize

    public init(size: StarterSize) { self.size = size }

    /// What a manifest records of it.
    public func request(packages: [CorpusManifest.Package]) -> CorpusManifest.Request {
        .init(size: size.rawValue, extractionVersion: Self.version, packages: packages)
    }

    /// Extracts and writes the corpus, or leaves the equal one that is already there.
    ///
    /// - Parameters:
    ///   - packages: the fetched packages of ``size``.
    ///   - progress: told how many bytes of the packages are done; from several threads, never two at once per source;
    ///     what it throws ends the work and leaves what stood in the folder.
    /// - Returns: the manifest, and whether anything had to be done.
    /// - Throws: ``CorpusError``, or what `progress` throws.
    public func write(
        to folder: URL, packages: [PackageFetcher.Fetched], coding: ImageCoding,
        progress: @escaping @Sendable (_ doneBytes: Int, _ totalBytes: Int) throws -> Void = { _, _ in }
    ) throws -> (manifest: CorpusManifest, isNew: Bool) {
        let request = request(packages: packages.map(\.package))
        if let manifest = CorpusWriter.finished(request, in: folder) { return (manifest, false) }
        let context = StarterContext(packages: packages, coding: coding, progress: progress)
        var drafts = try Self.drafts(context)
        drafts = Self.withoutRepeats(drafts, context)
        let items = Self.split(drafts)
        let total = context.totalBytes
        let manifest = try CorpusWriter(folder: folder).write(
            items, request: request, generated: false, dropped: context.dropped
        ) { try progress(total, total) }
        return (manifest, true)
    }

    /// All sources in the order of their worth: of two equal images the one of the earlier source is kept.
    private static let sources: [any StarterSource] = [
        EmojiSource(), OpenClipartSource(), TuxPaintSource(), SweetHomeSource(), FlagsSource(), OxygenSource(),
        GimpHelpSource(), WordNetSource(),
    ]

    private static func drafts(_ context: StarterContext) throws -> [Draft] {
        let used = sources.filter { $0.packages.allSatisfy(context.has) }
        // One source reads (one thread of decompression) while another decodes.
        return try parallelMap(count: used.count) { try used[$0].drafts(context) }.flatMap { $0 }
    }

    /// Leaves out images that another captioned item has, or looks like.
    static func withoutRepeats(_ drafts: [Draft], _ context: StarterContext) -> [Draft] {
        var digests: Set<SHA256Digest> = []
        var likenesses: Set<SHA256Digest> = []
        return drafts.filter { draft in
            guard draft.kind == .captioned, let image = draft.images.first else { return true }
            guard digests.insert(image.digest).inserted else {
                context.drop("\(draft.source): the same image again")
                return false
            }
            guard likenesses.insert(image.likeness).inserted else {
                context.drop("\(draft.source): an image that looks the same")
                return false
            }
            return true
        }
    }
}
