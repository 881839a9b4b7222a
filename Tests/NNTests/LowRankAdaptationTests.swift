import NN
import Testing
import Torch

struct LowRankAdaptationTests {
    private func adapted(
        dropout: Double = 0, _ targets: String...
    ) -> (store: ParameterStore, query: Linear, key: Linear) {
        let store = ParameterStore(
            adaptation: LowRankAdaptation(rank: 2, alpha: 6, dropout: dropout, targets: targets))
        let layer = store.root / "layers" / 0
        return (
            store, Linear(8, 4, bias: true, at: layer / "q_proj"), Linear(8, 4, bias: false, at: layer / "k_proj")
        )
    }

    @Test(
        arguments: [
            ("q_proj", "model.layers.0.self_attn.q_proj", true), ("proj", "model.layers.0.self_attn.q_proj", false),
            ("self_attn.q_proj", "model.layers.0.self_attn.q_proj", true),
            ("layers.1.self_attn.q_proj", "model.layers.11.self_attn.q_proj", false),
            ("k_proj.multiway.*", "model.layers.0.self_attn.k_proj.multiway.1", true),
            ("k_proj.*", "model.layers.0.self_attn.k_proj.multiway.1", false),
            ("language_model.**.q_proj", "language_model.model.layers.3.self_attn.q_proj", true),
            ("language_model.**.q_proj", "vision_model.layers.3.self_attn.q_proj", false),
            ("model.layers.**", "model.layers.0.self_attn.k_proj.multiway.1", true),
            ("model.layers.**", "model.vision_model.encoder.layers.0.mlp.fc1", false),
            ("a.b.q_proj", "q_proj", false),
        ])
    func `A target names layers by the end of their path, component by component`(
        target: String, path: String, isMeant: Bool
    ) {
        #expect(LowRankAdaptation.matches(target, path) == isMeant)
    }

    @Test func `Only matching layers get an adapter, and only adapters train, whatever is unfrozen later`() {
        let (store, query, key) = adapted("q_proj")
        #expect(
            store.parameters.map(\.name) == [
                "layers.0.q_proj.weight", "layers.0.q_proj.bias", "layers.0.q_proj.lora_A.weight",
                "layers.0.q_proj.lora_B.weight", "layers.0.k_proj.weight",
            ])
        #expect(store.parameters.filter(\.isTrainable).map(\.name) == store.adapterParameters.map(\.name))
        store.unfreeze(under: "")
        #expect(!query.weight.isTrainable && query.bias?.isTrainable == false && key.weight.isTrainable)
        #expect(store.unmatchedTargets.isEmpty && adapted("v_proj", "k_proj").store.unmatchedTargets == ["v_proj"])
    }

    @Test func `An adapter that has learnt nothing changes nothing, and starts as PEFT's does`() {
        let (store, query, _) = adapted("q_proj")
        store.initialize(seed: 4)
        let x = Tensor.randn([3, 8], generator: Generator(seed: 1))
        #expect(query(x).bytes() == linear(x, query.weight.tensor, query.bias?.tensor).bytes())
        let down = store["layers.0.q_proj.lora_A.weight"]?.tensor.detach() ?? .zeros([1])
        let largest = down.abs().max().item(), bound = 1 / 8.0.squareRoot()
        #expect(largest <= bound && largest > 0.8 * bound)
    }

    @Test func `The layer adds the scaled product of both matrices, and merging adds it to the weight`() {
        let (store, query, _) = adapted("q_proj")
        store.initialize(seed: 4)
        let (down, up) = (Tensor.randn([2, 8], generator: Generator(seed: 2)), Tensor.ones([4, 2]) * 0.5)
        let found = store.stateDict(of: .model)
        var trained = found
        trained["layers.0.q_proj.lora_A.weight"] = down
        trained["layers.0.q_proj.lora_B.weight"] = up
        #expect(throws: Never.self) { try store.load(trained) }
        let x = Tensor.randn([3, 8], generator: Generator(seed: 1))
        let merged = store.adaptation.map { $0.merged(query.weight.tensor.detach(), down: down, up: up) }
        let expected = linear(x, merged ?? .zeros([4, 8]), query.bias?.tensor)
        #expect((query(x) - expected).abs().max().item() < 1e-5)
        #expect((expected - linear(x, query.weight.tensor, query.bias?.tensor)).abs().max().item() > 0.1)
    }

    @Test func `Dropout acts only with a seed, the same one gives the same layer, and no two layers drop alike`() throws
    {
        let (store, query, key) = adapted(dropout: 0.5, "q_proj", "k_proj")
        store.initialize(seed: 4)
        var trained = store.stateDict()
        for name in trained.names where name.hasSuffix("lora_B.weight") { trained[name] = .ones([4, 2]) }
        for name in trained.names where name.hasSuffix("lora_A.weight") { trained[name] = .ones([2, 8]) }
        for name in trained.names where !name.contains("lora") { trained[name] = trained[name].map { $0 * 0 } }
        try store.load(trained)
        let x = Tensor.ones([64, 8])
        let still = query(x).bytes()
        #expect(still == query(x).bytes())
        func seeded(_ seed: UInt64, _ layer: Linear) -> [UInt8] {
            ForwardContext(dropoutSeed: seed).run { layer(x).bytes() }
        }
        let first = seeded(7, query)
        #expect(first != still && first == seeded(7, query) && first != seeded(7, key))
        #expect(first != seeded(8, query))
        #expect(still == query(x).bytes())
    }

    @Test func `A base and its adapters are loaded and saved apart`() throws {
        let (store, _, _) = adapted("q_proj")
        let base = ParameterStore()
        _ = Linear(8, 4, bias: true, at: base.root / "layers" / 0 / "q_proj")
        _ = Linear(8, 4, bias: false, at: base.root / "layers" / 0 / "k_proj")
        base.initialize(seed: 1)
        #expect(throws: LoadReport.self) { try store.load(base.stateDict()) }
        try store.load(base.stateDict(), of: .model)
        store.initializeAdapters(seed: 2)
        #expect(store.stateDict(of: .model).names == base.stateDict().names)
        #expect(store.stateDict(of: .adapters).count == 2)
        let report = #expect(throws: LoadReport.self) { try store.load(base.stateDict(), of: .adapters) }
        #expect(report?.missing.count == 2 && report?.unexpected.count == 3)
    }

    @Test(arguments: [
        (LowRankAdaptation(rank: 0, alpha: 1, targets: ["a"]), "the rank is 0"),
        (LowRankAdaptation(rank: 1, alpha: .nan, targets: ["a"]), "alpha is nan"),
        (LowRankAdaptation(rank: 1, alpha: 1, dropout: 1, targets: ["a"]), "the dropout is 1.0"),
        (LowRankAdaptation(rank: 1, alpha: 1, targets: []), "a target is missing"),
    ])
    func `Values that make no adapter are told`(adaptation: LowRankAdaptation, expected: String) {
        #expect(adaptation.mistake?.hasPrefix(expected) == true)
    }
}
