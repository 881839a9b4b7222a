import Media
import NN
import Processors
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

/// Where images stand in mPLUG-Owl and mPLUG-Owl2, what is added to them, and what the order of their rows is worth.
struct OwlSpliceTests {
    @Test(arguments: ["text", "one_image", "two_images"])
    func `A prepared prompt's places are the published code's modality indicator`(part: String) throws {
        let fixture = try ParityFixture("mplug-owl2/expected")
        let model = try OwlFixture.load("mplug-owl2/model").0
        let count = model.imageTokenCount
        // The reference's ids have one placeholder an image: what a tokenizer and a list of images say.
        var layout = PromptLayout(name: part)
        for id in try fixture("input.\(part).ids").array(of: Int64.self) {
            if id == Int64(model.imagePlaceholder) {
                layout.append(media: MediaSpan.image(tokenCount: count, name: "noise", width: 20, height: 20))
            } else {
                layout.append(text: [Int(id)], isSupervised: false)
            }
        }
        let collator = Collator(
            contract: TokenContract(imagePlaceholder: model.imagePlaceholder, tokenCount: count), padID: 0)
        let input = try collator.padded([layout], pixelValues: fixture.all["input.\(part).pixel_values"]).input
        let expanded = try fixture("input.\(part).expanded_ids").array(of: Int64.self)
        #expect(input.tokenIDs.array(of: Int64.self) == expanded)
        var indicator = [Int64](repeating: 0, count: expanded.count)
        for place in input.mediaPositions?.array(of: Int64.self) ?? [] { indicator[Int(place)] = 1 }
        #expect(indicator == (try fixture("output.\(part).modality")).array(of: Int64.self))
        #expect(indicator.contains(1) == (part != "text"))
    }

    @Test func `The recomputed tables of sines and cosines are the published code's`() throws {
        let fixture = try ParityFixture("mplug-owl2/expected")
        let tables = SineCosinePositions(width: 24, queryCount: 5, grid: 4, hasClassToken: true)
        let (queries, keys) = (try fixture("output.query_positions"), try fixture("output.key_positions"))
        #expect(tables.keys.shape == [5 + 17, 24] && tables.queries.shape == queries.shape)
        let features = tables.keys.narrow(dim: 0, start: 5, length: 17)
        let ours = [tables.queries, tables.keys.narrow(dim: 0, start: 0, length: 5), features]
        for (table, reference) in try pairs(ours, [queries, queries, keys]) {
            #expect((table - reference).abs().max().item() < 3e-7)
        }
        // Columns before rows: with the halves exchanged the table is another one.
        let exchanged = Tensor.cat(
            [features.narrow(dim: 1, start: 12, length: 12), features.narrow(dim: 1, start: 0, length: 12)], dim: 1)
        #expect((exchanged - keys).abs().max().item() > 0.5)
    }

    @Test(arguments: ["mplug-owl", "mplug-owl2"])
    func `Shuffling an image's rows changes the answer`(system: String) throws {
        let model = try OwlFixture.load("\(system)/model").0
        let input = try OwlFixture.input(ParityFixture("\(system)/expected"), "one_image")
        let embeddings = withoutGrad { model.embed(input) }
        let places = try #require(input.mediaPositions)
        let flat = embeddings.flatten(0, 1)
        func rotated(by shift: Int) -> Tensor {
            let rows = flat.indexSelect(dim: 0, places).roll(shift, dim: 0)
            return flat.indexCopy(dim: 0, index: places, source: rows).reshape(embeddings.shape)
        }
        let own = OwlFixture.logits(model, input, embeddings: embeddings)
        func last(_ logits: Tensor) -> Tensor { logits.narrow(dim: 1, start: logits.size(1) - 1, length: 1) }
        let shuffled = OwlFixture.logits(model, input, embeddings: rotated(by: 1))
        #expect(ParityFixture.error(last(shuffled), last(own)) > 1e-2)
        let answer = OwlFixture.greedy(model, input, embeddings: embeddings)
        #expect(OwlFixture.greedy(model, input, embeddings: rotated(by: 1)) != answer)
        // A whole turn puts every row back.
        #expect(OwlFixture.greedy(model, input, embeddings: rotated(by: model.imageTokenCount)) == answer)
    }

    @Test func `A clip of one frame is an image to mPLUG-Owl video`() throws {
        let fixture = try ParityFixture("mplug-owl-video/expected")
        let model = try OwlFixture.load("mplug-owl-video/model").0
        let pixels = try fixture("input.image.pixel_values")
        let rows = withoutGrad { model.clipTokens(pixels.unsqueeze(2)) }
        try fixture.expect(rows, equals: "output.image.image_embeddings")
        // Twice the same frame is a clip: time's queries read it too.
        let twice = withoutGrad { model.clipTokens(Tensor.stack([pixels, pixels], dim: 2)) }
        #expect(ParityFixture.error(twice, rows) > 1e-2)
    }
}
