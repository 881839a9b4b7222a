import Checkpoints
import Codecs
import Digests
import Processors
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The questions of a batch: a file of them, or images or videos with one question.
public struct BatchInput: Sendable {
    /// What messages call it.
    public let name: String
    /// Questions.
    public let count: Int
    /// SHA-256 of what decides the questions, 64 hexadecimal digits: a file's bytes; or the question, and name and size of
    /// every file. What stands in images and videos themselves is not part of it.
    public let fingerprint: String
    /// The question about each file; nil where every line has its own.
    let question: String?
    private let source: Source

    private enum Source: Sendable {
        case questions(QuestionFile, folder: URL)
        case files([String], areVideos: Bool, question: String)
    }

    /// A file of questions (``QuestionFile``), or `-` for standard input, whose paths begin where the command runs.
    /// - Parameter images: the folder that the questions' paths begin at; nil for the file's own.
    /// - Throws: `CodecError` when the file cannot be read, `SyrinxError` when it has no questions, or two with the same id.
    public init(linesOf path: String, images: String? = nil) throws {
        let isPiped = inputDescriptor(path) != nil
        let url = URL(fileURLWithPath: isPiped ? "./-" : path)
        let data: Data
        do {
            if isPiped {
                data = Data(try readInput(path, limit: Self.pipedByteLimit))
            } else {
                _ = try readFile(path, limit: .max, prefix: 1)
                data = try Data(contentsOf: url, options: .mappedIfSafe)
            }
        } catch let error as CodecError {
            throw CodecError.inFile(path: path, error)
        }
        let file: QuestionFile
        do {
            file = try QuestionFile(data, name: path)
        } catch {
            throw SyrinxError(error.description)
        }
        name = path
        question = nil
        count = file.count
        var hasher = SHA256Hasher()
        data.withUnsafeBytes { hasher.update($0) }
        if let images { hasher.update("paths begin at \(images)\n") }
        fingerprint = hasher.finalize().hex
        source = .questions(
            file,
            folder: images.map { URL(fileURLWithPath: $0, isDirectory: true) } ?? url.deletingLastPathComponent())
    }

    /// Questions that come through a pipe are held in memory.
    private static let pipedByteLimit = 1 << 30

    /// The same question about each of these files, which are images or videos; one that is named twice counts once.
    public init(files: [String], areVideos: Bool = false, question: String) {
        var seen = Set<String>()
        let files = files.filter { seen.insert($0).inserted }
        var hasher = SHA256Hasher()
        hasher.update("\(areVideos ? "videos" : "pictures") \(question.utf8.count) \(question)\n")
        for path in files {
            let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int
            hasher.update("\(size ?? -1) \(path)\n")
        }
        name = files.count == 1 ? files[0] : "\(files.count) \(areVideos ? "videos" : "images")"
        count = files.count
        fingerprint = hasher.finalize().hex
        self.question = question
        source = .files(files, areVideos: areVideos, question: question)
    }

    /// What a question is called before it is read.
    func id(_ index: Int) -> RecordID {
        switch source {
        case .questions(let file, _): file.id(index)
        case .files(let paths, _, _): RecordID(paths[index])
        }
    }

    /// A question.
    /// - Throws: `SyrinxError` when its entry is no question.
    func item(_ index: Int) throws(SyrinxError) -> BatchItem {
        switch source {
        case .questions(let file, let folder):
            let record: QuestionRecord
            do {
                record = try file.record(index)
            } catch {
                throw SyrinxError(error.description)
            }
            return try BatchItem(record, id: file.id(index), noun: file.noun, folder: folder)
        case .files(let paths, let areVideos, let question):
            var item = BatchItem(id: RecordID(paths[index]), prompt: MarkedText(question))
            if areVideos { item.videos = [paths[index]] } else { item.images = [paths[index]] }
            return item
        }
    }
}

extension BatchInput {
    /// The files that a path or pattern means: a folder's images (by content, without hidden files), the files that a
    /// pattern matches, or one file; in alphabetical order.
    /// - Returns: the files, and what the folder's other files are, which were left out.
    /// - Throws: `SyrinxError` when there is none.
    public static func images(at path: String) throws -> (files: [String], leftOut: LeftOutFiles) {
        var leftOut = LeftOutFiles()
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return (try ImageReference.paths(matching: path), leftOut)
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        var images: [String] = []
        for name in names.filter({ !$0.hasPrefix(".") }).sorted() where !ModelFolder.isFolder(folder + name) {
            do throws(CodecError) {
                let start = try readFile(folder + name, limit: .max, prefix: ImageFormat.signatureLength)
                if ImageFormat(signatureOf: start) != nil {
                    images.append(folder + name)
                } else {
                    leftOut.add(ImageFormat.kind(of: start))
                }
            } catch {
                leftOut.add("unreadable")
            }
        }
        guard !images.isEmpty else {
            throw SyrinxError(
                "the folder \(path) has no \(ImageFormat.list) among its \(leftOut.count) files\(leftOut.reasons)")
        }
        return (images, leftOut)
    }

    /// The video files that a path or pattern means: a folder's videos (by content, without hidden files), the files that a
    /// pattern matches, or one file; in alphabetical order.
    /// - Returns: the files, and what the folder's other files are, which were left out.
    /// - Throws: `SyrinxError` when there is none.
    public static func videos(at path: String) throws -> (files: [String], leftOut: LeftOutFiles) {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return (try ImageReference.paths(matching: path), LeftOutFiles())
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        let files = names.filter { !$0.hasPrefix(".") }.sorted().map { folder + $0 }
            .filter { !ModelFolder.isFolder($0) }
        let videos = files.filter(VideoFile.isVideo)
        guard !videos.isEmpty else {
            throw SyrinxError("the folder \(path) has no video among its \(files.count) files")
        }
        var leftOut = LeftOutFiles()
        for _ in videos.count..<files.count { leftOut.add("not a video") }
        return (videos, leftOut)
    }
}
