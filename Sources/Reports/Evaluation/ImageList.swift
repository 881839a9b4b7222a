import Codecs
import DataPipeline
import Digests
import Evaluation
import Foundation
import Media
import Processors
import Settings
import Torch

/// A user's own images: a text file with one JSON object a line.
///
///     {"image": "pictures/1.jpg", "captions": ["a man riding a horse", "a person on a brown horse"]}
///     {"image": "pictures/2.png", "name": "tomato", "kind": "food", "colours": ["red", "green"]}
///
/// `image` is a path relative to the file. Everything else may be left out: `captions` (or one `caption`), the fields
/// `name`, `kind`, `keywords` and `colours` of Syrinx's own captions, `id` (default: the image's path), `source` (a
/// group of items that distractors are drawn from; default `images`), and `split` (`test`, `val`, or `train` for lines
/// that are only counted for the majority controls; default `test`).
struct ImageList {
    /// One line.
    struct Line: Decodable {
        var image: String
        var id: RecordID?
        var source: String?
        var split: CorpusRecord.Split?
        var caption: String?
        var captions: [String]?
        var name: String?
        var kind: String?
        var keywords: [String]?
        var colours: [String]?

        static let keys = [
            "image", "id", "source", "split", "caption", "captions", "name", "kind", "keywords", "colours",
        ]

        var written: [String] { (captions ?? []) + [caption].compactMap { $0 } }
        var sourceName: String { source ?? "pictures" }
        var fields: CorpusRecord.Caption {
            .init(name: name ?? "", kind: kind, keywords: keywords ?? [], colours: colours ?? [])
        }
    }

    private let path: String
    private let folder: URL
    private let lines: [Line]

    /// Reads and checks every line.
    /// - Parameter images: the folder that paths begin at; nil for the file's own.
    /// - Throws: `EvaluationError` that names the line and what is wrong with it.
    init(_ path: String, images: String? = nil) throws {
        self.path = path
        folder =
            images.map { URL(fileURLWithPath: $0, isDirectory: true) }
            ?? URL(fileURLWithPath: path).deletingLastPathComponent()
        guard let data = FileManager.default.contents(atPath: path) else {
            throw EvaluationError("\(path) cannot be read: permission denied; check the file's permissions")
        }
        var lines = [Line]()
        var ids = [String: Int]()
        for (number, text) in data.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            let line = try Self.line(Data(text), place: "line \(number + 1) of \(path)")
            let id = line.id?.text ?? line.image
            if let earlier = ids.updateValue(number + 1, forKey: id) {
                throw EvaluationError(
                    "line \(number + 1) of \(path) has the id \(id), as line \(earlier) does; ids must be unique")
            }
            lines.append(line)
        }
        guard !lines.isEmpty else {
            throw EvaluationError("\(path) has no lines; write one JSON object with the key image per line")
        }
        self.lines = lines
    }

    private static func line(_ data: Data, place: String) throws -> Line {
        guard let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] else {
            throw EvaluationError(
                "\(place) is not a JSON object; lines look like {\"image\": \"a.jpg\", \"captions\": [\"a red house\"]}"
            )
        }
        if let unknown = object.keys.sorted().first(where: { !Line.keys.contains($0) }) {
            let near = NearestName.find(unknown, among: Line.keys).map { " (did you mean \($0)?)" } ?? ""
            throw EvaluationError(
                "\(place) has the unknown key \"\(unknown)\"\(near); the keys are \(Line.keys.joined(separator: ", "))")
        }
        do {
            return try JSONDecoder().decode(Line.self, from: data)
        } catch DecodingError.keyNotFound(let key, _) {
            throw EvaluationError("\(place) has no key \(key.stringValue); every line names its image's file")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw EvaluationError(
                "\(place): \(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type; captions, "
                    + "keywords and colours are lists of strings, id is a string or a whole number, all others are strings"
            )
        } catch {
            throw EvaluationError("\(place): split must be train, val or test")
        }
    }

    /// The items of a split with their images, and the digests of the image files.
    /// - Throws: `EvaluationError` when there are none, or an image cannot be read.
    func set(
        split: CorpusRecord.Split, limitPerSource: Int?, imageProcessor: ImageProcessor
    ) throws -> (set: CaptionedSet, digests: [SHA256Digest]) {
        let own = lines.filter { ($0.split ?? .test) == split }
        let sources = own.reduce(into: [String]()) { if !$0.contains($1.sourceName) { $0.append($1.sourceName) } }
        let chosen = sources.flatMap { source in
            CaptionedSet.spread(own.filter { $0.sourceName == source }, limit: limitPerSource)
        }
        guard !chosen.isEmpty else {
            throw EvaluationError(
                "\(path) has \(lines.count) lines, but none of the \(split.rawValue) split; lines without the key split "
                    + "belong to test")
        }
        let codec = ImageCodec()
        var items = [CaptionedSet.Item]()
        var pixels = [Tensor]()
        var digests = [SHA256Digest]()
        for line in chosen {
            let file = ImageAddress.located(line.image, in: folder)
            let prepared: Image
            do {
                let bytes = try readInput(file, limit: DecodeLimits.default.maximumByteCount)
                digests.append(Digest.sha256(bytes))
                prepared = imageProcessor.prepared(try codec.image(from: bytes))
            } catch let error as CodecError {
                throw CodecError.inFile(path: file, error)
            }
            pixels.append(imageProcessor.pixelValues(prepared: [prepared]).select(dim: 0, index: 0))
            items.append(
                CaptionedSet.Item(
                    id: line.id?.text ?? line.image, source: line.sourceName, caption: line.fields,
                    provenance: .init(package: path, version: "", path: line.image, licence: ""),
                    png: try codec.encodePNG(prepared), writtenCaptions: line.written))
        }
        return (CaptionedSet(split: split, items: items, pixelValues: Tensor.stack(pixels, dim: 0)), digests)
    }

    /// Counts of the training lines; of the evaluated items where there are none, which the statistics then say.
    func statistics(of set: CaptionedSet) -> CaptionStatistics {
        var statistics = CaptionStatistics()
        let training = lines.filter { $0.split == .train }
        for line in training { statistics.add(line.fields, written: line.written, source: line.sourceName) }
        if training.isEmpty {
            statistics.isOfEvaluatedItems = true
            for item in set.items {
                statistics.add(item.caption, written: item.writtenCaptions, source: item.source)
            }
        }
        return statistics
    }
}
