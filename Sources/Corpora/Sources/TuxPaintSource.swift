internal import Foundation

/// Tux Paint's stamps: an image and one English sentence each.
package struct TuxPaintSource: StarterSource {
    let packages = ["tuxpaint-stamps-default"]

    private static let root = "usr/share/tuxpaint/stamps/"
    private static let kinds = [
        "naturalforces": "nature", "household": "household", "symbols": "symbols", "town": "town",
    ]

    func drafts(_ context: StarterContext) throws -> [Draft] {
        var sentences: [String: String] = [:]
        var images: [String: [UInt8]] = [:]
        try context.forEachFile(
            in: packages[0], thenMaps: true,
            where: { $0.hasPrefix(Self.root) && ($0.hasSuffix(".txt") || $0.hasSuffix(".png")) }
        ) { path, bytes in
            let key = String(path.dropFirst(Self.root.count).dropLast(4))
            if path.hasSuffix(".png") {
                images[key] = bytes
            } else {
                sentences[key] = Self.sentence(bytes)
            }
        }
        let keys = images.keys.filter { !(sentences[$0] ?? "").isEmpty }.sorted()
        context.drop("tuxpaint: drawings without an image file", count: sentences.count - keys.count)
        let (files, texts) = (images, sentences)
        let drafts = try context.parallelMap(keys.count, of: packages[0]) { index -> Draft? in
            let key = keys[index]
            guard let bytes = files[key], let sentence = texts[key],
                let image = try CorpusImage(decoding: bytes, coding: context.coding, cutsMargins: true)
            else { return nil }
            let folders = key.split(separator: "/").dropLast().map(String.init)
            return Draft(
                source: "tuxpaint", image: image, name: Self.name(of: sentence),
                kind: folders.first.map { Self.kinds[$0] ?? $0 }, keywords: Array(folders.dropFirst()),
                provenance: context.provenance(
                    packages[0], path: "\(Self.root)\(key).png", licence: "GPL-2.0-only",
                    creator: "Tux Paint contributors"))
        }
        let kept = drafts.compactMap { $0 }
        context.drop("tuxpaint: damaged image", count: drafts.count - kept.count)
        return kept
    }

    /// The first line: the English sentence; the others are translations.
    package static func sentence(_ bytes: [UInt8]) -> String {
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return line.contains(".utf8=") ? "" : line.collapsed
    }

    /// "crowned crane" for "A crowned crane.": the first sentence without article and full stop.
    package static func name(of sentence: String) -> String {
        var name = sentence
        if let end = name.range(of: ". ") { name = String(name[..<end.lowerBound]) }
        while let last = name.last, ".!".contains(last) { name.removeLast() }
        for article in ["A ", "An ", "The "] where name.hasPrefix(article) && name.count > article.count {
            return String(name.dropFirst(article.count))
        }
        return name
    }
}
