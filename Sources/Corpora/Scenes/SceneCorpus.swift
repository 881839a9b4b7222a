public import DataPipeline
internal import Digests
public import Foundation
internal import Media

/// The built-in corpus: rendered scenes with exact captions, documents made of them, and sentences about shapes.
///
/// It replaces the starter corpus in tests and on machines without packages. Its scores show that a pipeline works; they are
/// not comparable with scores on the starter corpus.
public struct SceneCorpus: Sendable {
    /// Changes whenever the same seed would give other scenes.
    public static let version = 1

    /// Captioned images to render; one document and one text for each eight of them come on top.
    public let count: Int
    /// Everything is drawn from it.
    public let seed: UInt64
    /// Pixels along a side.
    public let size: Int

    /// Describes a corpus; equal values give equal bytes.
    ///
    /// - Throws: ``CorpusError`` for a count below 1 or a size outside 16 ... 128.
    public init(count: Int, seed: UInt64 = 0, size: Int = 64) throws {
        guard count >= 1 else { throw CorpusError("a corpus of \(count) scenes cannot be made: ask for at least 1") }
        guard (16...128).contains(size) else {
            throw CorpusError("scenes of \(size) pixels cannot be made: a side has 16 to 128 pixels")
        }
        self.count = count
        self.seed = seed
        self.size = size
    }

    /// What a manifest records of it.
    public var request: CorpusManifest.Request {
        .init(size: "scenes-\(size)px", extractionVersion: Self.version, sceneCount: count, seed: seed)
    }

    /// Renders and writes the corpus, or leaves the equal one that is already there.
    ///
    /// - Parameter progress: told how many of how many items are rendered; what it throws ends the work.
    /// - Returns: the manifest, and whether anything had to be done.
    public func write(
        to folder: URL, coding: ImageCoding,
        progress: @Sendable (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> (manifest: CorpusManifest, isNew: Bool) {
        if let manifest = CorpusWriter.finished(request, in: folder) { return (manifest, false) }
        let items = try self.items(coding: coding, progress: progress)
        let manifest = try CorpusWriter(folder: folder).write(items, request: request, generated: true) {
            try progress(items.count, items.count)
        }
        return (manifest, true)
    }

    /// All items: captioned scenes, then documents, then texts.
    public func items(
        coding: ImageCoding, progress: @Sendable (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws -> [CorpusItem] {
        let documentCount = max(1, count / 8)
        let total = count + 2 * documentCount
        return try parallelMap(count: total, progress: progress) { index in
            // A generator for each item, so that the items do not depend on how the work was shared out.
            var generator = SplitMix64(seed: stableHash64("scene \(seed) \(index)"))
            if index < count { return try captioned(index, coding: coding, generator: &generator) }
            if index < count + documentCount { return try document(index, coding: coding, generator: &generator) }
            return text(index, generator: &generator)
        }
    }

    private func captioned(_ index: Int, coding: ImageCoding, generator: inout SplitMix64) throws -> CorpusItem {
        let scene = Scene.random(using: &generator)
        return CorpusItem(
            source: "scenes", kind: .captioned, split: Concept(name: scene.name).split,
            parts: [.png(try coding.encodePNG(scene.image(size: size)))],
            caption: .init(name: scene.name, kind: scene.kind, keywords: scene.keywords, colours: scene.colours),
            provenance: provenance("scene/\(index)"))
    }

    /// A page that introduces two to four scenes and says how the last one differs from the first.
    private func document(_ index: Int, coding: ImageCoding, generator: inout SplitMix64) throws -> CorpusItem {
        let scenes = (0..<2 + generator.index(3)).map { _ in Scene.random(using: &generator) }
        let openings = ["Here is", "The next picture shows", "This one shows", "Now look at"]
        var parts: [CorpusItem.Part] = [.text("A page of \(scenes.count) pictures.")]
        for scene in scenes {
            parts.append(.text("\(generator.pick(openings)) \(scene.sentenceName)."))
            parts.append(.png(try coding.encodePNG(scene.image(size: size))))
        }
        let first = scenes[0]
        let last = scenes[scenes.count - 1]
        parts.append(
            .text("The first picture is mostly \(first.colours[0]), the last one mostly \(last.colours[0])."))
        return CorpusItem(
            source: "scene-pages", kind: .interleaved, split: pageSplit(index), parts: parts,
            provenance: provenance("page/\(index)"))
    }

    private func text(_ index: Int, generator: inout SplitMix64) -> CorpusItem {
        let sentences = (0..<6 + generator.index(6)).map { _ -> String in
            let scene = Scene.random(using: &generator)
            switch generator.index(3) {
            case 0: return "Somebody drew \(scene.sentenceName)."
            case 1: return "In a picture of \(scene.sentenceName), most of the paint is \(scene.colours[0])."
            default: return "\(scene.sentenceName.capitalisedFirst) belongs to the group called \(scene.kind)."
            }
        }
        return CorpusItem(
            source: "scene-text", kind: .textOnly, split: pageSplit(index),
            parts: [.text(sentences.joined(separator: " "))], provenance: provenance("text/\(index)"))
    }

    private func pageSplit(_ index: Int) -> CorpusRecord.Split {
        Concept.split(bucket: Int(stableHash64("page \(seed) \(index)") % 20), testBuckets: [0])
    }

    private func provenance(_ path: String) -> CorpusRecord.Provenance {
        .init(package: "syrinx-scenes", version: String(Self.version), path: "\(seed)/\(path)", licence: "CC0-1.0")
    }
}

extension Scene {
    /// The name with its article: "a large red star", "an orange moon above a blue ring", "three blue circles".
    var sentenceName: String {
        if kind == "several shapes" || kind == "pattern" { return name }
        let withFirst = (name.first.map { "aeiou".contains($0) } ?? false ? "an " : "a ") + name
        for relation in ["above", "left of", "inside"] {
            guard let range = withFirst.range(of: " \(relation) ") else { continue }
            let second = withFirst[range.upperBound...]
            let article = second.first.map { "aeiou".contains($0) } ?? false ? "an" : "a"
            return withFirst[..<range.upperBound] + article + " " + second
        }
        return withFirst
    }
}

extension String {
    var capitalisedFirst: String { prefix(1).uppercased() + dropFirst() }
}
