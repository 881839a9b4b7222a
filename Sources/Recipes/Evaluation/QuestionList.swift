import Codecs
import DataPipeline
import Digests
import Evaluation
import Foundation
import Media
import Processors
import Torch

/// Instruction data as questions to evaluate on: LLaVA's JSON, a list or one record a line.
///
/// Every question of a record about one picture is an item, asked alone. Questions that are worded alike are one source, so
/// that they are scored together; where there are many wordings, all are the source `questions`. Records without a picture,
/// with several, or written in mPLUG-Owl's own form are left out and counted.
struct QuestionList {
    /// The most wordings that are sources of their own.
    private static let sourceLimit = 20

    private struct Asked {
        var record: Int
        var id: String
        var question: CaptionedSet.Question
    }

    private let file: ConversationFile
    private let asked: [Asked]
    /// Records that cannot be asked about.
    let leftOutCount: Int

    /// Whether a file holds instruction data and not a list of pictures.
    static func isInstructionData(_ path: String) -> Bool {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped),
            // Behind a byte order mark, which is none of the text.
            let start = data.dropFirst(data.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0).firstIndex(where: { $0 > 0x20 })
        else { return false }
        if data[start] == UInt8(ascii: "[") { return true }
        let line = data[start...].prefix { $0 != 0x0A }
        let object = (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: Any]
        return object?["conversations"] != nil
    }

    /// Reads and checks every record.
    /// - Throws: ``DataError`` that names the record and what is wrong with it; `EvaluationError` when nothing can be asked.
    init(_ path: String) throws {
        file = try ConversationFile(path)
        var asked = [Asked](), leftOut = 0
        var ids = Set<String>()
        for number in 0..<file.count {
            let conversation = try file.conversation(number)
            guard conversation.pictures.count == 1, case .turns(let messages) = conversation.form else {
                leftOut += 1
                continue
            }
            let id = ids.insert(conversation.id).inserted ? conversation.id : "record \(number)"
            let turns = zip(messages, messages.dropFirst()).filter { $0.role == .user && $1.role == .assistant }
            for (place, (question, answer)) in turns.enumerated() where !question.text.isEmpty {
                asked.append(
                    Asked(
                        record: number, id: "\(id)#\(place + 1)",
                        question: .init(text: question.text, answers: [answer.text])))
            }
        }
        guard !asked.isEmpty else {
            throw EvaluationError(
                "\(path) has \(file.count) records, but none asks about exactly one picture; such questions are what is scored"
            )
        }
        self.asked = asked
        leftOutCount = leftOut
    }

    private var sources: [String] {
        let questions = asked.reduce(into: [String]()) {
            if !$0.contains($1.question.text), $0.count <= Self.sourceLimit { $0.append($1.question.text) }
        }
        return questions.count <= Self.sourceLimit ? questions : ["questions"]
    }

    /// The questions with their pictures, and the digests of the picture files.
    /// - Throws: ``DataError`` or `CodecError` when a picture cannot be read.
    func set(
        split: CorpusSplit, limitPerSource: Int?, imageProcessor: ImageProcessor
    ) throws -> (set: CaptionedSet, digests: [SHA256Digest]) {
        let sources = sources
        let chosen = sources.flatMap { source in
            CaptionedSet.spread(
                asked.filter { sources.count == 1 || $0.question.text == source }, limit: limitPerSource
            ).map { (source: source, asked: $0) }
        }
        let codec = PictureCodec()
        var read = [Int: (pixels: Tensor, png: [UInt8], digest: SHA256Digest)]()
        for number in Set(chosen.map(\.asked.record)).sorted() {
            let bytes = try file.picture(0, of: number)
            do {
                let prepared = imageProcessor.prepared(try codec.picture(from: bytes))
                let pixels = imageProcessor.pixelValues(prepared: [prepared]).select(dim: 0, index: 0)
                read[number] = (pixels, try codec.encodePNG(prepared), Digest.sha256(bytes))
            } catch let error as CodecError {
                throw CodecError.inFile(path: try file.conversation(number).pictures[0], error)
            }
        }
        let parts = chosen.compactMap { choice in read[choice.asked.record].map { (choice: choice, picture: $0) } }
        let items = parts.map { part in
            CaptionedSet.Item(
                id: part.choice.asked.id, source: part.choice.source,
                caption: .init(name: "", kind: nil, keywords: [], colours: []),
                provenance: .init(package: file.name, version: "", path: part.choice.asked.id, licence: ""),
                png: part.picture.png, question: part.choice.asked.question)
        }
        return (
            CaptionedSet(
                split: split, items: items, pixelValues: Tensor.stack(parts.map(\.picture.pixels), dim: 0)),
            parts.map(\.picture.digest)
        )
    }
}
