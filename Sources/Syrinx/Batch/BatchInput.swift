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

/// The questions of a batch: a file with one JSON object a line, or pictures or videos with one question.
public struct BatchInput: Sendable {
    /// What messages call it.
    public let name: String
    /// Questions.
    public let count: Int
    /// SHA-256 of what decides the questions, 64 hexadecimal digits: a file's bytes; or the question, and name and size of
    /// every file. What stands in pictures and videos themselves is not part of it.
    public let fingerprint: String
    /// The question about each file; nil where every line has its own.
    let question: String?
    private let source: Source

    private enum Source: Sendable {
        case lines(Data, ranges: [(number: Int, bytes: Range<Int>)], folder: URL)
        case files([String], areVideos: Bool, question: String)
    }

    /// A JSONL file, or `-` for standard input, with paths relative to where the command runs. Empty lines do not count; the others are read when their turn comes.
    /// - Throws: `CodecError` when the file cannot be read, `SyrinxError` when it has no lines, or two with the same id.
    public init(linesOf path: String) throws {
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
        var ranges = [(number: Int, bytes: Range<Int>)]()
        var hasher = SHA256Hasher()
        data.withUnsafeBytes { bytes in
            hasher.update(bytes)
            var number = 0
            for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
                number += 1
                if !line.allSatisfy(Self.isSpace) { ranges.append((number, line.startIndex..<line.endIndex)) }
            }
        }
        guard !ranges.isEmpty else {
            throw SyrinxError("\(path) has no lines; write one {\"prompt\": \"...\", \"images\": [\"a.png\"]} a line")
        }
        try Self.requireDistinctIDs(data, ranges, path)
        name = path
        question = nil
        count = ranges.count
        fingerprint = hasher.finalize().hex
        source = .lines(data, ranges: ranges, folder: url.deletingLastPathComponent())
    }

    /// Questions that come through a pipe are held in memory.
    private static let pipedByteLimit = 1 << 30

    /// Whether a line of such bytes is empty; zeros, which a power cut leaves in a file, are not.
    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0D].contains(byte) }

    /// The same question about each of these files, which are pictures or videos; one that is named twice counts once.
    public init(files: [String], areVideos: Bool = false, question: String) {
        var seen = Set<String>()
        let files = files.filter { seen.insert($0).inserted }
        var hasher = SHA256Hasher()
        hasher.update("\(areVideos ? "videos" : "pictures") \(question.utf8.count) \(question)\n")
        for path in files {
            let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int
            hasher.update("\(size ?? -1) \(path)\n")
        }
        name = files.count == 1 ? files[0] : "\(files.count) \(areVideos ? "videos" : "pictures")"
        count = files.count
        fingerprint = hasher.finalize().hex
        self.question = question
        source = .files(files, areVideos: areVideos, question: question)
    }

    /// Refuses two lines with one id: nobody could tell their answers apart. What is wrong with a line otherwise is said when its
    /// turn comes.
    private static func requireDistinctIDs(
        _ data: Data, _ ranges: [(number: Int, bytes: Range<Int>)], _ path: String
    ) throws(SyrinxError) {
        struct Named: Decodable { let id: String? }
        let decoder = JSONDecoder()
        var lines = [String: (number: Int, isOwn: Bool)]()
        for (number, bytes) in ranges {
            let line = data.withUnsafeBytes { Data($0[bytes]) }
            let own = (try? decoder.decode(Named.self, from: line))?.id
            let id = own ?? "\(number)"
            if let first = lines.updateValue((number, own != nil), forKey: id) {
                let numbering = first.isOwn && own != nil ? "" : " (a line without one has its number)"
                throw SyrinxError(
                    "\(path): lines \(first.number) and \(number) have the same id \"\(Excerpt.of(id))\"\(numbering); "
                        + "give every question an id of its own")
            }
        }
    }

    /// What a question is called before it is read.
    func label(_ index: Int) -> String {
        switch source {
        case .lines(_, let ranges, _): "\(ranges[index].number)"
        case .files(let paths, _, _): paths[index]
        }
    }

    /// What its answer may be called: its own name, or its line's number where the line could not be read.
    func possibleIDs(_ index: Int) -> [String] {
        let label = label(index)
        guard let own = (try? item(index))?.id, own != label else { return [label] }
        return [own, label]
    }

    /// A question.
    /// - Throws: `SyrinxError` when its line is no question.
    func item(_ index: Int) throws -> BatchItem {
        switch source {
        case .lines(let data, let ranges, let folder):
            let (number, bytes) = ranges[index]
            let line = data.withUnsafeBytes { [UInt8]($0[bytes]) }
            return try BatchItem(line: line, number: number, folder: folder)
        case .files(let paths, let areVideos, let question):
            var item = BatchItem(id: paths[index], prompt: question)
            if areVideos { item.videos = [paths[index]] } else { item.images = [paths[index]] }
            return item
        }
    }
}

extension BatchInput {
    /// The files that a path or pattern means: a folder's pictures (by content, without hidden files), the files that a
    /// pattern matches, or one file; in alphabetical order.
    /// - Returns: the files, and what the folder's other files are, which were left out.
    /// - Throws: `SyrinxError` when there is none.
    public static func pictures(at path: String) throws -> (files: [String], leftOut: LeftOutFiles) {
        var leftOut = LeftOutFiles()
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return (try ImageReference.paths(matching: path), leftOut)
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        var pictures: [String] = []
        for name in names.filter({ !$0.hasPrefix(".") }).sorted() where ModelFolder.isFile(folder + name) {
            do throws(CodecError) {
                let start = try readFile(folder + name, limit: .max, prefix: PictureFormat.signatureLength)
                if PictureFormat(signatureOf: start) != nil {
                    pictures.append(folder + name)
                } else {
                    leftOut.add(PictureFormat.kind(of: start))
                }
            } catch {
                leftOut.add("unreadable")
            }
        }
        guard !pictures.isEmpty else {
            throw SyrinxError(
                "the folder \(path) holds no \(PictureFormat.list) among its \(leftOut.count) files\(leftOut.reasons)")
        }
        return (pictures, leftOut)
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
        let files = names.filter { !$0.hasPrefix(".") }.sorted().map { folder + $0 }.filter(ModelFolder.isFile)
        let videos = files.filter(VideoFile.isVideo)
        guard !videos.isEmpty else {
            throw SyrinxError("the folder \(path) holds no video among its \(files.count) files")
        }
        var leftOut = LeftOutFiles()
        for _ in videos.count..<files.count { leftOut.add("no video") }
        return (videos, leftOut)
    }
}
