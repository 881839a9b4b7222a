import Foundation
public import Media
public import Terminal

/// What a corpus holds, in numbers.
public struct CorpusSummary: Codable, Sendable, Equatable {
    /// One source.
    public struct Source: Codable, Sendable, Equatable {
        public var name: String
        public var kind: CorpusKind
        public var train: Int
        public var val: Int
        public var test: Int
        public var images: Int
        /// Mean words of a record's text or canonical caption, over ``sampledRecordCount`` records.
        public var meanWordCount: Double
        /// Records that were read for the mean, spread evenly.
        public var sampledRecordCount: Int

        private enum CodingKeys: String, CodingKey {
            case name, kind, train, val, test, meanWordCount, sampledRecordCount
            // The JSON has had this key from the start.
            case images = "pictures"
        }
    }

    public var manifestHash: String
    /// True for rendered scenes, whose scores cannot be compared with those of the starter corpus.
    public var isGenerated: Bool
    public var recordCount: Int
    public var sources: [Source]

    /// Counts a corpus.
    /// - Parameters:
    ///   - split: only this part; nil for all.
    ///   - source: only this source; nil for all.
    ///   - template: how captions are written.
    ///   - sampleLimit: at most this many records per source are read for the mean.
    /// - Throws: ``DataError`` for an unknown source; what reading a record throws.
    public init(
        _ corpus: CorpusFolder, split: CorpusSplit? = nil, source: String? = nil,
        template: CaptionTemplate = CaptionTemplate(), sampleLimit: Int = 2000
    ) throws {
        try corpus.requireSource(source)
        manifestHash = corpus.index.manifestHash
        isGenerated = corpus.index.generated
        sources = try corpus.index.sources.filter { source == nil || $0.name == source }.map { counted in
            let numbers = corpus.entries(split: split, source: counted.name)
            let read = Self.spread(numbers, limit: sampleLimit)
            var words = 0
            for number in read {
                words += Self.wordCount(try corpus.record(corpus.index.entries[number]), template: template)
            }
            func count(_ own: CorpusSplit, _ stated: Int) -> Int { split == nil || split == own ? stated : 0 }
            return Source(
                name: counted.name, kind: counted.kind, train: count(.train, counted.train),
                val: count(.val, counted.val), test: count(.test, counted.test),
                images: numbers.reduce(0) { $0 + corpus.index.entries[$1].images.count },
                meanWordCount: read.isEmpty ? 0 : Double(words) / Double(read.count), sampledRecordCount: read.count)
        }
        recordCount = sources.reduce(0) { $0 + $1.train + $1.val + $1.test }
    }

    private static func wordCount(_ record: CorpusRecord, template: CaptionTemplate) -> Int {
        let texts = record.parts.compactMap { if case .text(let text) = $0 { text } else { nil } }
        return (texts + (record.caption.map { [template.text(for: $0)] } ?? []))
            .reduce(0) { $0 + $1.split(whereSeparator: \.isWhitespace).count }
    }

    /// At most `limit` of the numbers, spread evenly.
    package static func spread(_ numbers: [Int], limit: Int) -> [Int] {
        guard numbers.count > limit, limit > 0 else { return limit > 0 ? numbers : [] }
        return (0..<limit).map { numbers[$0 * numbers.count / limit] }
    }
}

extension CorpusFolder {
    /// Refuses the name of a source that the corpus does not have.
    /// - Throws: ``DataError`` that lists the sources.
    package func requireSource(_ name: String?) throws(DataError) {
        guard let name, !index.sources.contains(where: { $0.name == name }) else { return }
        throw DataError(
            "the corpus at \(url.path) has no source \(name); its sources are "
                + index.sources.map(\.name).joined(separator: ", "))
    }

    /// Decodes images spread evenly over the corpus, for a contact sheet.
    /// - Parameters:
    ///   - count: at most this many records' first images.
    ///   - decoder: reads the images.
    /// - Throws: ``DataError`` when there is no image; what reading or decoding throws.
    public func images(
        split: CorpusSplit?, source: String?, count: Int, decoder: any MediaDecoder
    ) throws -> [Image] {
        let numbers = entries(split: split, source: source).filter { !index.entries[$0].images.isEmpty }
        guard !numbers.isEmpty else {
            throw DataError("nothing to show: the selected records of \(url.path) have 0 images")
        }
        return try CorpusSummary.spread(numbers, limit: count).map { number in
            try decoder.image(from: try image(0, of: index.entries[number]), limits: .default, target: nil)
        }
    }
}

extension CorpusSummary {
    /// The counts as a table.
    public func table(style: TerminalStyle) -> String {
        let header = ["source", "kind", "train", "val", "test", "images", "words"]
        let rows = sources.map { source in
            [
                source.name, source.kind.rawValue, ProgressLine.grouped(source.train), ProgressLine.grouped(source.val),
                ProgressLine.grouped(source.test), ProgressLine.grouped(source.images),
                String(format: "%.1f", source.meanWordCount),
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            cells.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column < 2 ? cell + space : space + cell
            }.joined(separator: "  ")
        }
        var lines = [style.bold(line(header))] + rows.map(line)
        lines.append("")
        lines.append("\(ProgressLine.grouped(recordCount)) records; manifest \(manifestHash)")
        if isGenerated {
            lines.append(style.paint("generated scenes: scores are not comparable with scores on real data", .yellow))
        }
        return lines.joined(separator: "\n")
    }
}
