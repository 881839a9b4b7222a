import Processors
import Testing

@Suite struct MarkedTextTests {
    private func form(_ text: String) -> String {
        MarkedText(text).pieces.map { piece in
            switch piece {
            case .text(let text): text
            case .place(let modality): modality == .image ? "I" : "V"
            }
        }.joined(separator: "|")
    }

    @Test func `Both spellings of a mark are places, and a backslash makes it text`() {
        #expect(form("a<image>b<|image|>c<video><|video|>") == "a|I|b|I|c|V|V")
        #expect(form(#"the tag \<image> and \<|video|>"#) == "the tag <image> and <|video|>")
        // One backslash is the escape's; further ones are text.
        #expect(form(#"\\<image>"#) == #"\<image>"#)
        #expect(form(#"a \ <image>"#) == #"a \ |I"#)
        #expect(form("<images> <Image> < image>") == "<images> <Image> < image>")
        #expect(form("").isEmpty)
    }

    @Test func `Escaped text has no place and is itself again`() {
        for text in ["", "a", "<image>", #"\<video>"#, #"a <|image|>\"#, "<<image>>"] {
            let marked = MarkedText(MarkedText.escaped(text))
            #expect(marked.firstModality == nil && marked.pieces == (text.isEmpty ? [] : [.text(text)]), "\(text)")
        }
        #expect(MarkedText(#"a<|image|>b\<video>"#).spelling == #"a<image>b\<video>"#)
    }

    @Test(arguments: CombiningScalars.all)
    func `A mark is found beside any scalar`(scalar: String) {
        for (mark, place) in [("<image>", "I"), ("<|image|>", "I"), ("<video>", "V"), ("<|video|>", "V")] {
            #expect(form("a\(scalar)\(mark)\(scalar)b") == "a\(scalar)|\(place)|\(scalar)b")
            #expect(form("\(mark)\(scalar)\(mark)") == "\(place)|\(scalar)|\(place)")
            #expect(form("\(scalar)\\\(mark)\(scalar)") == "\(scalar)\(mark)\(scalar)")
        }
    }

    @Test(arguments: CombiningScalars.all)
    func `Only white space and line ends go, and never an accent on one`(scalar: String) {
        let trimmed = " \n\(scalar)a\(scalar) \n".withoutWhitespaceAtEnds
        #expect(Array(trimmed.utf8) == Array("\(scalar)a\(scalar)".utf8))
        #expect("  ".withoutWhitespaceAtEnds.isEmpty && "".withoutWhitespaceAtEnds.isEmpty)
        #expect(" \(scalar)".begins(withScalars: " ") && "a:\(scalar)b".firstRange(ofScalars: ":") != nil)
        #expect(form("a \(scalar)<image>") == "a \(scalar)|I")
        let spaced = try? MarkedText("a \(scalar)<image> \(scalar)b ").content(
            with: [.image(ImageReference(.encoded([]), name: "i"))], keepsSpaces: false)
        let texts = (spaced ?? []).compactMap { part -> String? in if case .text(let text) = part { text } else { nil }
        }
        #expect(texts.map { Array($0.utf8) } == ["a \(scalar)", "\(scalar)b"].map { Array($0.utf8) })
    }

    @Test func `Line ends beside a place go where a file set them`() {
        #expect(MarkedText("<image>\r\nWhat?\n<image>\n").withoutLineEndsAtPlaces.spelling == "<image>What?<image>")
        #expect(MarkedText("\nWhat?\n").withoutLineEndsAtPlaces.spelling == "\nWhat?\n")
    }
}
