import Processors
import Testing
import TinyModels
import Tokenizers
import Torch

private func span(_ count: Int = 3) -> MediaSpan {
    MediaSpan.image(tokenCount: count, name: "cat.png", width: 640, height: 480)
}

private let contract = TokenContract(imagePlaceholder: 9, tokenCount: 3)

@Suite struct PromptLayoutTests {
    let layout = PromptLayout(
        name: "a",
        segments: [
            .text(tokenIDs: [1], isSupervised: false), .media(span()), .text(tokenIDs: [4, 5], isSupervised: true),
            .text(tokenIDs: [6], isSupervised: false), .text(tokenIDs: [2], isSupervised: true),
        ])

    @Test func `Labels come from the segments: only supervised text is expected, shifted by one`() {
        #expect(layout.ids(9) == [1, 9, 9, 9, 4, 5, 6, 2])
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
            try contract.check(PromptLayout(name: "sample 7", segments: [.media(span()), .media(span(5))]))
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("sample 7: image 2 (cat.png, 640x480)"))
        #expect(text.contains("5 placeholder tokens") && text.contains("makes 3"))
    }

    @Test func `Missing and surplus images are refused with both counts`() throws {
        let layout = PromptLayout(name: "s", segments: [.media(span())])
        try contract.check(layout, itemCount: 1)
        let error = #expect(throws: ProcessorError.self) { try contract.check(layout, itemCount: 2) }
        #expect(error?.description.contains("1 places for media, but 2 items") == true)
    }

    @Test func `A medium that the model does not read is refused with those it reads`() {
        let sound = MediaSpan(Modality("sound"), tokenCount: 2, name: "a.wav")
        let error = #expect(throws: ProcessorError.self) {
            try contract.check(PromptLayout(name: "s", segments: [.media(sound)]))
        }
        #expect(error?.description.contains("a.wav has the modality sound") == true)
        #expect(error?.description.contains("it reads image") == true)
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
            .text(tokenIDs: [1], isSupervised: false), .media(span()), .text(tokenIDs: [7, 2], isSupervised: true),
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
        #expect(result.input.mediaPositions?.array(of: Int64.self) == [4, 5, 6])
        #expect(result.filledTokenCount == 12)
        #expect(result.textTokenCount == 9)
        #expect(result.supervisedTokenCount == 6)
    }

    @Test func `One example per row gives each row the numbers it has alone`() throws {
        let both = try collator.padded([short, pictured], pixelValues: Tensor.zeros([1, 3, 2, 2]))
        let alone = try collator.padded([short], pixelValues: nil)
        #expect(both.input.tokenIDs.shape == [2, 6])
        #expect(Array(both.labels.array(of: Int64.self).prefix(3)) == alone.labels.array(of: Int64.self))
        #expect(alone.input.mediaPositions == nil)
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
        #expect(
            error?.description.hasPrefix("sample 3: the tokenizer encoded text as the special token \"<s>\" (1)")
                == true)
        #expect(throws: ProcessorError.self) {
            try CarelessTokenizer().encodePlainText("a", reserved: [100], name: "s")
        }
    }

    @Test func `Media of several modalities, shapes and token counts fill one row, each its own places`() throws {
        let sound = Modality("sound")
        let collator = Collator(
            contract: TokenContract(placeholders: [.image: 9, sound: 8], tokenCounts: [.image: 3]), padID: 0)
        let layout = PromptLayout(
            name: "mixed",
            segments: [
                .media(MediaSpan(sound, tokenCount: 2, name: "a.wav")), .media(span()),
                .text(tokenIDs: [7], isSupervised: true), .media(MediaSpan(sound, tokenCount: 4, name: "b.wav")),
                .media(span()),
            ])
        func item(_ modality: Modality, _ shape: [Int], _ count: Int, _ id: String) -> PreparedMedia {
            PreparedMedia(modality: modality, values: .zeros(shape), tokenCount: count, id: id)
        }
        let items = [
            item(sound, [20], 2, "a"), item(.image, [3, 2, 2], 3, "b"), item(sound, [40], 4, "c"),
            item(.image, [3, 2, 2], 3, "d"),
        ]
        let input = try collator.padded([layout], media: items).input
        #expect(input.tokenIDs.array(of: Int64.self) == [8, 8, 9, 9, 9, 7, 8, 8, 8, 8, 9, 9, 9])
        #expect(input.media.map(\.modality) == [sound, .image, sound])
        #expect(input.media.map(\.tokenCounts) == [[2], [3, 3], [4]])
        #expect(input.media[1].positions.array(of: Int64.self) == [2, 3, 4, 10, 11, 12])
        #expect(input.media[1].ids == ["b", "d"] && input.mediaTokenCount == 12)
        #expect(throws: ProcessorError.self) { try collator.padded([layout], media: items.reversed()) }
        #expect(throws: ProcessorError.self) { try collator.padded([layout], media: Array(items.dropLast())) }
    }
}

/// Rows are cut and put together with the media in them.
@Suite struct ModelInputTests {
    private let contract = TokenContract(placeholders: [.image: 9, .video: 8], tokenCounts: [.image: 2])

    /// A row of text with media in front.
    private func row(_ text: [Int], _ media: [(Modality, Int, String)]) throws -> ModelInput {
        let spans = media.map { MediaSpan($0.0, tokenCount: $0.1, name: $0.2) }
        let layout = PromptLayout(
            name: "row", segments: spans.map(PromptSegment.media) + [.text(tokenIDs: text, isSupervised: true)])
        return try Collator(contract: contract, padID: 0).padded(
            [layout],
            media: media.enumerated().map { place, item in
                PreparedMedia(
                    modality: item.0, values: .full([item.1], value: Double(place + text.count)), tokenCount: item.1,
                    id: item.2)
            }
        ).input
    }

    @Test func `Rows put together and cut apart again are what they were`() throws {
        let rows = [
            try row([4, 5, 6], [(.image, 2, "a"), (.video, 3, "b"), (.image, 2, "c")]), try row([7], []),
            try row([4, 5], [(.video, 3, "d")]),
        ]
        let batch = ModelInput.batch(rows)
        #expect(batch.tokenIDs.shape == [3, 10])
        #expect(batch.media.map(\.modality) == [.image, .video] && batch.media[1].ids == ["b", "d"])
        for (index, row) in rows.enumerated() {
            let cut = batch.rows(index..<index + 1)
            #expect(cut.media.map(\.ids) == row.media.map(\.ids))
            #expect(
                cut.media.map { $0.positions.array(of: Int64.self) }
                    == row.media.map { $0.positions.array(of: Int64.self) })
            #expect(
                cut.media.map { $0.values?.array(of: Float.self) } == row.media.map { $0.values?.array(of: Float.self) }
            )
            let length = row.tokenIDs.size(1)
            #expect(cut.tokenIDs.array(of: Int64.self).prefix(length) == row.tokenIDs.array(of: Int64.self)[...])
        }
        #expect(batch.rows(1..<2).media.isEmpty)
        #expect(batch.rows(0..<2).media.map(\.ids) == [["a", "c"], ["b"]])
    }

    @Test func `Dropping the first positions drops the media in them, whole`() throws {
        let whole = try row([4, 5], [(.image, 2, "a"), (.video, 3, "b"), (.image, 2, "c")])
        let rest = whole.dropping(first: 5)
        #expect(rest.tokenIDs.array(of: Int64.self) == [9, 9, 4, 5])
        #expect(rest.positionIDs.array(of: Int64.self) == [5, 6, 7, 8])
        #expect(rest.media.map(\.ids) == [["c"]] && rest.mediaPositions?.array(of: Int64.self) == [0, 1])
        #expect(whole.dropping(first: 7).media.isEmpty)
    }

    @Test func `Encoded and unencoded media of a batch stay apart`() throws {
        var first = try row([4], [(.image, 2, "a")])
        first.media[0].encoded = .ones([2, 5])
        let batch = ModelInput.batch([first, try row([4], [(.image, 2, "b")]), first])
        #expect(batch.media.map(\.ids) == [["a", "a"], ["b"]])
        #expect(batch.media[0].encoded?.shape == [4, 5] && batch.media[1].encoded == nil)
        #expect(batch.media[0].positions.array(of: Int64.self) == [0, 1, 6, 7])
    }
}
