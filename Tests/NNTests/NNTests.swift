import NN
import Testing
import Torch

struct ParameterStoreTests {
    private func twoLayers() -> (ParameterStore, Linear, Linear) {
        let store = ParameterStore()
        let first = Linear(3, 4, bias: true, at: store.root / "encoder" / "fc")
        let second = Linear(4, 2, bias: false, at: store.root / "head")
        return (store, first, second)
    }

    @Test func `Parameters carry the names of their paths, in declaration order`() {
        let (store, _, _) = twoLayers()
        #expect(store.parameters.map(\.name) == ["encoder.fc.weight", "encoder.fc.bias", "head.weight"])
        #expect(store.elementCount(under: "encoder") == 16)
        #expect(store.elementCount() == 24)
    }

    @Test func `A checkpoint that does not fit gives one report with every difference and changes nothing`() {
        let (store, first, _) = twoLayers()
        store.initialize(seed: 1)
        let before = first.weight.tensor.array(of: Float.self)
        let bad = StateDict([
            ("encoder.fc.weight", .zeros([4, 3])), ("encoder.fc.bias", .zeros([5])), ("extra.weight", .zeros([1])),
        ])
        let report = #expect(throws: LoadReport.self) { try store.load(bad) }
        #expect(report?.missing == ["head.weight"])
        #expect(report?.unexpected == ["extra.weight"])
        #expect(report?.mismatched.map(\.name) == ["encoder.fc.bias"])
        #expect(report?.description.contains("[4]") == true && report?.description.contains("[5]") == true)
        #expect(first.weight.tensor.array(of: Float.self) == before)
    }

    @Test func `Weights of whole numbers, as quantized ones are stored, are refused by name`() {
        let (store, _, _) = twoLayers()
        let report = #expect(throws: LoadReport.self) {
            try store.load(
                StateDict([
                    ("encoder.fc.weight", .zeros([4, 3])), ("encoder.fc.bias", .zeros([4])),
                    ("head.weight", .zeros([2, 4], dtype: .int8)),
                ]))
        }
        #expect(report?.integers == ["head.weight"])
        #expect(report?.description.contains("1 of whole numbers, as in quantized weights") == true)
    }

    @Test func `Starting values depend on the seed and the name, not on other parts`() throws {
        let (store, first, _) = twoLayers()
        store.initialize(seed: 9)
        let alone = ParameterStore()
        let same = Linear(3, 4, bias: true, at: alone.root / "encoder" / "fc")
        alone.initialize(seed: 9)
        #expect(first.weight.tensor.array(of: Float.self) == same.weight.tensor.array(of: Float.self))
        alone.initialize(seed: 10)
        #expect(first.weight.tensor.array(of: Float.self) != same.weight.tensor.array(of: Float.self))
    }

    @Test func `Freezing a prefix stops gradients there alone`() {
        let (store, first, second) = twoLayers()
        store.initialize(seed: 1)
        store.freeze(under: "encoder")
        second(first(.ones([2, 3]))).sum().backward()
        #expect(first.weight.tensor.grad == nil && second.weight.tensor.grad != nil)
        #expect(store.parameters.filter(\.isTrainable).map(\.name) == ["head.weight"])
    }

    @Test func `An alias may repeat its parameter but not differ from it`() throws {
        let store = ParameterStore()
        let table = Embedding(2, 2, at: store.root / "embed")
        (store.root / "lm_head").alias("weight", to: table.weight)
        let values = Tensor([Float(1), 2, 3, 4], shape: [2, 2])
        try store.load(StateDict([("embed.weight", values), ("lm_head.weight", values)]))
        let report = #expect(throws: LoadReport.self) {
            try store.load(StateDict([("embed.weight", values), ("lm_head.weight", values + 1)]))
        }
        #expect(report?.divergentAliases == ["lm_head.weight"])
    }

    @Test func `A truncated normal stays within two deviations`() {
        let store = ParameterStore()
        let parameter = store.root.parameter("x", shape: [10_000], initializer: .truncatedNormal(0.02))
        store.initialize(seed: 3)
        #expect(parameter.tensor.detach().abs().max().item() <= 0.04)
        let deviation = parameter.tensor.detach().variance().sqrt().item()
        #expect(deviation > 0.016 && deviation < 0.019)  // 0.88 of the uncut normal's
    }
}

struct KVCacheTests {
    @Test func `Rows of different lengths attend only to their own tokens`() {
        let store = ParameterStore()
        let layer = SelfAttention(.init(hiddenSize: 16, headCount: 4, keyValueHeadCount: 2), at: store.root)
        store.initialize(seed: 4)
        let x = Tensor.randn([2, 6, 16], generator: Generator(seed: 5))
        withoutGrad {
            let whole = layer(x, mask: .causal)
            let cache = KVCache(
                layerCount: 1, batch: 2, capacity: 8, keyValueHeadCount: 2, headSize: 4, dtype: .float32, device: .cpu)
            // Row 0 has four tokens so far, row 1 two; the last two of row 1's first pass are padding.
            _ = layer(x.narrow(dim: 1, start: 0, length: 4), mask: cache.mask(count: 4, device: .cpu), cache: cache)
            cache.advance(by: [4, 2])
            let next = Tensor.cat(
                [
                    x.narrow(dim: 0, start: 0, length: 1).narrow(dim: 1, start: 4, length: 2),
                    x.narrow(dim: 0, start: 1, length: 1).narrow(dim: 1, start: 2, length: 2),
                ], dim: 0)
            let output = layer(next, mask: cache.mask(count: 2, device: .cpu), cache: cache)
            let row0 = whole.select(dim: 0, index: 0).narrow(dim: 0, start: 4, length: 2)
            let row1 = whole.select(dim: 0, index: 1).narrow(dim: 0, start: 2, length: 2)
            #expect((output.select(dim: 0, index: 0) - row0).abs().max().item() < 1e-5)
            #expect((output.select(dim: 0, index: 1) - row1).abs().max().item() < 1e-5)
        }
    }
}
