import Codecs
import DataPipeline
import Digests
import Evaluation
import Foundation
import Media
import Processors
import Torch

/// Questions about images with their right answers: LLaVA's conversations, or a file of questions as `syrinx batch` reads it.
///
/// Every question of a record about one image is an item, asked alone. Questions of one category are one source, and so are
/// those that are worded alike, so that they are scored together; where there are many wordings, all are the source `questions`.
/// Records without an image, with several, without a right answer, or written as one text in lines are left out and
/// counted.
struct QuestionList {
    /// The most wordings that are sources of their own.
    private static let sourceLimit = 20

    private struct Asked {
        var record: Int
        var id: String
        var question: CaptionedSet.Question
        var category: String?

        /// What it is grouped by.
        var source: String { category ?? question.text }
    }

    private enum Source {
        case conversations(ConversationFile)
        case questions(images: [Int: String])
    }

    private let source: Source
    private let name: String
    private let asked: [Asked]
    /// Records that cannot be asked about.
    let leftOutCount: Int

    /// Whether a file holds questions and not a list of images.
    static func holdsQuestions(_ path: String) -> Bool {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped),
            // Behind a byte order mark, which is none of the text.
            let start = data.dropFirst(data.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0).firstIndex(where: { $0 > 0x20 })
        else { return false }
        if data[start] == UInt8(ascii: "[") || QuestionFile.holdsQuestions(data) { return true }
        let line = data[start...].prefix { $0 != 0x0A }
        let object = (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: Any]
        return object?["conversations"] != nil || object?["messages"] != nil
    }

    /// Reads and checks every record.
    /// - Parameter images: the folder that the records' paths begin at; nil for the file's own.
    /// - Throws: ``DataError`` or `EvaluationError` that names the record and what is wrong with it, or says that nothing can
    ///   be asked.
    init(_ path: String, images: String? = nil) throws {
        name = path
        let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        let recordCount: Int
        if let data, QuestionFile.holdsQuestions(data) {
            let file = try QuestionFile(data, name: path)
            let folder =
                images.map { URL(fileURLWithPath: $0, isDirectory: true) }
                ?? URL(fileURLWithPath: path).deletingLastPathComponent()
            (asked, source) = try Self.questions(of: file, folder: folder)
            recordCount = file.count
        } else {
            let file = try ConversationFile(path, images: images)
            source = .conversations(file)
            asked = try Self.questions(of: file)
            recordCount = file.count
        }
        guard !asked.isEmpty else {
            throw EvaluationError(
                "\(path) has \(recordCount) records, but none asks about exactly one image and has a right answer for the "
                    + "score; for questions without answers use syrinx batch")
        }
        leftOutCount = recordCount - Set(asked.map(\.record)).count
    }

    private static func questions(of file: QuestionFile, folder: URL) throws -> ([Asked], Source) {
        var asked = [Asked]()
        var images = [Int: String]()
        for index in 0..<file.count {
            let record: QuestionRecord
            do {
                record = try file.record(index)
            } catch {
                throw EvaluationError("\(file.noun) \(file.number(index)) of \(file.name): \(error)")
            }
            guard record.images.count == 1, record.videos.isEmpty, record.turns.isEmpty, !record.answers.isEmpty,
                !record.text.pieces.isEmpty
            else { continue }
            guard record.text.placeCount(.image) < 2, record.text.placeCount(.video) == 0 else {
                throw EvaluationError(
                    "\(file.noun) \(file.number(index)) of \(file.name) has \(record.text.placeCount(.image)) <image> and "
                        + "\(record.text.placeCount(.video)) <video> placeholders for its 1 image; give one placeholder per image, or none"
                )
            }
            images[index] = ImageAddress.located(record.images[0], in: folder)
            asked.append(
                Asked(
                    record: index, id: file.id(index).text,
                    question: .init(text: record.text.spelling, answers: record.answers), category: record.category))
        }
        return (asked, .questions(images: images))
    }

    private static func questions(of file: ConversationFile) throws -> [Asked] {
        var asked = [Asked]()
        var ids = Set<String>()
        for number in 0..<file.count {
            let conversation = try file.conversation(number)
            guard conversation.images.count == 1, case .turns(let messages) = conversation.form else { continue }
            let id = ids.insert(conversation.id).inserted ? conversation.id : "record \(number)"
            let turns = zip(messages, messages.dropFirst()).filter { $0.role == .user && $1.role == .assistant }
            for (place, (question, answer)) in turns.enumerated() where !question.text.isEmpty {
                asked.append(
                    Asked(
                        record: number, id: "\(id)#\(place + 1)",
                        question: .init(text: MarkedText.escaped(question.text), answers: [answer.text])))
            }
        }
        return asked
    }

    /// An image's file and what messages call it.
    private func image(of record: Int) throws -> (bytes: [UInt8], name: String) {
        switch source {
        case .conversations(let file):
            return (try file.image(0, of: record), try file.conversation(record).images[0])
        case .questions(let images):
            let path = images[record] ?? ""
            do {
                return (try readInput(path, limit: DecodeLimits.default.maximumByteCount), path)
            } catch {
                throw CodecError.inFile(path: path, error)
            }
        }
    }

    private var sources: [String] {
        let questions = asked.reduce(into: [String]()) {
            if !$0.contains($1.source), $0.count <= Self.sourceLimit { $0.append($1.source) }
        }
        return questions.count <= Self.sourceLimit ? questions : ["questions"]
    }

    /// The questions with their images, and the digests of the image files.
    /// - Throws: ``DataError`` or `CodecError` when an image cannot be read.
    func set(
        split: CorpusSplit, limitPerSource: Int?, imageProcessor: ImageProcessor
    ) throws -> (set: CaptionedSet, digests: [SHA256Digest]) {
        let sources = sources
        let chosen = sources.flatMap { source in
            CaptionedSet.spread(
                asked.filter { sources.count == 1 || $0.source == source }, limit: limitPerSource
            ).map { (source: source, asked: $0) }
        }
        let codec = ImageCodec()
        var read = [Int: (pixels: Tensor, png: [UInt8], digest: SHA256Digest)]()
        for number in Set(chosen.map(\.asked.record)).sorted() {
            let (bytes, name) = try image(of: number)
            do {
                let prepared = imageProcessor.prepared(try codec.image(from: bytes))
                let pixels = imageProcessor.pixelValues(prepared: [prepared]).select(dim: 0, index: 0)
                read[number] = (pixels, try codec.encodePNG(prepared), Digest.sha256(bytes))
            } catch let error as CodecError {
                throw CodecError.inFile(path: name, error)
            }
        }
        let parts = chosen.compactMap { choice in read[choice.asked.record].map { (choice: choice, image: $0) } }
        let items = parts.map { part in
            CaptionedSet.Item(
                id: part.choice.asked.id, source: part.choice.source,
                caption: .init(name: "", kind: nil, keywords: [], colours: []),
                provenance: .init(package: name, version: "", path: part.choice.asked.id, licence: ""),
                png: part.image.png, question: part.choice.asked.question)
        }
        return (
            CaptionedSet(
                split: split, items: items, pixelValues: Tensor.stack(parts.map(\.image.pixels), dim: 0)),
            parts.map(\.image.digest)
        )
    }
}
