import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// LoRA against Hugging Face's PEFT: outputs, loss, every gradient, merged weights, and folders that PEFT saved.
///
/// Fixture: `scripts/reference/lora.py`.
struct AdapterParityTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/lora/"

    static let config = LLaMADecoder.Config(
        vocabularySize: 37, hiddenSize: 20, intermediateSize: 26, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headSize: 6, contextLength: 64, ropeTheta: 300, ropeLayout: .halfSplit, tiesEmbeddings: false)

    /// The fixture's LLaMA with an adapter, or without one.
    private func decoder(
        _ fixture: ParityFixture, _ adapter: AdapterFolder? = nil
    ) throws -> (LLaMADecoder, ParameterStore) {
        let store = ParameterStore(adaptation: adapter?.adaptation)
        let decoder = LLaMADecoder(Self.config, at: store.root)
        let base = fixture.all.under("llama.weight").pairs.filter { !$0.0.contains("lora_") }
        try store.load(StateDict(base), of: .model)
        if let adapter { try store.load(adapter.weights, of: .adapters) }
        return (decoder, store)
    }

    private func logits(_ decoder: LLaMADecoder, _ ids: Tensor) -> Tensor {
        let positions = Tensor.arange(ids.size(1)).unsqueeze(0).expand(ids.shape)
        return decoder.logits(
            hiddenStates: decoder.hiddenStates(
                embeddings: decoder.embed(ids), positionIDs: positions, layout: nil, cache: nil))
    }

    @Test func `A linear layer with an adapter gives PEFT's output and gradients`() throws {
        let fixture = try ParityFixture("lora/expected")
        let store = ParameterStore(adaptation: LowRankAdaptation(rank: 3, alpha: 4, targets: ["proj"]))
        let layer = Linear(7, 5, bias: true, at: store.root / "proj")
        try store.load(fixture.all.under("linear.weight"))
        let output = layer(try fixture("linear.input"))
        try fixture.expect(output, equals: "linear.output")
        output.square().sum().backward()
        fixture.expectGradients(store, fixture.all.under("linear.gradient"))
    }

    @Test(arguments: ["safetensors", "archive"])
    func `A LLaMA with an adapter that PEFT saved gives PEFT's scores, loss and gradients`(form: String) throws {
        let fixture = try ParityFixture("lora/expected")
        let adapter = try AdapterFolder(path: Self.folder + form)
        #expect(adapter.adaptation.rank == 4 && adapter.adaptation.scale == 3 && adapter.adaptation.dropout == 0.1)
        let (decoder, store) = try decoder(fixture, adapter)
        try adapter.check(store)
        let ids = try fixture("llama.ids")
        let scores = logits(decoder, ids)
        try fixture.expect(scores, equals: "llama.logits")
        let count = ids.size(1) - 1
        let loss = crossEntropy(
            scores.narrow(dim: 1, start: 0, length: count).flatten(0, 1),
            ids.narrow(dim: 1, start: 1, length: count).flatten())
        try fixture.expect(loss.reshape([1]), equals: "llama.loss")
        loss.backward()
        fixture.expectGradients(store, fixture.all.under("llama.gradient"))
    }

    @Test func `Merged weights are PEFT's and give the scores of the unmerged model`() throws {
        let fixture = try ParityFixture("lora/expected")
        let adapter = try AdapterFolder(path: Self.folder + "safetensors")
        let (unmerged, _) = try decoder(fixture, adapter)
        let (plain, store) = try decoder(fixture)
        let before = logits(plain, try fixture("llama.ids"))
        let merged = StateDict(store.stateDict().pairs.map { ($0.0, adapter.merged($0.0, $0.1)) })
        try store.load(merged)
        try fixture.expect(
            store["model.layers.0.self_attn.q_proj.weight"]?.tensor ?? before, equals: "llama.merged")
        let after = logits(plain, try fixture("llama.ids"))
        #expect(ParityFixture.error(after, logits(unmerged, try fixture("llama.ids")).detach()) < 1e-5)
        #expect(ParityFixture.error(after, before.detach()) > 0.1)
    }

    @Test func `A rank-stabilised scale and a regular expression as target are understood`() throws {
        let fixture = try ParityFixture("lora/expected")
        let adapter = try AdapterFolder(path: Self.folder + "rank-stabilised")
        #expect(adapter.adaptation.scale == 3 && adapter.listedTargets == nil)
        #expect(
            adapter.adaptation.targets.sorted() == ["model.layers.1.mlp.gate_proj", "model.layers.1.mlp.up_proj"])
        let (decoder, store) = try decoder(fixture, adapter)
        try adapter.check(store)
        try fixture.expect(logits(decoder, try fixture("stabilised.ids")), equals: "stabilised.logits")
    }

    @Test func `An adapter for another model is refused with everything that does not fit`() throws {
        let adapter = try AdapterFolder(path: Self.folder + "safetensors")
        var config = Self.config
        config.hiddenSize = 28
        config.layerCount = 1
        let smaller = ParameterStore(adaptation: adapter.adaptation)
        _ = LLaMADecoder(config, at: smaller.root)
        let report = #expect(throws: LoadReport.self) { try adapter.check(smaller) }
        #expect(report?.unexpected.count == 6 && report?.mismatched.count == 3)
        #expect(report?.description.contains("Fixtures/lora/safetensors") == true)
        config.layerCount = 3
        let deeper = ParameterStore(adaptation: adapter.adaptation)
        _ = LLaMADecoder(config, at: deeper.root)
        let missing = #expect(throws: LoadReport.self) { try adapter.check(deeper) }
        #expect(missing?.missing.contains("model.layers.2.self_attn.q_proj.lora_A.weight") == true)
        #expect(missing?.missing.count == 6)
    }

    /// With `SYRINX_ADAPTER_FOLDER=DIR` the folder stays in DIR, where `scripts/reference/lora.py DIR/adapter
    /// DIR/activations.safetensors` loads it with PEFT and compares the scores.
    @Test func `An adapter learns while the base stays, and its folder brings back the scores to the last bit`() throws
    {
        let fixture = try ParityFixture("lora/expected")
        let adaptation = LowRankAdaptation(rank: 3, alpha: 12, targets: ["self_attn.*", "layers.1.mlp.**"])
        let store = ParameterStore(adaptation: adaptation)
        let decoder = LLaMADecoder(Self.config, at: store.root)
        try store.load(
            StateDict(fixture.all.under("llama.weight").pairs.filter { !$0.0.contains("lora_") }), of: .model)
        store.initializeAdapters(seed: 0)
        #expect(store.adapterParameters.count == 2 * (2 * 4 + 3))
        let base = store.stateDict(of: .model).pairs.map { $0.1.bytes() }
        let ids = try fixture("llama.ids")
        func loss() -> Tensor {
            crossEntropy(
                logits(decoder, ids).narrow(dim: 1, start: 0, length: 10).flatten(0, 1),
                ids.narrow(dim: 1, start: 1, length: 10).flatten())
        }
        let before = loss().item()
        for _ in 0..<30 {
            loss().backward()
            var next = store.stateDict(of: .adapters)
            for parameter in store.adapterParameters {
                next[parameter.name] = try parameter.tensor.detach() - #require(parameter.tensor.grad) * 0.02
            }
            try store.load(next, of: .adapters)
        }
        #expect(loss().item() < before - 0.2, "\(before) to \(loss().item())")
        #expect(store.stateDict(of: .model).pairs.map { $0.1.bytes() } == base)

        let kept = ProcessInfo.processInfo.environment["SYRINX_ADAPTER_FOLDER"]
        let path = kept ?? NSTemporaryDirectory() + "syrinx-adapter-\(UUID().uuidString)"
        defer { if kept == nil { try? FileManager.default.removeItem(atPath: path) } }
        try AdapterFolder.write(store.stateDict(of: .adapters), adaptation, baseModel: "tiny", to: path + "/adapter")
        let (again, _) = try self.decoder(fixture, try AdapterFolder(path: path + "/adapter"))
        let scores = logits(again, ids).detach()
        #expect(scores.bytes() == logits(decoder, ids).bytes())
        try Safetensors.write([("token_ids", ids), ("logits", scores)], to: path + "/activations.safetensors")
    }

    /// mPLUG-Owl2's tiny model with an adapter, and its scores of the prompt with one image.
    private func owl2(
        _ adaptation: LowRankAdaptation, _ weights: (ParameterStore) throws -> StateDict
    ) throws -> (scores: Tensor, store: ParameterStore) {
        let folder = try ModelFolder(path: Self.folder + "../mplug-owl2/model")
        let (_, _, _, base) = try ModelRegistry.open(folder)
        let (model, _, store) = try ModelRegistry.declare(
            configuration: Data(try folder.bytes(of: "config.json")), adaptation: adaptation)
        try store.load(base, of: .model)
        try store.load(try weights(store), of: .adapters)
        let inputs = try ParityFixture("mplug-owl2/expected")
        let ids = try inputs("input.one_image.expanded_ids")
        let input = ModelInput(
            tokenIDs: ids, positionIDs: Tensor.arange(ids.size(1)).unsqueeze(0),
            layout: SegmentLayout(
                rows: 1, columns: ids.size(1), segments: [.init(row: 0, start: 0, length: ids.size(1))]),
            pixelValues: try inputs("input.one_image.pixel_values"),
            mediaPositions: ids.reshape([-1]).less(than: 0).nonzero().reshape([-1]))
        let scores = model.logits(
            embeddings: model.embed(input), positionIDs: input.positionIDs, mediaPositions: input.mediaPositions)
        return (scores.detach(), store)
    }

    @Test func `An adapter made by the published fine-tuning's own list of layers gives the published code's scores`()
        throws
    {
        let fixture = try ParityFixture("mplug-owl2/adapter")
        let adapter = try AdapterFolder(path: Self.folder + "../mplug-owl2/adapter")
        #expect(adapter.adaptation.targets.count == 2 * 9 && adapter.adaptation.scale == 4)
        let (scores, store) = try owl2(adapter.adaptation) { _ in adapter.weights }
        try adapter.check(store)
        try fixture.expect(scores, equals: "output.logits")
    }

    /// `scripts/reference/owl2_lora.py --adapter DIR/owl2 --activations DIR/owl2.safetensors` loads it with PEFT.
    @Test func `An adapter of both branches is written with every layer by its full path`() throws {
        let adaptation = LowRankAdaptation(rank: 2, alpha: 6, targets: ["model.layers.**"])
        let (scores, store) = try owl2(adaptation) { store in
            StateDict(
                store.adapterParameters.enumerated().map { index, parameter in
                    let generator = Generator(seed: UInt64(index))
                    return (
                        parameter.name, .randn(parameter.shape, generator: generator, standardDeviation: 0.2)
                    )
                })
        }
        let kept = ProcessInfo.processInfo.environment["SYRINX_ADAPTER_FOLDER"]
        let path = kept ?? NSTemporaryDirectory() + "syrinx-adapter-\(UUID().uuidString)"
        defer { if kept == nil { try? FileManager.default.removeItem(atPath: path) } }
        try AdapterFolder.write(store.stateDict(of: .adapters), adaptation, to: path + "/owl2")
        try Safetensors.write([("logits", scores)], to: path + "/owl2.safetensors")
        let written = try AdapterFolder(path: path + "/owl2")
        #expect(written.listedTargets?.contains("model.layers.1.self_attn.v_proj.multiway.1") == true)
        #expect(try owl2(written.adaptation) { _ in written.weights }.scores.bytes() == scores.bytes())
    }
}
