import Codecs
public import DataPipeline
import Digests
public import Evaluation
import Foundation
public import Media

/// Held-out items to evaluate on, from a corpus folder, a list of the user's own images, or instruction data.
public struct EvaluationData: Sendable {
    /// The items with their images.
    public let set: CaptionedSet
    /// What the training captions of the same data say.
    public let statistics: CaptionStatistics
    /// The corpus folder or the list.
    public let path: String
    /// SHA-256 over ids, right answers and image files of the items, and over the training counts.
    public let sha256: String
    /// True for rendered scenes.
    public let isGenerated: Bool
    /// True when the images are the user's own, so that all may stand in the user's own report.
    public let isOwn: Bool
    /// Records of instruction data that are no question about one image.
    public let leftOutCount: Int

    /// Reads the items of a split.
    /// - Parameters:
    ///   - path: a corpus folder, a `.jsonl` file with an image a line (``ImageList``), or questions
    ///     (``QuestionList``), all of whose questions are asked, whatever the split.
    ///   - images: the folder that the paths of a list or of questions begin at; nil for the file's own.
    ///   - limitPerSource: keeps this many items per source, spread evenly over it; `nil` keeps all.
    /// - Throws: `InputError` in one sentence: no such file, not a corpus, no captions, an image that cannot be read.
    public init(
        _ path: String, split: CorpusRecord.Split, images: String? = nil, limitPerSource: Int? = nil,
        imageProcessor: ImageProcessor
    ) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw EvaluationError(
                "\(path) does not exist: it is neither a corpus nor a list of images; check the path, or make a corpus with "
                    + "`syrinx data fetch starter`")
        }
        self.path = path
        if isFolder.boolValue {
            let corpus = try CorpusFolder(URL(fileURLWithPath: path))
            set = try CaptionedSet(corpus, split: split, limitPerSource: limitPerSource) {
                imageProcessor.pixelValues(try ImageCodec().image(from: $0))
            }
            statistics = try CaptionStatistics(corpus)
            isGenerated = corpus.index.generated
            isOwn = false
            leftOutCount = 0
            sha256 = try Self.digest(set, statistics, images: set.items.map { Digest.sha256($0.png) })
        } else if QuestionList.holdsQuestions(path) {
            let list = try QuestionList(path, images: images)
            let read = try list.set(split: split, limitPerSource: limitPerSource, imageProcessor: imageProcessor)
            set = read.set
            statistics = CaptionStatistics()
            isGenerated = false
            isOwn = true
            leftOutCount = list.leftOutCount
            sha256 = try Self.digest(set, statistics, images: read.digests)
        } else {
            let list = try ImageList(path, images: images)
            let read = try list.set(split: split, limitPerSource: limitPerSource, imageProcessor: imageProcessor)
            set = read.set
            statistics = list.statistics(of: read.set)
            isGenerated = false
            isOwn = true
            leftOutCount = 0
            sha256 = try Self.digest(set, statistics, images: read.digests)
        }
    }

    /// Whether the items are questions with answers.
    public var hasQuestions: Bool { self.set.items.contains { $0.question != nil } }

    /// Sources with a short list of kinds, whose groups can be asked for.
    public var groupSources: [String] {
        self.set.sources.filter { (2...50).contains(statistics.kinds[$0]?.count ?? 0) }
    }

    private static func digest(
        _ set: CaptionedSet, _ statistics: CaptionStatistics, images: [SHA256Digest]
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var hasher = SHA256Hasher()
        for (item, image) in zip(set.items, images) {
            let asked = item.question.map { [$0.text] + $0.answers } ?? []
            hasher.update([UInt8](try encoder.encode([item.id, item.source] + item.writtenCaptions + asked)))
            hasher.update([UInt8](try encoder.encode(item.caption)))
            hasher.update(image.hex)
        }
        hasher.update([UInt8](try encoder.encode(statistics)))
        return hasher.finalize().hex
    }
}
