import DataPipeline
import Testing

@Suite struct PackerTests {
    @Test func `Rows are filled first-fit, and what does not fit begins the next row`() {
        let packer = Packer(length: 10, carryLimit: 2, smallestRest: 1)
        var carried: [Int] = []
        var sizes = [6, 7, 3, 5, 4, 1][...]
        var rows: [[Int]] = []
        while true {
            let row = packer.row(carried: &carried, size: { $0 }, draw: { sizes.popFirst().map { [$0] } })
            if row.isEmpty { break }
            rows.append(row)
        }
        #expect(rows == [[6, 3], [7], [5, 4, 1]])
        #expect(carried.isEmpty)
    }

    @Test func `Nothing is lost, nothing exceeds the row, and few examples ever wait`() {
        let packer = Packer(length: 64, carryLimit: 4)
        var random = KeyedRandom(seed: 5, purpose: .order, 1)
        let items = (0..<500).map { (id: $0, size: 1 + random.below(64)) }
        var rest = items[...]
        var carried: [(id: Int, size: Int)] = []
        var placed: [Int] = []
        var filled = 0
        var rowCount = 0
        while true {
            let row = packer.row(carried: &carried, size: { $0.size }, draw: { rest.popFirst().map { [$0] } })
            if row.isEmpty { break }
            let total = row.reduce(0) { $0 + $1.size }
            #expect(total <= 64)
            #expect(carried.count <= 4)
            placed += row.map(\.id)
            filled += total
            rowCount += 1
        }
        #expect(placed.sorted() == Array(0..<500))
        #expect(Double(filled) / Double(rowCount * 64) > 0.8)
    }
}

@Suite struct MixtureTests {
    @Test func `Kinds appear in the shares of their weights, each drawn from seed and number alone`() {
        let mixture = Mixture.standard
        let kinds = (0..<20_000).map { mixture.kind(ofSequence: $0, seed: 11) }
        func share(_ kind: CorpusKind) -> Double { Double(kinds.filter { $0 == kind }.count) / 20_000 }
        // Three standard deviations of a share of 0.45 over 20,000 draws are 0.011.
        #expect(abs(share(.captioned) - 0.45) < 0.011)
        #expect(abs(share(.interleaved) - 0.45) < 0.011)
        #expect(abs(share(.textOnly) - 0.10) < 0.007)
        #expect(mixture.kind(ofSequence: 777, seed: 11) == kinds[777])
    }

    @Test func `Weights that cannot be drawn from are refused`() {
        #expect(throws: DataError.self) { try Mixture(captioned: 0, interleaved: 0, textOnly: 0).validate() }
        #expect(throws: DataError.self) { try Mixture(captioned: -1, interleaved: 1, textOnly: 0).validate() }
        #expect(throws: DataError.self) { try Mixture(captioned: .nan, interleaved: 1, textOnly: 0).validate() }
        #expect(throws: DataError.self) {
            try Mixture(captioned: 1, interleaved: 0, textOnly: 0, repeats: ["emoji": 0]).validate()
        }
    }

    @Test func `Every pass is another permutation of the same records, found without walking there`() {
        let order = RecordOrder(records: [4, 8, 15, 16, 23, 42], seed: 9, stream: 0)
        let passes = (0..<4).map { pass in (0..<6).map { order.record(atPresentation: pass * 6 + $0) } }
        for pass in passes { #expect(pass.sorted() == [4, 8, 15, 16, 23, 42]) }
        #expect(Set(passes).count > 1)
        let other = RecordOrder(records: [4, 8, 15, 16, 23, 42], seed: 9, stream: 0)
        #expect(other.record(atPresentation: 20) == passes[3][2])
    }
}

@Suite struct CaptionTemplateTests {
    let caption = CorpusRecord.Caption(
        name: "tomato", kind: "food", keywords: ["fruit", "salad"], colours: ["red", "green", "white", "black"])

    @Test func `A caption lists its fields, at most three colours, and leaves out what is not known`() {
        #expect(
            CaptionTemplate().text(for: caption)
                == "name: tomato. kind: food. keywords: fruit, salad. colours: red, green, white.")
        #expect(CaptionTemplate().text(for: .init(name: "dot")) == "name: dot.")
        #expect(CaptionTemplate(fields: [.colours], maximumColourCount: 1).text(for: caption) == "colours: red.")
    }

    @Test func `The order of fields depends on the presentation and covers all orders`() {
        var texts = Set<String>()
        for presentation in 0..<400 {
            var one = KeyedRandom(seed: 1, purpose: .caption, 0, presentation)
            var two = one
            let text = CaptionTemplate().text(for: caption, random: &one)
            #expect(text == CaptionTemplate().text(for: caption, random: &two))
            texts.insert(text)
        }
        #expect(texts.count == 24)
        var random = KeyedRandom(seed: 1, purpose: .caption, 0, 0)
        let fixed = CaptionTemplate(isShuffled: false)
        #expect(fixed.text(for: caption, random: &random) == fixed.text(for: caption))
    }
}
