internal import Foundation

#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// Open Clip Art: images from the PNG package, titles and keywords from the metadata of the SVG package.
///
/// Only files that say they are in the public domain; collections whose title says nothing of the single image are
/// left out.
struct OpenClipartSource: StarterSource {
    let packages = ["openclipart-png", "openclipart-svg"]

    func drafts(_ context: StarterContext) throws -> [Draft] {
        let entries = try Self.selected(context)
        var images: [String: [UInt8]] = [:]
        try context.forEachFile(
            in: packages[0], thenMaps: true,
            where: { Self.key($0, "/png/", ".png").map { entries[$0] != nil } ?? false }
        ) { path, bytes in
            if let key = Self.key(path, "/png/", ".png") { images[key] = bytes }
        }
        let keys = images.keys.sorted()
        let files = images
        let drafts = try context.parallelMap(keys.count, of: packages[0]) { index -> Draft? in
            let key = keys[index]
            guard let entry = entries[key], let bytes = files[key],
                let image = try CorpusImage(decoding: bytes, coding: context.coding, cutsMargins: true),
                !image.isTiny
            else { return nil }
            let kind = ClipartMetadata.kind(ofKey: key)
            return Draft(
                source: "openclipart", image: image,
                name: kind == "flags" ? ClipartMetadata.flagName(entry.title) : entry.title, kind: kind,
                keywords: entry.keywords,
                provenance: context.provenance(
                    packages[0], path: "usr/share/openclipart/png/\(key).png", licence: "LicenseRef-Public-Domain",
                    creator: entry.creator))
        }
        let kept = drafts.compactMap { $0 }
        context.drop("openclipart: too large, tiny or damaged", count: drafts.count - kept.count)
        return kept
    }

    /// "animals/bat" for "usr/share/openclipart/svg/animals/bat.svg".
    private static func key(_ path: String, _ folder: String, _ suffix: String) -> String? {
        guard path.hasSuffix(suffix), let range = path.range(of: folder) else { return nil }
        return String(path[range.upperBound...].dropLast(suffix.count))
    }

    /// The entries worth keeping, by key.
    private static func selected(_ context: StarterContext) throws -> [String: ClipartMetadata] {
        var fragments: [(key: String, bytes: [UInt8])] = []
        try context.forEachFile(in: "openclipart-svg", thenMaps: true, where: { $0.hasSuffix(".svg") }) { path, bytes in
            guard let key = key(path, "/svg/", ".svg") else { return }
            guard !ClipartMetadata.isCollection(key), let fragment = ClipartMetadata.fragment(of: bytes) else {
                context.drop("openclipart: icon themes, cards and files without metadata")
                return
            }
            fragments.append((key, fragment))
        }
        let found = fragments
        let parsed = try context.parallelMap(found.count, of: "openclipart-svg") { index in
            ClipartMetadata(fragment: found[index].bytes)
        }
        var titleCounts: [String: Int] = [:]
        for entry in parsed { if let entry { titleCounts[entry.title, default: 0] += 1 } }
        var entries: [String: ClipartMetadata] = [:]
        for (index, entry) in parsed.enumerated() {
            guard let entry else {
                context.drop("openclipart: no title or not public domain")
                continue
            }
            guard entry.describes(key: found[index].key, sameTitleCount: titleCounts[entry.title] ?? 0) else {
                context.drop("openclipart: title of a collection")
                continue
            }
            entries[found[index].key] = entry
        }
        return entries
    }
}

/// The RDF metadata of a clip-art SVG (Dublin Core and Creative Commons terms).
package struct ClipartMetadata: Sendable {
    package var title: String
    package var keywords: [String]
    package var creator: String?

    /// The group a file is in by its folder: the top one, except where that says nothing; nil for unsorted files.
    package static func kind(ofKey key: String) -> String? {
        if key.hasPrefix("signs_and_symbols/flags/") { return "flags" }
        switch key.prefix(while: { $0 != "/" }) {
        case "signs_and_symbols": return "symbols"
        case "special": return key.hasPrefix("special/patterns/") ? "patterns" : nil
        case "unsorted": return nil
        case let folder: return String(folder)
        }
    }

    /// "flag: Burkina Faso" for "burkina faso" or "Flag of Burkina Faso": named as the emoji are, so that a flag is one
    /// concept in every source.
    package static func flagName(_ title: String) -> String {
        var words = title.split { $0 == " " || $0 == ":" }.map(String.init)
        words.removeAll { ["flag", "flags", "of"].contains($0.lowercased()) }
        if words.isEmpty { return title }
        if title == title.lowercased() {
            words = words.map { ["and", "the"].contains($0) ? $0 : $0.prefix(1).uppercased() + $0.dropFirst() }
        }
        return "flag: " + words.joined(separator: " ")
    }

    private static let junk = [
        "gramastar", "collection", "icon set", "iconset", "icon theme", "icon-theme", "svg theme", "gold-theme",
        "etiquette",
        "aiga", "clipart", "cliparts", "submission", "sibmission", "untitled", "new document", "template",
        "openclipart",
        "road signs", "map symbols", "australian maps", "simple arrows", "segmented", "theme",
    ]

    /// Keywords that say how the file was made or filed, not what it shows.
    private static let vagueKeywords: Set<String> = [
        "unsorted", "hash", "openclipart", "clip art", "clipart", "svg", "icon", "icons", "appicon", "icontheme",
        "image",
        "signs and symbols", "hash(0x)", "sign", "united nations member",
    ]

    /// Folders of icon themes, playing cards, semaphore letters.
    package static func isCollection(_ key: String) -> Bool {
        key.contains("-theme/") || key.hasPrefix("recreation/games/cards/") || key.contains("/semaphore/")
    }

    /// The bytes from `<metadata` to its end; nil without them, or where the drawing links an image it does not carry.
    ///
    /// The drawing itself can be megabytes of paths and is not parsed.
    package static func fragment(of svg: [UInt8]) -> [UInt8]? {
        svg.withUnsafeBytes { buffer -> [UInt8]? in
            func find(_ text: String, from start: Int) -> Int? {
                let needle = Array(text.utf8)
                guard let base = buffer.baseAddress else { return nil }
                var place = start
                while place + needle.count <= buffer.count {
                    let rest = buffer.count - needle.count + 1 - place
                    guard let found = memchr(base + place, Int32(needle[0]), rest) else { return nil }
                    place = UnsafeRawPointer(found) - base
                    if memcmp(found, needle, needle.count) == 0 { return place }
                    place += 1
                }
                return nil
            }
            guard let start = find("metadata", from: 0), start > 0 else { return nil }
            // Step back over a namespace prefix to the angle bracket.
            var open = start
            while open > 0, start - open < 8, buffer[open] != UInt8(ascii: "<") { open -= 1 }
            guard buffer[open] == UInt8(ascii: "<"), let close = find("metadata>", from: start + 8) else { return nil }
            var image = find("<image", from: 0)
            while let place = image {
                let end = min(buffer.count, place + 4_000)
                let head = String(decoding: buffer[place..<end], as: UTF8.self)
                let tag = head.prefix { $0 != ">" }
                if tag.contains("href"), !tag.contains("data:") { return nil }
                image = find("<image", from: place + 6)
            }
            return Array(buffer[open..<min(buffer.count, close + 9)])
        }
    }

    /// Reads the fragment; nil without a title or when it is not dedicated to the public domain.
    package init?(fragment: [UInt8]) {
        guard let root = MarkupNode(parsing: fragment, asHTML: false), let work = root.first("Work"),
            let title = work.children.first(where: { $0.name == "title" })?.text.collapsed, !title.isEmpty,
            let licence = work.first("license")?["resource"]?.lowercased(), licence.contains("publicdomain")
        else { return nil }
        self.title = Self.cleaned(title)
        guard self.title.contains(where: \.isLetter) else { return nil }
        keywords = (work.first("subject")?.all("li").map(\.text) ?? []).map {
            $0.replacingOccurrences(of: "_", with: " ").collapsed
        }.filter { !Self.vagueKeywords.contains($0.lowercased()) && $0.count <= 24 }
        creator = work.children.first { $0.name == "creator" }?.first("title")?.text.collapsed
        if creator?.isEmpty == true { creator = nil }
    }

    /// A title is kept if it has no word of a collection and is rare or shares a word with the file's name.
    package func describes(key: String, sameTitleCount: Int) -> Bool {
        let lower = title.lowercased()
        if lower == "card" || lower == "cards" || title.count > 80 { return false }
        if Self.junk.contains(where: lower.contains) { return false }
        if sameTitleCount <= 3 { return true }
        let file = (key.split(separator: "/").last ?? "").split { !$0.isLetter }.map { $0.lowercased() }
        let words = lower.split { !$0.isLetter }.filter { $0.count > 2 }
        return words.contains { word in file.contains(String(word)) }
    }

    /// Without the collection after a dash, the drawing style in brackets, a file ending, underscores.
    private static func cleaned(_ title: String) -> String {
        var title = title
        for suffix in [" - RPG map elements", "(B and W)", "(Colour)", "(Color)", ".svg"] where title.hasSuffix(suffix)
        {
            title = String(title.dropLast(suffix.count))
        }
        return title.replacingOccurrences(of: "_", with: " ").collapsed
    }
}
