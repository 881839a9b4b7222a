import Codecs
public import DataPipeline
public import Evaluation
public import Media

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension DemoReport {
    /// What a report of a finished run is made from.
    public struct Material {
        /// The page's heading and the paragraph under it.
        public var title: String
        public var summary: String
        /// The command that made the run.
        public var command: String
        /// The run's `log.jsonl`.
        public var log: [UInt8]
        /// The run's recipe as YAML.
        public var recipe: String
        /// Machine, seed, token counts: what the caller knows of the run.
        public var facts: [Fact]
        /// Marks the scores are held against.
        public var passMarks: [PassMark]
        /// Remarks.
        public var notes: [String]

        /// Material from its parts.
        public init(
            title: String, summary: String, command: String, log: [UInt8], recipe: String, facts: [Fact],
            passMarks: [PassMark] = [], notes: [String] = []
        ) {
            self.title = title
            self.summary = summary
            self.command = command
            self.log = log
            self.recipe = recipe
            self.facts = facts
            self.passMarks = passMarks
            self.notes = notes
        }
    }

    /// Scores a trained model and joins the result with the run's log: the whole report in one call.
    /// - Parameters:
    ///   - set: the held-out items.
    ///   - galleryCount: greatest number of images shown; only items that may be shown freely are taken.
    ///   - progress: told what is being measured; what it throws ends the work.
    /// - Throws: what evaluation throws.
    public static func make(
        _ material: Material, subject: EvaluationSubject, imageProcessor: ImageProcessor, corpus: CorpusFolder,
        set: CaptionedSet, evaluation: CaptionEvaluation = CaptionEvaluation(), galleryCount: Int = 24,
        progress: (String) throws -> Void = { _ in }
    ) throws -> DemoReport {
        let scores = try evaluation.run(
            subject, set: set, statistics: try CaptionStatistics(corpus), blank: imageProcessor.blankPixelValues,
            progress: progress)
        try progress("gallery")
        let chosen = gallery(of: set, count: galleryCount)
        let described = try evaluation.describe(subject, set: set, indices: chosen)
        let log = LossLog(material.log)
        let items = zip(chosen, described).map { index, item in
            galleryItem(
                set.items[index], truth: item.truth,
                generated: item.generated
                    + (item.colour.isEmpty ? "" : " · after \"colours:\" it says \"\(item.colour)\""))
        }
        var notes = material.notes
        if corpus.index.generated {
            notes.append(
                "The corpus consists of rendered scenes; these scores show that the pipeline works and are not comparable with "
                    + "scores on the starter corpus.")
        }
        let counts = scores.itemCounts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return DemoReport(
            title: material.title, summary: material.summary, command: material.command,
            facts: material.facts
                + log.stageSeconds.map { Fact("stage \($0.stage)", "\(Int($0.seconds.rounded())) s") }
                + [
                    Fact("corpus manifest", corpus.index.manifestHash),
                    Fact("held-out items", counts.joined(separator: ", ")),
                    Fact("evaluation", "\(Int(scores.seconds.rounded())) s"),
                    Fact("image preprocessing", imageProcessor.fingerprint),
                ],
            curves: log.curves, evaluation: scores, passMarks: material.passMarks, gallery: items,
            recipe: material.recipe, notes: notes)
    }

    /// Places of items that may be shown freely, taken evenly from every source.
    /// - Parameter onlyFree: false where the images are the reader's own, so that all may be shown.
    package static func gallery(of set: CaptionedSet, count: Int, onlyFree: Bool = true) -> [Int] {
        var bySource = [String: [Int]]()
        for (index, item) in set.items.enumerated() where !onlyFree || isFree(item.provenance.licence) {
            bySource[item.source, default: []].append(index)
        }
        let sources = bySource.keys.sorted()
        guard !sources.isEmpty, count > 0 else { return [] }
        var chosen = [Int]()
        for (place, source) in sources.enumerated() {
            let own = bySource[source] ?? []
            let share = min(own.count, count / sources.count + (place < count % sources.count ? 1 : 0))
            chosen += (0..<share).map { own[$0 * own.count / share] }
        }
        return chosen
    }

    /// Public domain, CC0, or the Open Font License: works that may be shown with a credit and nothing else.
    package static func isFree(_ licence: String) -> Bool {
        let licence = licence.lowercased()
        return ["public-domain", "public domain", "cc0", "ofl-", "apache-2.0"].contains { licence.contains($0) }
    }

    /// An image of a set with what is true of it and what the model says.
    static func galleryItem(_ source: CaptionedSet.Item, truth: String, generated: String) -> GalleryItem {
        let size = try? ImageCodec().imageInfo(of: source.png)
        let provenance = source.provenance
        let creator = provenance.creator.map { "\($0), " } ?? ""
        return GalleryItem(
            id: source.id, source: source.source, pngBase64: Data(source.png).base64EncodedString(),
            width: size?.width ?? 64, height: size?.height ?? 64, truth: truth, generated: generated,
            credit: "\(creator)\(provenance.package) \(provenance.version), \(provenance.path), \(provenance.licence)")
    }
}
