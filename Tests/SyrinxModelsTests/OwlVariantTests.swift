import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// mPLUG-Owl2 with what people's folders hold and the published one does not, against the published code.
///
/// Fixture: `scripts/reference/owl2_variants.py`.
struct OwlVariantTests {
    private static let folder = OwlFixture.folder + "mplug-owl2/"

    /// Expects the scores of the last positions of the prompt with one image.
    private func expect(_ model: any MultimodalLanguageModel, equals name: String, _ fixture: ParityFixture) throws {
        let logits = OwlFixture.logits(
            model, try OwlFixture.input(ParityFixture("mplug-owl2/expected"), "one_image"))
        let expected = try fixture("output.\(name).logits")
        let last = logits.narrow(
            dim: 1, start: logits.size(1) - expected.size(1), length: expected.size(1))
        try fixture.expect(last, equals: "output.\(name).logits")
    }

    @Test func `Biases of the attention, in both branches, give the published code's scores`() throws {
        let fixture = try ParityFixture("mplug-owl2/variants")
        var weights = try ModelRegistry.open(ModelFolder(path: Self.folder + "model")).weights
        for (name, bias) in fixture.all.under("bias").pairs { weights[name] = bias }
        let (model, _, store) = try ModelRegistry.declare(
            configuration: OwlFixture.configuration("mplug-owl2", [(["attention_bias"], true)]))
        try store.load(weights)
        try expect(model, equals: "attention_bias", fixture)
    }

    @Test func `GELU by its tanh in the encoder gives the published code's scores`() throws {
        let model = try OwlFixture.load(
            "mplug-owl2", [(["visual_config", "visual_model", "hidden_act"], "gelu_new")]
        ).0
        try expect(model, equals: "gelu_new", ParityFixture("mplug-owl2/variants"))
    }

    /// The fixture's folder with position tables in bfloat16, as the published code saves them from 16 bit.
    private func rounded(at path: String) throws -> ModelFolder {
        let source = try ModelFolder(path: Self.folder + "model")
        var weights = try source.stateDict()
        for (name, table) in weights.pairs where name.hasSuffix("_pos_embed") {
            weights[name] = table.to(.bfloat16)
        }
        return try ModelFolder.write(weights, files: ["config.json": try source.bytes(of: "config.json")], to: path)
    }

    @Test
    func `Rounded position tables are recomputed, read on demand as the published code reads them, and kept by a copy`()
        throws
    {
        let fixture = try ParityFixture("mplug-owl2/variants")
        let path = NSTemporaryDirectory() + "syrinx-tables-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = try rounded(at: path + "/rounded")
        func model(_ folder: ModelFolder, stored: Bool) throws -> any MultimodalLanguageModel {
            let (model, _, store, weights) = try ModelRegistry.open(folder, storedTables: stored)
            try store.load(weights)
            return model
        }
        let input = try OwlFixture.input(ParityFixture("mplug-owl2/expected"), "one_image")
        let exact = OwlFixture.logits(try model(folder, stored: false), input)
        #expect(exact.bytes() == OwlFixture.logits(try OwlFixture.load("mplug-owl2/model").0, input).bytes())
        try expect(model(folder, stored: true), equals: "rounded_tables", fixture)
        #expect(ParityFixture.error(OwlFixture.logits(try model(folder, stored: true), input), exact) > 1e-4)

        let copy = try ModelConversion(folder, dtype: .float32).write(to: path + "/copy")
        let tables = try copy.stateDict().pairs.filter { $0.0.hasSuffix("_pos_embed") }
        #expect(tables.count == 4)
        let original = try folder.stateDict()
        for (name, table) in tables { #expect(table.bytes() == original[name]?.bytes(), "\(name)") }
        try expect(model(copy, stored: true), equals: "rounded_tables", fixture)
    }

    @Test func `A folder without such tables says so where they are asked for`() throws {
        let sharded = try ModelFolder(path: Self.folder + "sharded")
        let error = #expect(throws: ModelError.self) { try ModelRegistry.open(sharded, storedTables: true) }
        #expect(error?.message.contains("stores no tables") == true)
    }

    @Test func `An abstractor that was trained beside an adapter gives the published loader's scores, merged too`()
        throws
    {
        let fixture = try ParityFixture("mplug-owl2/variants")
        let path = NSTemporaryDirectory() + "syrinx-beside-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.copyItem(atPath: Self.folder + "adapter", toPath: path)
        let file = AdapterFolder.FileName.trainedBase
        try FileManager.default.copyItem(atPath: Self.folder + file, toPath: "\(path)/\(file)")
        let adapter = try AdapterFolder(path: path)
        let base = try ModelFolder(path: Self.folder + "model")
        let conversion = try ModelConversion(base, adapter: adapter)
        let merged = try conversion.write(to: path + "/merged")
        let (model, _, store, weights) = try ModelRegistry.open(merged)
        try store.load(weights)
        try expect(model, equals: "trained_beside", fixture)

        let (plain, _, declared) = try ModelRegistry.declare(
            configuration: Data(try base.bytes(of: "config.json")), adaptation: adapter.adaptation)
        try adapter.check(declared)
        var own = try ModelRegistry.open(base).weights
        for (name, tensor) in adapter.trainedBase.pairs { own[name] = tensor }
        try declared.load(own, of: .model)
        try declared.load(adapter.weights, of: .adapters)
        try expect(plain, equals: "trained_beside", fixture)
    }
}
