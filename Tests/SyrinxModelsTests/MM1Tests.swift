import NN
import Processors
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

struct MM1Tests {
    /// A tiny model with sizes no two of which are equal by accident.
    static func tiny(_ connector: ConnectorConfig) -> (MM1, ParameterStore) {
        let store = ParameterStore()
        let model = MM1(
            MM1.Config(
                visionEncoder: .init(
                    imageSize: 20, stem: .patch(size: 4), hiddenSize: 24, intermediateSize: 40, layerCount: 2,
                    headCount: 3),
                connector: connector,
                languageModel: .init(
                    vocabularySize: 50, hiddenSize: 32, intermediateSize: 48, layerCount: 2, headCount: 4,
                    keyValueHeadCount: 2, contextLength: 64, ropeLayout: .interleaved, tiesEmbeddings: true),
                imagePlaceholder: 4), at: store.root)
        store.initialize(seed: 11)
        return (model, store)
    }

    static let connectors: [ConnectorConfig] = [
        .averagePool(tokenCount: 4), .attentionPool(tokenCount: 9, headCount: 4),
        .cAbstractor(tokenCount: 4, innerWidth: 28, depth: 2, readoutDepth: 2),
        .cAbstractor(tokenCount: 9, innerWidth: 24, depth: 0, readoutDepth: 1),
    ]

    /// One row: begin, image, text.
    static func input(_ model: MM1, text: [Int], pixels: Tensor) -> ModelInput {
        let count = model.imageTokenCount
        let ids = [1] + [Int](repeating: 4, count: count) + text
        return ModelInput(
            tokenIDs: Tensor(ids.map(Int64.init), shape: [1, ids.count]),
            positionIDs: Tensor.arange(ids.count).unsqueeze(0),
            layout: SegmentLayout(rows: 1, columns: ids.count, segments: [.init(row: 0, start: 0, length: ids.count)]),
            pixelValues: pixels, mediaPositions: Tensor((1...count).map(Int64.init)))
    }

    @Test(arguments: connectors)
    func `Every connector gives its number of tokens in the decoder's width`(connector: ConnectorConfig) {
        let (model, _) = Self.tiny(connector)
        let tokens = model.imageTokens(.randn([3, 3, 20, 20], generator: Generator(seed: 1)))
        #expect(tokens.shape == [3, connector.tokenCount, 32])
    }

    @Test(arguments: connectors)
    func `Every parameter the loss reaches gets a gradient and the image matters`(connector: ConnectorConfig) {
        let (model, store) = Self.tiny(connector)
        let pixels = Tensor.randn([1, 3, 20, 20], generator: Generator(seed: 2))
        let input = Self.input(model, text: [10, 11, 12], pixels: pixels)
        var labels = [Int64](repeating: -100, count: input.tokenIDs.size(1))
        labels[labels.count - 4] = 10
        labels[labels.count - 3] = 11
        let loss = model.nextTokenLoss(input, labels: Tensor(labels, shape: [1, labels.count]))
        #expect(loss.count == 2)
        loss.total.backward()
        // The features are taken before post_layernorm, as spec'd; nothing else may be left out.
        let unreached = store.parameters.filter { $0.tensor.grad == nil }.map(\.name)
        #expect(unreached == ["vision_encoder.post_layernorm.weight", "vision_encoder.post_layernorm.bias"])
        let other = Self.input(model, text: [10, 11, 12], pixels: pixels * 2)
        let blind = model.nextTokenLoss(other, labels: Tensor(labels, shape: [1, labels.count]))
        #expect(abs(blind.total.item() - loss.total.item()) > 1e-6)
    }

    @Test func `Packing several examples in a row equals running each alone`() {
        let (model, _) = Self.tiny(Self.connectors[0])
        let pixels = Tensor.randn([2, 3, 20, 20], generator: Generator(seed: 3))
        let texts = [[10, 11, 12], [20, 21, 22, 23, 24]]
        let alone = texts.indices.map { index in
            let input = Self.input(model, text: texts[index], pixels: pixels.narrow(dim: 0, start: index, length: 1))
            return model.logits(embeddings: model.embed(input), positionIDs: input.positionIDs)
        }
        let (first, second) = (alone[0].size(1), alone[1].size(1))
        let ids = texts.flatMap { [1] + [Int](repeating: 4, count: 4) + $0 }
        let layout = SegmentLayout(
            rows: 1, columns: first + second,
            segments: [.init(row: 0, start: 0, length: first), .init(row: 0, start: first, length: second)])
        let packed = ModelInput(
            tokenIDs: Tensor(ids.map(Int64.init), shape: [1, ids.count]),
            positionIDs: Tensor.cat([.arange(first), .arange(second)], dim: 0).unsqueeze(0), layout: layout,
            pixelValues: pixels,
            mediaPositions: Tensor([1, 2, 3, 4].map(Int64.init) + (1...4).map { Int64(first + $0) }))
        let together = model.logits(
            embeddings: model.embed(packed), positionIDs: packed.positionIDs, layout: packed.layout)
        #expect((together.narrow(dim: 1, start: 0, length: first) - alone[0]).abs().max().item() < 1e-5)
        #expect((together.narrow(dim: 1, start: first, length: second) - alone[1]).abs().max().item() < 1e-5)
    }

    @Test func `Decoding through the cache equals recomputing everything`() {
        let (model, _) = Self.tiny(Self.connectors[2])
        let input = Self.input(
            model, text: [10, 11, 12, 13], pixels: .randn([1, 3, 20, 20], generator: Generator(seed: 4)))
        inferenceMode {
            let embedded = model.embed(input)
            let whole = model.logits(embeddings: embedded, positionIDs: input.positionIDs)
            let cache = model.makeCache(batch: 1, capacity: 16)
            var pieces: [Tensor] = []
            for (start, length) in [(0, 6), (6, 1), (7, 2)] {
                pieces.append(
                    model.logits(
                        embeddings: embedded.narrow(dim: 1, start: start, length: length),
                        positionIDs: input.positionIDs.narrow(dim: 1, start: start, length: length), cache: cache))
                cache.advance(by: [length])
            }
            #expect((Tensor.cat(pieces, dim: 1) - whole).abs().max().item() < 1e-5)
        }
    }

    @Test func `A placeholder count that is not the token count is refused with both numbers`() {
        let (model, _) = Self.tiny(Self.connectors[0])
        var input = Self.input(model, text: [10], pixels: .zeros([1, 3, 20, 20]))
        input.media = [
            MediaBatch(
                modality: .image, values: .zeros([1, 3, 20, 20]), tokenCounts: [3], positions: Tensor([Int64(1), 2, 3]))
        ]
        let error = #expect(throws: TorchError.self) { try withTorchErrors { model.embed(input) } }
        #expect(error?.message.contains("3 placeholders for images, but the encoder made 4 tokens") == true)
    }

    @Test func `The bag-of-words loss falls when the right words become likely`() {
        let (model, _) = Self.tiny(Self.connectors[0])
        let pixels = Tensor.randn([2, 3, 20, 20], generator: Generator(seed: 5))
        let loss = model.bagOfWordsLoss(pixelValues: pixels, captions: [[7, 8, 8], [9]])
        let scores = model.logits(hiddenStates: model.imageTokens(pixels).mean(dims: [1])).logSoftmax(dim: -1)
        let rows = scores.array(of: Float.self)
        let expected = -(rows[7] + rows[8]) / 2 - rows[50 + 9]
        #expect(abs(loss.total.item() - Double(expected)) < 1e-4)
        #expect(loss.count == 2)
    }
}

struct AdaptivePoolingTests {
    @Test func `A 27 by 27 grid pooled to 12 by 12 uses overlapping windows`() throws {
        let rows = Tensor((0..<27).map(Float.init), shape: [1, 1, 27, 1]).expand([1, 1, 27, 27])
        let pooled = adaptiveAvgPool2d(rows, height: 12, width: 12).select(dim: 3, index: 0).array(of: Float.self)
        let bins = [
            (0, 3), (2, 5), (4, 7), (6, 9), (9, 12), (11, 14), (13, 16), (15, 18), (18, 21), (20, 23), (22, 25),
            (24, 27),
        ]
        for (value, bin) in try pairs(pooled, bins) { #expect(abs(value - Float(bin.0 + bin.1 - 1) / 2) < 1e-4) }
    }
}
