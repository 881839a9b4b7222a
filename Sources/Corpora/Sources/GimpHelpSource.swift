internal import DataPipeline

/// The GIMP manual in English: text with its photographs and screenshots in document order.
///
/// Windows without an image go to the text pool. The licence text, the index and the bibliography are left out.
struct GimpHelpSource: StarterSource {
    let packages = ["gimp-help-en"]

    private static let root = "usr/share/gimp/2.0/help/en/"
    private static let leftOut = ["gfdl", "bibliography", "index.html", "legal", "ix0"]
    /// An image on more than this share of the pages is a note or tip icon.
    private static let iconShare = 0.05
    private static let smallestSide = 40
    private static let mostRepeats = 3

    func drafts(_ context: StarterContext) throws -> [Draft] {
        var files: [String: [UInt8]] = [:]
        try context.forEachFile(in: packages[0], thenMaps: true, where: Self.wants) { path, bytes in
            files[String(path.dropFirst(Self.root.count))] = bytes
        }
        let names = files.keys.filter { $0.hasSuffix(".html") }.sorted()
        let found = files
        let pages = try Corpora.parallelMap(count: names.count) { index -> ManualPage? in
            guard let bytes = found[names[index]], let root = MarkupNode(parsing: bytes, asHTML: true) else {
                return nil
            }
            return ManualPage(root)
        }
        let images = try Self.images(pages, files: found, context: context)
        return assemble(names, pages, images: images, context: context)
    }

    private static func wants(_ path: String) -> Bool {
        guard path.hasPrefix(root) else { return false }
        let name = path.dropFirst(root.count)
        if name.hasSuffix(".html") { return !leftOut.contains(where: name.hasPrefix) }
        return name.hasPrefix("images/")
            && (name.hasSuffix(".png") || name.hasSuffix(".jpg") || name.hasSuffix(".jpeg"))
    }

    /// The images worth keeping, by path: not too small, not on too many pages, not damaged.
    private static func images(
        _ pages: [ManualPage?], files: [String: [UInt8]], context: StarterContext
    ) throws -> [String: CorpusImage] {
        var pageCounts: [String: Int] = [:]
        for page in pages {
            let used = Set((page?.blocks ?? []).compactMap { if case .image(let path) = $0 { path } else { nil } })
            for path in used { pageCounts[path, default: 0] += 1 }
        }
        let most = max(3, Int(iconShare * Double(pages.count)))
        let paths = pageCounts.filter { $0.value <= most && files[$0.key] != nil }.keys.sorted()
        let stored = try context.parallelMap(paths.count, of: "gimp-help-en") { index -> CorpusImage? in
            try files[paths[index]].flatMap { try CorpusImage(decoding: $0, coding: context.coding) }
        }
        var images: [String: CorpusImage] = [:]
        for (path, image) in zip(paths, stored) {
            guard let image, min(image.originalWidth, image.originalHeight) >= smallestSide else { continue }
            images[path] = image
        }
        context.drop("gimp-help: icons and images under \(smallestSide) px", count: pageCounts.count - images.count)
        return images
    }

    private func assemble(
        _ names: [String], _ pages: [ManualPage?], images: [String: CorpusImage], context: StarterContext
    ) -> [Draft] {
        var drafts: [Draft] = []
        var seenTexts: Set<String> = []
        var uses: [String: Int] = [:]
        for (name, page) in zip(names, pages) {
            guard let page else { continue }
            let blocks = page.blocks.filter { block in
                guard case .image(let path) = block else { return true }
                guard images[path] != nil else { return false }
                uses[path, default: 0] += 1
                return uses[path, default: 0] <= Self.mostRepeats
            }
            for window in ManualPage.windows(of: blocks) {
                let text = window.text
                guard !text.isEmpty, seenTexts.insert(text).inserted else {
                    context.drop("gimp-help: repeated window")
                    continue
                }
                let isIllustrated = window.imageCount > 0
                if !isIllustrated && window.wordCount < 16 { continue }
                drafts.append(
                    Draft(
                        source: isIllustrated ? "gimp-help" : "gimp-text",
                        kind: isIllustrated ? .interleaved : .textOnly,
                        parts: Self.parts(of: window, images: images), group: name,
                        provenance: context.provenance(
                            packages[0], path: Self.root + name, licence: "GFDL-1.2-no-invariants-or-later",
                            creator: "The GIMP Documentation Team")))
            }
        }
        return drafts
    }

    /// Neighbouring paragraphs become one piece of text with a line for each.
    private static func parts(of window: ManualPage.Window, images: [String: CorpusImage]) -> [Draft.Part] {
        var parts: [Draft.Part] = []
        var lines: [String] = []
        for block in window.blocks {
            switch block {
            case .text(let text):
                lines.append(text)
            case .image(let path):
                guard let image = images[path] else { continue }
                if !lines.isEmpty { parts.append(.text(lines.joined(separator: "\n"))) }
                lines = []
                parts.append(.image(image))
            }
        }
        if !lines.isEmpty { parts.append(.text(lines.joined(separator: "\n"))) }
        return parts
    }
}
