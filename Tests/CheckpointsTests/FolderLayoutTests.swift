import Checkpoints
import Foundation
import NN
import Testing
import Torch

/// Folders as people have them: several forms of the weights at once, some of them left over.
struct FolderLayoutTests {
    private let folder = TemporaryFolder()
    private let weights = StateDict((0..<6).map { ("layers.\($0).weight", Tensor.full([4, 4], value: Double($0))) })

    /// A folder of one whole file.
    private func whole() throws -> ModelFolder { try ModelFolder.write(weights, to: folder("m")) }

    private func index(of name: String, shard: String) {
        let text = #"{"weight_map": {"layers.0.weight": "\#(shard)"}}"#
        _ = folder.write(Array(text.utf8), "m/\(name)")
    }

    @Test func `An index whose shards are gone stands back for the whole file, and is named`() throws {
        let model = try whole()
        index(of: "model.safetensors.index.json", shard: "model-00001-of-00002.safetensors")
        #expect(try model.weightFileNames() == ["model.safetensors"])
        #expect(Set(try model.stateDict().names) == Set(weights.names))
        #expect(
            model.remarks() == [
                "\(model.path): model.safetensors.index.json names model-00001-of-00002.safetensors, which is missing; "
                    + "reading model.safetensors instead"
            ])
    }

    @Test func `A half-loaded safetensors form stands back for a whole archive`() throws {
        let path = folder("m")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Safetensors.write([("a", Tensor.ones([1]))], to: path + "/model-00001-of-00002.safetensors")
        index(of: "model.safetensors.index.json", shard: "model-00002-of-00002.safetensors")
        _ = folder.write([1], "m/pytorch_model.bin")
        let model = try ModelFolder(path: path)
        #expect(try model.weightFileNames() == ["pytorch_model.bin"])
        let remarks = model.remarks()
        #expect(
            remarks.count == 2
                && remarks.last?.contains("model-00001-of-00002.safetensors, which may also contain") == true)
    }

    @Test func `Weights that lie in a folder and are not read are named, a trainer's state is not`() throws {
        let model = try whole()
        #expect(model.remarks().isEmpty)
        for name in [
            "pytorch_model.bin", "consolidated.00.pth", "non_lora_trainables.bin", "training_args.bin", "optimizer.pt",
            "rng_state_0.pth", "scheduler.pt", "notes.txt",
        ] {
            _ = folder.write([1], "m/\(name)")
        }
        #expect(
            model.remarks() == [
                "\(model.path): model.safetensors is read; consolidated.00.pth, non_lora_trainables.bin, pytorch_model.bin, "
                    + "which may also contain weights, is not"
            ])
    }

    @Test func `Weights that are a link to nothing, as in a cache that was cleaned, are said to be one`() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder("model.safetensors"), withDestinationPath: "../../blobs/gone")
        let model = try ModelFolder(path: folder.path)
        let error = #expect(throws: CheckpointError.self) { try model.weightFileNames() }
        #expect("\(error!)".contains("model.safetensors is a broken link"))
    }

    @Test func `A folder with weights in unknown forms alone says which it has`() throws {
        _ = folder.write([1], "model.gguf")
        let model = try ModelFolder(path: folder.path)
        let error = #expect(throws: CheckpointError.self) { try model.weightFileNames() }
        #expect("\(error!)".contains("model.gguf cannot be read as a model's weights"))
    }

    /// An adapter of one layer, with a weight of the model itself trained beside it, as PyTorch saves them.
    private func adapter(_ name: String, values: [Float], down: Tensor = .ones([2, 4])) throws -> AdapterFolder {
        try FileManager.default.createDirectory(atPath: folder("adapter"), withIntermediateDirectories: true)
        _ = folder.write(Array(#"{"peft_type": "LORA", "r": 2, "lora_alpha": 2}"#.utf8), "adapter/adapter_config.json")
        try Safetensors.write(
            [
                ("base_model.model.q_proj.lora_A.weight", down),
                ("base_model.model.q_proj.lora_B.weight", .ones([3, 2])),
            ],
            to: folder("adapter/adapter_model.safetensors"))
        let archive = TorchArchiveBuilder(
            pickle: .tensor(name, count: values.count, shape: [values.count], strides: [1]),
            storages: ["0": values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }])
        _ = folder.write(archive.bytes, "adapter/non_lora_trainables.bin")
        return try AdapterFolder(path: folder("adapter"))
    }

    private func store(_ adapter: AdapterFolder) -> ParameterStore {
        let store = ParameterStore(adaptation: adapter.adaptation)
        _ = Linear(4, 3, bias: true, at: store.root / "q_proj")
        return store
    }

    @Test(arguments: ["base_model.model.q_proj.bias", "base_model.model.q_proj.base_layer.bias", "q_proj.bias"])
    func `Weights that were trained beside an adapter are read by the model's names`(name: String) throws {
        let adapter = try adapter(name, values: [1, 2, 3])
        #expect(adapter.trainedBase.names == ["q_proj.bias"] && adapter.remarks().isEmpty)
        try adapter.check(store(adapter))
        let merged = adapter.merged("q_proj.bias", Tensor.zeros([3]))
        #expect(merged.array(of: Float.self) == [1, 2, 3])
        #expect(adapter.merged("other.bias", Tensor.zeros([3])).array(of: Float.self) == [0, 0, 0])
        #expect(adapter.firstNotANumber == nil)
    }

    @Test func `Such weights of another shape or of no layer of the model are named`() throws {
        let wrong = try adapter("base_model.model.q_proj.bias", values: [1, 2])
        let shapes = #expect(throws: LoadReport.self) { try wrong.check(store(wrong)) }
        #expect(shapes?.mismatched.map(\.name) == ["q_proj.bias"])
        let foreign = try adapter("base_model.model.k_proj.bias", values: [1, 2])
        let names = #expect(throws: LoadReport.self) { try foreign.check(store(foreign)) }
        #expect(names?.unexpected == ["k_proj.bias"])
    }

    @Test func `The tensor of an adapter that holds NaN is named, beside the model's own weights too`() throws {
        let inside = try adapter("q_proj.bias", values: [1, 2, 3], down: Tensor.full([2, 4], value: .nan))
        #expect(inside.firstNotANumber == "q_proj.lora_A.weight")
        #expect(try adapter("q_proj.bias", values: [1, .nan, 3]).firstNotANumber == "q_proj.bias")
    }

    @Test func `Other files of weights in an adapter's folder are named`() throws {
        _ = try adapter("q_proj.bias", values: [1, 2, 3])
        _ = folder.write([1], "adapter/adapter_model.bin")
        let remarks = try AdapterFolder(path: folder("adapter")).remarks()
        #expect(
            remarks.count == 1 && remarks[0].contains("adapter_model.safetensors is read; adapter_model.bin, which"))
    }
}
