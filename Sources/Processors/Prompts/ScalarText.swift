// Text as tokenizers and the published code read it: scalar by scalar.
//
// Swift's own searches (`hasPrefix`, `firstRange(of:)`, `split`, `first?.isWhitespace`) compare grapheme clusters, what a
// person sees as one character. They do not find `<image>` before a joiner, an accent, a variation selector or a vowel
// sign, and take a space for an accented one. A model reads scalars, so whatever text it reads or writes is searched and
// trimmed with what stands here.

extension StringProtocol where SubSequence == Substring {
    /// The first place where exactly these scalars stand; nil when there is none.
    package func firstRange(ofScalars scalars: String) -> Range<String.Index>? {
        unicodeScalars.firstRange(of: scalars.unicodeScalars)
    }

    /// Whether it begins with exactly these scalars.
    package func begins(withScalars scalars: String) -> Bool { unicodeScalars.starts(with: scalars.unicodeScalars) }

    /// Without the scalars at its start that fulfil a condition.
    package func droppingFirstScalars(while condition: (Unicode.Scalar) -> Bool) -> SubSequence {
        self[(unicodeScalars.firstIndex { !condition($0) } ?? endIndex)...]
    }

    /// Without the scalars at its end that fulfil a condition.
    package func droppingLastScalars(while condition: (Unicode.Scalar) -> Bool) -> SubSequence {
        guard let last = unicodeScalars.lastIndex(where: { !condition($0) }) else { return self[..<startIndex] }
        return self[..<unicodeScalars.index(after: last)]
    }

    /// The scalars at its start that fulfil a condition.
    package func firstScalars(while condition: (Unicode.Scalar) -> Bool) -> SubSequence {
        self[..<(unicodeScalars.firstIndex { !condition($0) } ?? endIndex)]
    }

    /// Without white space at either end.
    package var withoutWhitespaceAtEnds: String {
        String(droppingFirstScalars(while: \.isSpace).droppingLastScalars(while: \.isSpace))
    }
}

extension Unicode.Scalar {
    /// White space, line ends included.
    package var isSpace: Bool { properties.isWhitespace }

    /// Line feed, vertical tab, form feed, carriage return, next line, and the separators of lines and paragraphs.
    package var isLineEnd: Bool {
        switch value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
