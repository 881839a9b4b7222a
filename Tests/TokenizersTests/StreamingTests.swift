import Testing
import Tokenizers

@Suite("Streaming text")
struct StreamingTests {
    private func streamed(_ ids: [Int], _ tokenizer: any Tokenizer) -> [String] {
        var detokenizer = StreamingDetokenizer(tokenizer)
        return ids.map { detokenizer.append($0) } + [detokenizer.finish()]
    }

    @Test("the pieces joined are the decoded text, for any ids at all")
    func equalsDecode() {
        var random = SplitMix(state: 42)
        for tokenizer in [SampleTexts.bytePair, SampleTexts.unigram, SampleTexts.withoutPrefix] {
            for _ in 0..<2000 {
                // Half the time only special pieces and bytes, where decoding is hardest.
                let limit = Bool.random(using: &random) ? tokenizer.vocabularySize : min(262, tokenizer.vocabularySize)
                let ids = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                    Int.random(in: 0..<limit, using: &random)
                }
                let text = streamed(ids, tokenizer).joined()
                #expect(Array(text.utf8) == Array(tokenizer.decode(ids).utf8), "ids \(ids)")
            }
        }
    }

    @Test("broken byte sequences give one replacement character per byte, as decoding does")
    func brokenBytes() throws {
        let tokenizer = SampleTexts.bytePair
        let zero = try #require(tokenizer.id(of: "<0x00>"))
        var random = SplitMix(state: 5)
        let interesting: [Int] = [
            0x20, 0x41, 0x80, 0xBF, 0xC0, 0xC3, 0xA9, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x9F, 0x90, 0xF4, 0x8F, 0xF5, 0xFF,
        ]
        for _ in 0..<3000 {
            let ids = (0..<Int.random(in: 1...7, using: &random)).map { _ in
                zero + interesting.randomElement(using: &random)!
            }
            #expect(
                Array(streamed(ids, tokenizer).joined().utf8) == Array(tokenizer.decode(ids).utf8),
                "bytes \(ids.map { $0 - zero })")
        }
    }

    @Test("an emoji spelled in bytes comes out whole, at its last byte")
    func holdsBack() {
        let tokenizer = SampleTexts.bytePair
        let ids = tokenizer.encode("\u{1F99C}")
        let parts = streamed(ids, tokenizer)
        #expect(ids.count >= 4)
        #expect(parts.filter { !$0.isEmpty } == ["\u{1F99C}"])
        #expect(parts[ids.count - 1] == "\u{1F99C}")
    }

    @Test("an unfinished character is held back and given up at the end")
    func unfinished() {
        let tokenizer = SampleTexts.bytePair
        let ids = Array(tokenizer.encode("\u{1F99C}").dropLast())
        let parts = streamed(ids, tokenizer)
        #expect(parts.dropLast().allSatisfy { $0.isEmpty })
        #expect(parts.last?.contains("\u{FFFD}") == true)
    }

    @Test("a text that goes on keeps the space before its first word")
    func continuing() {
        let tokenizer = SampleTexts.bytePair
        let ids = tokenizer.encode("house")
        var fresh = StreamingDetokenizer(tokenizer)
        var continuing = StreamingDetokenizer(tokenizer, continuing: true)
        #expect(ids.map { fresh.append($0) }.joined() == "house")
        #expect(ids.map { continuing.append($0) }.joined() == " house")
    }

    private func filtered(_ parts: [String], stops: [String]) -> (text: String, hasStopped: Bool) {
        var filter = StopStringFilter(stops)
        let text = parts.map { filter.append($0) }.joined()
        return (text + filter.finish(), filter.hasStopped)
    }

    @Test(
        "text ends before the first stop string",
        arguments: [
            ("one. two", ["."], "one", true), ("abc", ["x"], "abc", false), ("ab###", ["###"], "ab", true),
            ("ab##", ["###"], "ab##", false), ("aab", ["ab"], "a", true), ("xabcd", ["abcd", "bc"], "xa", true),
            ("xbc", ["bc", "abc", "xbc"], "", true), ("äöü", ["ö"], "ä", true), ("text", [""], "text", false),
            ("text", [], "text", false), ("\nUser: hi", ["\nUser:"], "", true),
        ])
    func stops(text: String, stops: [String], expected: String, isStopped: Bool) {
        let whole = filtered([text], stops: stops)
        #expect(whole.text == expected)
        #expect(whole.hasStopped == isStopped)
        let single = filtered(text.unicodeScalars.map { String($0) }, stops: stops)
        #expect(single.text == expected)
        #expect(single.hasStopped == isStopped)
    }

    /// The slow way: the shortest beginning of the text that ends with a stop string, without it.
    private func reference(_ text: String, stops: [String]) -> String {
        let scalars = Array(text.unicodeScalars.map { String($0) })
        for end in 0...scalars.count {
            let beginning = scalars[..<end].joined()
            let matches = stops.filter { beginning.utf8.reversed().starts(with: $0.utf8.reversed()) }
            if let longest = matches.max(by: { $0.utf8.count < $1.utf8.count }) {
                return String(beginning.unicodeScalars.dropLast(longest.unicodeScalars.count))
            }
        }
        return text
    }

    @Test("nothing emitted ever has to be taken back, however the text goes on")
    func neverEmitsAPart() {
        var random = SplitMix(state: 9)
        let letters = ["a", "b", "\u{e9}"]
        for _ in 0..<1000 {
            let text = (0..<8).map { _ in letters.randomElement(using: &random)! }
            let stops = (0..<2).map { _ in
                (0..<Int.random(in: 1...4, using: &random)).map { _ in letters.randomElement(using: &random)! }.joined()
            }
            var filter = StopStringFilter(stops)
            var emitted = ""
            for (index, letter) in text.enumerated() {
                emitted += filter.append(letter)
                let soFar = text[...index].joined()
                let continuations = stops.flatMap { stop in (0...stop.count).map { soFar + stop.dropFirst($0) } }
                #expect(continuations.allSatisfy { reference($0, stops: stops).hasPrefix(emitted) })
            }
            #expect(emitted + filter.finish() == reference(text.joined(), stops: stops))
        }
    }

    @Test(
        "a stop string is found beside any scalar, and an accent on it is no part of it",
        arguments: ["\u{200D}", "\u{FE0F}", "\u{1F3FD}", "\u{301}", "\u{93F}", "\u{E34}", "\u{600}"])
    func stopBesideScalars(scalar: String) {
        var filter = StopStringFilter(["</s>"])
        let text = filter.append("a\(scalar)</s>\(scalar)b") + filter.finish()
        #expect(filter.hasStopped && Array(text.utf8) == Array("a\(scalar)".utf8))
    }
}
