/// A manual's page as blocks of text and images in document order, without navigation and tables of contents.
package struct ManualPage: Sendable {
    package enum Block: Hashable, Sendable {
        case text(String)
        /// The `src` of an image as it stands.
        case image(String)
    }

    package private(set) var blocks: [Block] = []

    private static let skippedElements: Set<String> = ["head", "script", "style", "hr"]
    private static let skippedClasses: Set<String> = [
        "navheader", "navfooter", "toc", "indexterm", "index", "bibliography", "revhistory",
    ]
    /// Elements inside which text goes on; all others end a block.
    private static let inline: Set<String> = [
        "a", "abbr", "acronym", "b", "big", "cite", "code", "em", "font", "i", "kbd", "q", "samp", "small", "span",
        "strong", "sub",
        "sup", "tt", "u", "var",
    ]

    /// Reads a page of DocBook-made HTML.
    package init(_ root: MarkupNode) {
        var open = ""
        walk(root, &open)
        end(&open)
    }

    private mutating func walk(_ node: MarkupNode, _ open: inout String) {
        switch node {
        case .text(let text):
            open += text
        case .element(let name, let attributes, let children):
            let classes = (attributes["class"] ?? "").split(separator: " ").map(String.init)
            guard !Self.skippedElements.contains(name), !classes.contains(where: Self.skippedClasses.contains) else {
                return
            }
            if name == "img" {
                end(&open)
                if let source = attributes["src"], !source.isEmpty { blocks.append(.image(source)) }
                return
            }
            let isInline = Self.inline.contains(name)
            if !isInline { end(&open) }
            for child in children { walk(child, &open) }
            if !isInline { end(&open) }
        }
    }

    private mutating func end(_ open: inout String) {
        let text = Self.unnumbered(open.collapsed)
        if text.contains(where: { $0.isLetter || $0.isNumber }) { blocks.append(.text(text)) }
        open = ""
    }

    /// Without "11.3.1. ", "Figure 17.201. " or "Figure A.20. " at the front.
    package static func unnumbered(_ text: String) -> String {
        var rest = text[...]
        for word in ["Figure ", "Table ", "Example "] where rest.hasPrefix(word) { rest = rest.dropFirst(word.count) }
        // An appendix has one capital letter for its first number.
        if rest.count > 2, rest.first?.isUppercase == true, rest.dropFirst().first == "." { rest = rest.dropFirst(2) }
        let number = rest.prefix { $0.isNumber || $0 == "." }
        let after = rest.dropFirst(number.count)
        guard number.hasSuffix("."), number.first?.isNumber == true, after.hasPrefix(" ") else { return text }
        return String(after.dropFirst())
    }
}

extension ManualPage {
    /// A run of blocks of about 192 words and at most six images.
    package struct Window: Sendable {
        package var blocks: [Block] = []
        package var wordCount = 0
        package var imageCount = 0

        /// The text alone, to find repeated windows.
        package var text: String {
            blocks.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(separator: "\n")
        }
    }

    /// Cuts blocks into windows; a block is never split, so a window can be one paragraph longer than asked.
    package static func windows(of blocks: [Block], wordLimit: Int = 192, imageLimit: Int = 6) -> [Window] {
        var windows: [Window] = []
        var open = Window()
        for block in blocks {
            switch block {
            case .text(let text):
                let count = text.split(separator: " ").count
                if open.wordCount > 0, open.wordCount + count > wordLimit {
                    windows.append(open)
                    open = Window()
                }
                open.wordCount += count
            case .image:
                if open.imageCount == imageLimit {
                    windows.append(open)
                    open = Window()
                }
                open.imageCount += 1
            }
            open.blocks.append(block)
        }
        if !open.blocks.isEmpty { windows.append(open) }
        return windows
    }
}
