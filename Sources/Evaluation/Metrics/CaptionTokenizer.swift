/// Words of a caption as the COCO caption evaluation counts them.
///
/// The official scorer runs Stanford's PTBTokenizer (CoreNLP 3.4.1, lower-cased) in Java and then deletes punctuation
/// tokens. This follows its rules for what captions contain: contractions are split ("isn't" to `is n't`, "man's" to
/// `man 's`), hyphenated words, decimals and abbreviations stay whole, symbols stand alone, punctuation goes. A bracket
/// stays as `-lrb-`, because the official list of deletions knows only the upper-case form. An accent or a vowel sign is a
/// letter, what is never shown (joiners, variation selectors) ends a word and goes. Not covered: smileys,
/// markup, American spellings of British words, and abbreviations beyond a short list.
/// `scripts/reference/caption_scores.py` wrote what the Java program makes of the sentences in the tests.
public enum CaptionTokenizer {
    /// The words, in order.
    public static func words(_ caption: String) -> [String] {
        var words = [String]()
        for chunk in caption.lowercased().unicodeScalars.split(whereSeparator: \.properties.isWhitespace) {
            append(chunk.filter { $0 != softHyphen }.map(plain), to: &words)
        }
        return words
    }

    private static let softHyphen: Unicode.Scalar = "\u{AD}"

    /// Typographic quotes and dashes as their plain forms.
    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "\u{2018}", "\u{2019}": "'"
        case "\u{201C}", "\u{201D}": "\""
        case "\u{2013}", "\u{2014}": "\u{2014}"
        default: scalar
        }
    }

    private static let brackets: [Unicode.Scalar: String] = [
        "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    ]
    private static let deleted: Set<Unicode.Scalar> = [
        ".", "?", "!", ",", ":", ";", "-", "\u{2014}", "'", "`", "\"", "\u{2026}",
    ]

    /// Takes apart what stands between two white spaces.
    private static func append(_ chunk: [Unicode.Scalar], to words: inout [String]) {
        var place = 0
        while place < chunk.count {
            let scalar = chunk[place]
            if isWordScalar(scalar) || startsNumber(chunk, place) {
                let end = endOfWord(chunk, from: place)
                append(word: text(chunk[place..<end]), to: &words)
                place = end
                continue
            }
            if scalar == "'", let ending = ending(chunk, at: place) {
                words.append(ending)
                place += ending.unicodeScalars.count
                continue
            }
            if let bracket = brackets[scalar] {
                words.append(bracket)
            } else if !deleted.contains(scalar) && !isDropped(scalar) {
                words.append(String(scalar))
            }
            place += 1
        }
    }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// What is never shown or encloses another sign; emoji and the like, which the official program cannot read.
    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0xFFFF || scalar.properties.isDefaultIgnorableCodePoint
            || scalar.properties.generalCategory == .enclosingMark
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool { scalar.isLetterOrNumber || scalar.isMark }

    /// A mark that a number begins with: '90s, .30.
    private static func startsNumber(_ chunk: [Unicode.Scalar], _ place: Int) -> Bool {
        func isDigit(_ offset: Int) -> Bool { place + offset < chunk.count && chunk[place + offset].isNumber }
        switch chunk[place] {
        case "'": return isDigit(1) && isDigit(2)
        case ".": return isDigit(1)
        default: return false
        }
    }

    /// The place after the word that begins at `start`: letters, digits, and marks between two of them.
    private static func endOfWord(_ chunk: [Unicode.Scalar], from start: Int) -> Int {
        var end = start + 1
        while end < chunk.count {
            if isWordScalar(chunk[end]) {
                end += 1
                continue
            }
            guard end + 1 < chunk.count, isWordScalar(chunk[end + 1]), joins(chunk, end) else { break }
            end += 2
        }
        if end < chunk.count, chunk[end] == ".", keepsPeriod(text(chunk[start..<end])) { end += 1 }
        return end
    }

    /// Whether a sign between two word scalars belongs to one word. Beside an accent only a full stop among letters does, and
    /// the apostrophe of an ending.
    private static func joins(_ chunk: [Unicode.Scalar], _ place: Int) -> Bool {
        let (before, after) = (chunk[place - 1], chunk[place + 1])
        if before.isMark || after.isMark {
            switch chunk[place] {
            case ".": return !before.isNumber
            case "'": return ending(chunk, at: place) != nil
            default: return false
            }
        }
        switch chunk[place] {
        case "-", "_", "/", "'", ".", "@", "&": return true
        case ",", ":": return before.isNumber && after.isNumber
        default: return false
        }
    }

    /// The ending of a contraction that begins at an apostrophe.
    private static func ending(_ chunk: [Unicode.Scalar], at place: Int) -> String? {
        let found = text(chunk[place...].prefix { isWordScalar($0) || $0 == "'" })
        return endings.contains(found) ? found : nil
    }

    private static let abbreviations: Set<String> = [
        "mr", "mrs", "ms", "dr", "st", "vs", "etc", "jr", "sr", "prof", "inc", "co", "corp", "ltd", "mt", "ave", "blvd",
        "jan", "feb", "aug", "sept", "oct", "nov", "dec",
    ]

    /// Abbreviations and initials ("w", "u.s", "ph.d") keep their last full stop.
    private static func keepsPeriod(_ word: String) -> Bool {
        if abbreviations.contains(word) || word == "ph.d" { return true }
        let parts = word.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        return parts.allSatisfy { $0.count == 1 && $0.first?.properties.isAlphabetic == true }
    }

    private static let endings = ["n't", "'s", "'re", "'ve", "'ll", "'d", "'m"]
    private static let joined: [String: [String]] = [
        "cannot": ["can", "not"], "gonna": ["gon", "na"], "wanna": ["wan", "na"], "gotta": ["got", "ta"],
        "gimme": ["gim", "me"], "lemme": ["lem", "me"],
    ]

    /// A word without the marks around it, split where it is a contraction.
    private static func append(word: String, to words: inout [String]) {
        if let parts = joined[word] {
            words += parts
            return
        }
        for ending in endings {
            let rest = word.unicodeScalars.dropLast(ending.unicodeScalars.count)
            guard !rest.isEmpty, word.unicodeScalars[rest.endIndex...].elementsEqual(ending.unicodeScalars) else {
                continue
            }
            words += [String(rest), ending]
            return
        }
        words.append(word)
    }
}
