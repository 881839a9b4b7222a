import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// Different ways to compute the same thing agree.
///
/// The tolerance is 1e-5 of the largest value for outputs and losses, 1e-4 for gradients, each gradient measured as in
/// ``ParityFixture``: float32's rounding when sums are taken in another order.
struct EquivalenceTests {
    private let model: MM1
    private let store = ParameterStore()
    private let examples = PackedExamples.rows.flatMap { $0 }
    private let pixels = Tensor.randn([6, 3, 15, 15], generator: Generator(seed: 51))

    init() {
        model = MM1(PackedExamples.config, at: store.root)
        store.initialize(seed: 52)
    }

    /// The images of the examples from `first` on, `count` examples in all.
    private func images(_ first: Int, _ count: Int = 1) -> Tensor? {
        func imageCount(_ examples: ArraySlice<PromptLayout>) -> Int { examples.reduce(0) { $0 + $1.mediaSpans.count } }
        let length = imageCount(examples[first..<first + count])
        return length == 0 ? nil : pixels.narrow(dim: 0, start: imageCount(examples[..<first]), length: length)
    }

    /// One example as a row of its own.
    private func single(_ index: Int) throws -> Collator.Collated {
        try PackedExamples.collator.padded([examples[index]], pixelValues: images(index))
    }

    /// The scores [1, T, V] of one example alone, everything computed at once.
    private func scores(alone index: Int) throws -> Tensor {
        let input = try single(index).input
        return model.logits(embeddings: model.embed(input), positionIDs: input.positionIDs)
    }

    /// The mean loss over all labels of some micro-batches, and its gradients, accumulated over them.
    private func step(_ batches: [Collator.Collated]) -> (loss: Double, gradients: StateDict) {
        for parameter in store.parameters { parameter.tensor.setGrad(nil) }
        let count = batches.reduce(0) { $0 + $1.supervisedTokenCount }
        var loss = 0.0
        for batch in batches {
            let part = model.nextTokenLoss(batch.input, labels: batch.labels).total * (1 / Double(count))
            part.backward()
            loss += part.item()
        }
        return (
            loss,
            StateDict(
                store.parameters.compactMap { parameter in
                    parameter.tensor.grad.map { (parameter.name, $0.clone()) }
                })
        )
    }

    private func expectSame(
        _ ours: (loss: Double, gradients: StateDict), _ reference: (loss: Double, gradients: StateDict),
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(abs(ours.loss - reference.loss) < 1e-5 * reference.loss, sourceLocation: sourceLocation)
        #expect(ours.gradients.names == reference.gradients.names, sourceLocation: sourceLocation)
        #expect(!reference.gradients.names.isEmpty, sourceLocation: sourceLocation)
        let largest = ParityFixture.largest(reference.gradients)
        for (name, gradient) in reference.gradients.pairs where !name.hasSuffix("k_proj.bias") {
            guard let own = ours.gradients[name] else { continue }
            let error = ParityFixture.error(own, gradient, largest: largest)
            #expect(error < ParityFixture.gradientBound, "\(name): \(error)", sourceLocation: sourceLocation)
        }
    }

    @Test func `Packing several examples in a row equals padding each to a row: loss and every gradient`() throws {
        let packed = try PackedExamples.batch(pixelValues: pixels)
        let padded = try PackedExamples.collator.padded(examples, pixelValues: pixels)
        #expect(packed.labels.shape == [2, 29] && padded.labels.shape == [5, 13])
        expectSame(step([packed]), step([padded]))
    }

    @Test func `Accumulating micro-batches of unequal size equals one large batch: loss and every gradient`() throws {
        let whole = step([try PackedExamples.batch(pixelValues: pixels)])
        let rows = try zip(PackedExamples.rows, [images(0, 3), images(3, 2)]).map {
            try PackedExamples.collator.packed([$0], length: 29, pixelValues: $1)
        }
        #expect(Set(rows.map(\.supervisedTokenCount)).count == 2)
        expectSame(step(rows), whole)
        expectSame(step(try examples.indices.map(single)), whole)
    }

    @Test func `A batch equals its single rows in every score`() throws {
        let batch = try PackedExamples.collator.padded(examples, pixelValues: pixels).input
        try inferenceMode {
            let together = model.logits(
                embeddings: model.embed(batch), positionIDs: batch.positionIDs, layout: batch.layout)
            for index in examples.indices {
                let alone = try scores(alone: index)
                let row = together.narrow(dim: 0, start: index, length: 1)
                    .narrow(dim: 1, start: 0, length: alone.size(1))
                let error = ParityFixture.error(row, alone)
                #expect(error < ParityFixture.outputBound, "row \(index): \(error)")
            }
        }
    }

    @Test func `Decoding unequal rows through one cache equals recomputing each row, in every score`() throws {
        let steps = 3
        try inferenceMode {
            let embedded = try examples.indices.map { model.embed(try single($0).input).select(dim: 0, index: 0) }
            let alone = try examples.indices.map { try scores(alone: $0).select(dim: 0, index: 0) }
            let prompts = embedded.map { $0.size(0) - steps }
            let longest = prompts.max() ?? 0
            let cache = model.makeCache(batch: examples.count, capacity: longest + steps)
            let padded = Tensor.stack(
                zip(embedded, prompts).map { row, count in
                    let rest = Tensor.zeros([longest - count, row.size(1)])
                    return Tensor.cat([row.narrow(dim: 0, start: 0, length: count), rest], dim: 0)
                }, dim: 0)
            let positions = Tensor.arange(longest).unsqueeze(0).expand([examples.count, longest])
            let prefilled = model.logits(embeddings: padded, positionIDs: positions, cache: cache)
            cache.advance(by: prompts)
            for (row, count) in prompts.enumerated() {
                let error = ParityFixture.error(
                    prefilled.select(dim: 0, index: row).narrow(dim: 0, start: 0, length: count),
                    alone[row].narrow(dim: 0, start: 0, length: count))
                #expect(error < ParityFixture.outputBound, "row \(row), prompt: \(error)")
            }
            for step in 0..<steps {
                let places = prompts.map { $0 + step }
                let scores = model.logits(
                    embeddings: Tensor.stack(
                        zip(embedded, places).map { $0.narrow(dim: 0, start: $1, length: 1) }, dim: 0),
                    positionIDs: Tensor(places.map(Int64.init), shape: [places.count, 1]), cache: cache)
                cache.advance(by: places.map { _ in 1 })
                for (row, place) in places.enumerated() {
                    let error = ParityFixture.error(
                        scores.select(dim: 0, index: row), alone[row].narrow(dim: 0, start: place, length: 1))
                    #expect(error < ParityFixture.outputBound, "row \(row), token \(place): \(error)")
                }
            }
        }
    }
}
