import Processors
import Testing
import Tokenizers
import Torch

private func span(_ count: Int = 3) -> ImageSpan {
    ImageSpan(tokenCount: count, name: "cat.png", width: 640, height: 480)
}

private let contract = TokenContract(imagePlaceholderID: 9, visualTokenCount: 3)

@Suite struct PromptLayoutTests {
    let layout = PromptLayout(
        name: "a",
        segments: [
            .text(tokenIDs: [1], isSupervised: false), .image(span()), .text(tokenIDs: [4, 5], isSupervised: true),
            .text(tokenIDs: [6], isSupervised: false), .text(tokenIDs: [2], isSupervised: true),
        ])

    @Test func `Labels come from the segments: only supervised text is expected, shifted by one`() {
        #expect(layout.tokenIDs(imagePlaceholderID: 9) == [1, 9, 9, 9, 4, 5, 6, 2])
        #expect(layout.labels() == [-100, -100, -100, 4, 5, -100, 2, -100])
        #expect(layout.supervisedTokenIDs == [4, 5, 2])
        #expect(layout.tokenCount == 8)
        #expect(layout.textTokenCount == 5)
    }

    @Test func `An empty layout has no labels, and empty text leaves no segment`() {
        #expect(PromptLayout(name: "e").labels().isEmpty)
        #expect(PromptLayout(name: "e", segments: [.text(tokenIDs: [], isSupervised: true)]).segments.isEmpty)
    }
}

@Suite struct TokenContractTests {
    @Test func `An image laid out with another count is refused with its name, size and both counts`() {
        let error = #expect(throws: ProcessorError.self) {
            try contract.check(PromptLayout(name: "sample 7", segments: [.image(span()), .image(span(5))]))
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("sample 7: image 2 (cat.png, 640x480)"))
        #expect(text.contains("5 placeholder tokens") && text.contains("makes 3"))
    }

    @Test func `Missing and surplus images are refused with both counts`() throws {
        let layout = PromptLayout(name: "s", segments: [.image(span())])
        try contract.check(layout, imageCount: 1)
        let error = #expect(throws: ProcessorError.self) { try contract.check(layout, imageCount: 2) }
        #expect(error?.description.contains("1 places for images (3 placeholder tokens), but 2 images") == true)
        try contract.check(tokenIDs: [1, 9, 9, 9, 2], imageCount: 1, name: "s")
        #expect(throws: ProcessorError.self) {
            try contract.check(tokenIDs: [1, 9, 9, 2], imageCount: 1, name: "s")
        }
    }

    @Test func `A placeholder inside text is refused`() {
        #expect(throws: ProcessorError.self) {
            try contract.check(PromptLayout(name: "s", segments: [.text(tokenIDs: [4, 9], isSupervised: true)]))
        }
    }
}

@Suite struct CollatorTests {
    let collator = Collator(contract: contract, padID: 0)
    let short = PromptLayout(
        name: "short",
        segments: [.text(tokenIDs: [1], isSupervised: false), .text(tokenIDs: [5, 2], isSupervised: true)])
    let pictured = PromptLayout(
        name: "pictured",
        segments: [
            .text(tokenIDs: [1], isSupervised: false), .image(span()), .text(tokenIDs: [7, 2], isSupervised: true),
        ])

    @Test func `Packing restarts positions, marks segments, and counts what is filled`() throws {
        let result = try collator.packed(
            [[short, pictured], [short]], length: 10, pixelValues: Tensor.zeros([1, 3, 2, 2]))
        #expect(
            result.input.tokenIDs.array(of: Int64.self)
                == [1, 5, 2, 1, 9, 9, 9, 7, 2, 0, 1, 5, 2, 0, 0, 0, 0, 0, 0, 0])
        #expect(
            result.input.positionIDs.array(of: Int64.self)
                == [0, 1, 2, 0, 1, 2, 3, 4, 5, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0])
        let none: Int64 = -100
        #expect(
            result.labels.array(of: Int64.self)
                == [5, 2, none, none, none, none, 7, 2, none, none, 5, 2] + [Int64](repeating: none, count: 8))
        #expect(
            result.input.layout.segments
                == [
                    .init(row: 0, start: 0, length: 3), .init(row: 0, start: 3, length: 6),
                    .init(row: 1, start: 0, length: 3),
                ])
        #expect(result.input.visualPositions?.array(of: Int64.self) == [4, 5, 6])
        #expect(result.filledTokenCount == 12)
        #expect(result.textTokenCount == 9)
        #expect(result.supervisedTokenCount == 6)
    }

    @Test func `One example per row gives each row the numbers it has alone`() throws {
        let both = try collator.padded([short, pictured], pixelValues: Tensor.zeros([1, 3, 2, 2]))
        let alone = try collator.padded([short], pixelValues: nil)
        #expect(both.input.tokenIDs.shape == [2, 6])
        #expect(Array(both.labels.array(of: Int64.self).prefix(3)) == alone.labels.array(of: Int64.self))
        #expect(alone.input.visualPositions == nil)
    }

    @Test func `Too long a row and a wrong number of images are refused`() {
        #expect(throws: ProcessorError.self) {
            try collator.packed([[short, pictured]], length: 8, pixelValues: Tensor.zeros([1, 3, 2, 2]))
        }
        #expect(throws: ProcessorError.self) { try collator.padded([pictured], pixelValues: nil) }
        #expect(throws: ProcessorError.self) {
            try collator.padded([pictured], pixelValues: Tensor.zeros([2, 3, 2, 2]))
        }
    }
}

/// A vocabulary that wrongly turns "<s>" in text into the begin token.
private struct CarelessTokenizer: Tokenizer {
    var vocabularySize: Int { 300 }
    var beginID: Int? { 1 }
    var endID: Int? { 2 }
    var padID: Int? { nil }
    func encode(_ text: String) -> [Int] { text == "<s>" ? [1] : text.utf8.map { Int($0) + 3 } }
    func decode(_ ids: [Int]) -> String { "" }
    func piece(_ id: Int) -> String { id == 1 ? "<s>" : "x" }
    func id(of piece: String) -> Int? { nil }
}

@Suite struct PlainTextTests {
    @Test func `Text that would become a special token is refused by name`() throws {
        #expect(try CarelessTokenizer().encodePlainText("ab", name: "s") == [100, 101])
        let error = #expect(throws: ProcessorError.self) {
            try CarelessTokenizer().encodePlainText("<s>", name: "sample 3")
        }
        #expect(error?.description.hasPrefix("sample 3: text was encoded to the special token \"<s>\" (1)") == true)
        #expect(throws: ProcessorError.self) {
            try CarelessTokenizer().encodePlainText("a", reserved: [100], name: "s")
        }
    }
}
