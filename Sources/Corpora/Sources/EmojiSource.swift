internal import CFonts
internal import DataPipeline
package import Media

/// Emoji: images from the colour font, groups from Unicode's test file, names and keywords from CLDR.
///
/// Skin-tone variants are left out.
package struct EmojiSource: StarterSource {
    let packages = ["fonts-noto-color-emoji", "unicode-data", "unicode-cldr-core"]

    func drafts(_ context: StarterContext) throws -> [Draft] {
        let list = try EmojiList(context)
        var annotations = EmojiAnnotations()
        try context.forEachFile(
            in: "unicode-cldr-core",
            where: { $0.hasSuffix("/common/annotations/en.xml") || $0.hasSuffix("/common/annotationsDerived/en.xml") }
        ) { annotations.add($1) }
        var font: (path: String, bytes: [UInt8])?
        try context.forEachFile(in: packages[0], thenMaps: true, where: { $0.hasSuffix("/NotoColorEmoji.ttf") }) {
            font = ($0, $1)
        }
        guard let font else {
            throw CorpusError("fonts-noto-color-emoji holds no NotoColorEmoji.ttf: fetch the pinned version")
        }
        let images = try Self.draw(list.entries.map(\.codePoints), font: font.bytes)
        let found = annotations
        let drafts = try context.parallelMap(list.entries.count, of: packages[0]) { index -> Draft? in
            guard let image = images[index] else { return nil }
            let entry = list.entries[index]
            let annotation = found[entry.codePoints]
            return Draft(
                source: "emoji", image: try CorpusImage(image, coding: context.coding),
                name: annotation?.name ?? entry.name, kind: entry.group, keywords: annotation?.keywords ?? [],
                provenance: context.provenance(
                    packages[0], path: "\(font.path)#\(entry.label)", licence: "OFL-1.1 AND Unicode-DFS-2016",
                    creator: "Google"))
        }
        let kept = drafts.compactMap { $0 }
        context.drop("emoji: the font has no image", count: drafts.count - kept.count)
        return kept
    }

    /// One image per sequence, nil where the font has none. One thread: a FreeType face is not for several.
    package static func draw(_ sequences: [[UInt32]], font bytes: [UInt8]) throws -> [Image?] {
        try bytes.withUnsafeBufferPointer { buffer in
            var opened: OpaquePointer?
            guard syrinx_font_open(buffer.baseAddress, buffer.count, &opened) == SYRINX_FONT_OK, let font = opened
            else {
                throw CorpusError("the emoji font (\(bytes.count) bytes) cannot be read as a colour bitmap font")
            }
            defer { syrinx_font_close(font) }
            return sequences.map { sequence in
                var pixels: UnsafeMutablePointer<UInt8>?
                var width: UInt32 = 0
                var height: UInt32 = 0
                guard syrinx_font_draw(font, sequence, sequence.count, &pixels, &width, &height) == SYRINX_FONT_OK,
                    let drawn = pixels
                else { return nil }
                defer { syrinx_font_free(drawn) }
                let count = Int(width) * Int(height) * 3
                return Image(
                    width: Int(width), height: Int(height),
                    pixels: Array(UnsafeBufferPointer(start: drawn, count: count)))
            }
        }
    }
}

/// What `emoji-test.txt` lists: sequences with their name and group (Unicode Technical Standard 51).
package struct EmojiList: Sendable {
    package struct Entry: Sendable {
        package var codePoints: [UInt32]
        package var name: String
        package var group: String

        /// "1F1E9-1F1EA".
        var label: String { codePoints.map { String($0, radix: 16, uppercase: true) }.joined(separator: "-") }
    }

    package private(set) var entries: [Entry] = []

    private static let groups = [
        "Smileys & Emotion": "smileys", "People & Body": "people", "Animals & Nature": "animals",
        "Food & Drink": "food", "Travel & Places": "travel", "Activities": "activities", "Objects": "objects",
        "Symbols": "symbols", "Flags": "flags",
    ]
    private static let skinTones: ClosedRange<UInt32> = 0x1F3FB...0x1F3FF

    init(_ context: StarterContext) throws {
        var text = ""
        try context.forEachFile(in: "unicode-data", where: { $0.hasSuffix("/emoji-test.txt") }) {
            text = String(decoding: $1, as: UTF8.self)
        }
        self.init(text)
        guard !entries.isEmpty else {
            throw CorpusError("unicode-data holds no emoji-test.txt with emoji: fetch the pinned version")
        }
    }

    /// Reads lines like `1F600 ; fully-qualified # 😀 E1.0 grinning face` under `# group: Smileys & Emotion`.
    package init(_ text: String) {
        var group: String?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# group: ") {
                group = Self.groups[String(line.dropFirst(9))]
                continue
            }
            let halves = line.split(separator: "#", maxSplits: 1)
            guard let group, halves.count == 2 else { continue }
            let fields = halves[0].split(separator: ";")
            guard fields.count == 2, fields[1].collapsedEquals("fully-qualified") else { continue }
            let codePoints = fields[0].split(separator: " ").compactMap { UInt32($0, radix: 16) }
            // After the number sign: the emoji itself, the version it came with, the name.
            let words = halves[1].split(separator: " ").dropFirst(2)
            guard !codePoints.contains(where: Self.skinTones.contains), !codePoints.isEmpty, !words.isEmpty else {
                continue
            }
            entries.append(Entry(codePoints: codePoints, name: words.joined(separator: " "), group: group))
        }
    }
}

/// Names and keywords of CLDR's annotation files (Unicode Technical Standard 35, part 7).
package struct EmojiAnnotations: Sendable {
    package init() {}

    private var names: [String: String] = [:]
    private var keywords: [String: [String]] = [:]

    /// Adds a file; what is already known is kept.
    package mutating func add(_ xml: [UInt8]) {
        guard let root = MarkupNode(parsing: xml, asHTML: false) else { return }
        for node in root.all("annotation") {
            guard let emoji = node["cp"] else { continue }
            if node["type"] == "tts" {
                if names[emoji] == nil { names[emoji] = node.text.collapsed }
            } else if keywords[emoji] == nil {
                keywords[emoji] = node.text.split(separator: "|").map { String($0).collapsed }
            }
        }
    }

    /// The annotation of a sequence; CLDR leaves variation selectors (U+FE0F) out.
    package subscript(codePoints: [UInt32]) -> (name: String, keywords: [String])? {
        let scalars = codePoints.filter { $0 != 0xFE0F }.compactMap(UnicodeScalar.init)
        let emoji = String(String.UnicodeScalarView(scalars))
        return names[emoji].map { ($0, keywords[emoji] ?? []) }
    }
}

extension Substring {
    fileprivate func collapsedEquals(_ other: String) -> Bool { String(self).collapsed == other }
}
