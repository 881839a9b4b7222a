/// Words of a caption as the COCO caption evaluation counts them.
///
/// The official scorer runs Stanford's PTBTokenizer (CoreNLP 3.4.1, lower-cased) in Java and then deletes punctuation
/// tokens. This follows its rules for what captions contain: contractions are split ("isn't" to `is n't`, "man's" to
/// `man 's`), hyphenated words, decimals and abbreviations stay whole, symbols stand alone, punctuation goes. A bracket
/// stays as `-lrb-`, because the official list of deletions knows only the upper-case form. Not covered: smileys,
/// markup, American spellings of British words, and abbreviations beyond a short list.
/// `scripts/reference/caption_scores.py` wrote what the Java program makes of the sentences in the tests.
public enum CaptionTokenizer {
    /// The words, in order.
    public static func words(_ caption: String) -> [String] {
        var words = [String]()
        for chunk in caption.lowercased().split(whereSeparator: \.isWhitespace) {
            append(chunk.map(plain), to: &words)
        }
        return words
    }

    /// Typographic quotes and dashes as their plain forms.
    private static func plain(_ character: Character) -> Character {
        switch character {
        case "\u{2018}", "\u{2019}": "'"
        case "\u{201C}", "\u{201D}": "\""
        case "\u{2013}", "\u{2014}": "\u{2014}"
        default: character
        }
    }

    private static let brackets: [Character: String] = [
        "(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-",
    ]
    private static let deleted: Set<Character> = [
        ".", "?", "!", ",", ":", ";", "-", "\u{2014}", "'", "`", "\"", "\u{2026}",
    ]

    /// Takes apart what stands between two white spaces.
    private static func append(_ chunk: [Character], to words: inout [String]) {
        var place = 0
        while place < chunk.count {
            let character = chunk[place]
            if isWordCharacter(character) || startsNumber(chunk, place) {
                let end = endOfWord(chunk, from: place)
                append(word: String(chunk[place..<end]), to: &words)
                place = end
                continue
            }
            if let bracket = brackets[character] {
                words.append(bracket)
            } else if !deleted.contains(character) && !isOutsideBasicPlane(character) {
                words.append(String(character))
            }
            place += 1
        }
    }

    /// Emoji and the like, which the official program cannot read and drops.
    private static func isOutsideBasicPlane(_ character: Character) -> Bool {
        character.unicodeScalars.contains { $0.value > 0xFFFF }
    }

    private static func isWordCharacter(_ character: Character) -> Bool { character.isLetter || character.isNumber }

    /// A mark that a number begins with: '90s, .30.
    private static func startsNumber(_ chunk: [Character], _ place: Int) -> Bool {
        func isDigit(_ offset: Int) -> Bool { place + offset < chunk.count && chunk[place + offset].isNumber }
        switch chunk[place] {
        case "'": return isDigit(1) && isDigit(2)
        case ".": return isDigit(1)
        default: return false
        }
    }

    /// The place after the word that begins at `start`: letters, digits, and marks between two of them.
    private static func endOfWord(_ chunk: [Character], from start: Int) -> Int {
        var end = start + 1
        while end < chunk.count {
            if isWordCharacter(chunk[end]) {
                end += 1
                continue
            }
            guard end + 1 < chunk.count, isWordCharacter(chunk[end + 1]),
                joins(chunk[end], chunk[end - 1], chunk[end + 1])
            else { break }
            end += 2
        }
        if end < chunk.count, chunk[end] == ".", keepsPeriod(String(chunk[start..<end])) { end += 1 }
        return end
    }

    /// Whether a mark between two word characters belongs to one word.
    private static func joins(_ mark: Character, _ before: Character, _ after: Character) -> Bool {
        switch mark {
        case "-", "_", "/", "'", ".", "@", "&": true
        case ",", ":": before.isNumber && after.isNumber
        default: false
        }
    }

    private static let abbreviations: Set<String> = [
        "mr", "mrs", "ms", "dr", "st", "vs", "etc", "jr", "sr", "prof", "inc", "co", "corp", "ltd", "mt", "ave", "blvd",
        "jan", "feb", "aug", "sept", "oct", "nov", "dec",
    ]

    /// Abbreviations and initials ("w", "u.s", "ph.d") keep their last full stop.
    private static func keepsPeriod(_ word: String) -> Bool {
        if abbreviations.contains(word) || word == "ph.d" { return true }
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        return parts.allSatisfy { $0.count == 1 && $0.first?.isLetter == true }
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
        for ending in endings where word.hasSuffix(ending) && word.count > ending.count {
            words += [String(word.dropLast(ending.count)), ending]
            return
        }
        words.append(word)
    }
}
