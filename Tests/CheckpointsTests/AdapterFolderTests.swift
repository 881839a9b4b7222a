import Checkpoints
import Foundation
import NN
import TestSupport
import Testing
import Torch

struct AdapterFolderTests {
    private let folder = TemporaryFolder()
    private static let adaptation = LowRankAdaptation(
        rank: 2, alpha: 5, dropout: 0.25, targets: ["a.q_proj", "b.v_proj"])

    /// A model of two layers, of which the adapter above belongs to both.
    private func store(_ adaptation: LowRankAdaptation? = adaptation) -> ParameterStore {
        let store = ParameterStore(adaptation: adaptation)
        _ = Linear(4, 3, bias: false, at: store.root / "a" / "q_proj")
        _ = Linear(4, 5, bias: false, at: store.root / "b" / "v_proj")
        store.initialize(seed: 3)
        return store
    }

    private func write(_ config: String, _ tensors: [(String, Tensor)]) throws -> String {
        try FileManager.default.createDirectory(atPath: folder("adapter"), withIntermediateDirectories: true)
        _ = folder.write(Array(config.utf8), "adapter/adapter_config.json")
        try Safetensors.write(tensors, to: folder("adapter/adapter_model.safetensors"))
        return folder("adapter")
    }

    private var pair: [(String, Tensor)] {
        [
            ("base_model.model.a.q_proj.lora_A.weight", .ones([2, 4])),
            ("base_model.model.a.q_proj.lora_B.weight", .ones([3, 2])),
        ]
    }

    @Test func `A written adapter is read back, in PEFT's names and with every layer as a target`() throws {
        let store = store()
        try AdapterFolder.write(
            store.stateDict(of: .adapters), Self.adaptation, baseModel: "my/base", to: folder("adapter"))
        #expect(
            try SafetensorsFile(path: folder("adapter/adapter_model.safetensors")).names.contains(
                "base_model.model.b.v_proj.lora_B.weight"))
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(bytes(ofFileAt: folder("adapter/adapter_config.json"))))
                as? [String: Any])
        #expect(json["peft_type"] as? String == "LORA" && json["r"] as? Int == 2 && json["lora_alpha"] as? Int == 5)
        #expect(json["target_modules"] as? [String] == ["a.q_proj", "b.v_proj"])
        let read = try AdapterFolder(path: folder("adapter"))
        #expect(read.adaptation == Self.adaptation && read.baseModel == "my/base")
        try read.check(store)
        for (name, tensor) in try nonempty(store.stateDict(of: .adapters).pairs) {
            #expect(read.weights[name].map { isEqual($0, tensor) } == true)
        }
        #expect(try ModelFolder(path: folder("adapter")).verifyChecksums() == 2)
    }

    @Test func `Other weights of the same shapes are told apart, the same in another dtype are not`() throws {
        let store = store(), adapters = store.stateDict(of: .adapters), base = store.stateDict(of: .model)
        try AdapterFolder.write(adapters, Self.adaptation, baseModel: "my/base", base: base, to: folder("adapter"))
        let adapter = try AdapterFolder(path: folder("adapter"))
        #expect(try ModelFolder(path: folder("adapter")).verifyChecksums() == 3)
        #expect(adapter.warning(on: base, named: "here") == nil)
        for dtype in [DType.bfloat16, .float16] {
            let rounded = StateDict(base.pairs.map { ($0.0, $0.1.to(dtype)) })
            #expect(adapter.warning(on: rounded, named: "here") == nil)
        }
        let other = StateDict(base.pairs.map { ($0.0, $0.0 == "b.v_proj.weight" ? $0.1 * 1.02 : $0.1) })
        let warning = try #require(adapter.warning(on: other, named: "here"))
        #expect(
            warning.hasPrefix(
                "the adapter \(adapter.path) was trained with other weights (my/base) than here: "
                    + "b.v_proj differs (b.v_proj.weight has "), "\(warning)")
        // PEFT's own folders tell nothing.
        try FileManager.default.removeItem(atPath: folder("adapter"))
        let silent = try AdapterFolder(path: try write(#"{"r": 2}"#, pair))
        #expect(silent.warning(on: other, named: "here") == nil)
    }

    @Test func `Parts that were trained beside the adapter are told apart too, and named`() throws {
        let adapted = store(), base = adapted.stateDict(of: .model)
        var whole = base
        for (name, seed) in [("head.norm.weight", 1), ("head.fc.3.bias", 2), ("head.query", 3), ("eye.fc.weight", 4)] {
            whole[name] = Tensor.randn([9], generator: Generator(seed: UInt64(seed)), standardDeviation: 0.02)
        }
        try AdapterFolder.write(
            adapted.stateDict(of: .adapters), Self.adaptation, baseModel: "runs/mine/model", base: whole,
            to: folder("adapter"))
        let adapter = try AdapterFolder(path: folder("adapter"))
        func warning(_ change: (String, Tensor) -> Tensor) -> String? {
            adapter.warning(on: StateDict(whole.pairs.map { ($0.0, change($0.0, $0.1)) }), named: "before")
        }
        #expect(warning { $1 } == nil && warning { $1.to(.bfloat16) } == nil && warning { $1.to(.float16) } == nil)
        // What a few updates change is less than rounding changes, and is seen where nothing was rounded.
        let trained = try #require(warning { name, tensor in name.hasPrefix("head") ? tensor + 1e-5 : tensor })
        #expect(
            trained.hasPrefix(
                "the adapter \(adapter.path) was trained with other weights (runs/mine/model) than before: "
                    + "head differs (head.fc.3.bias has "), "\(trained)")
        // Training keeps frozen weights as bfloat16 and trained ones in full; the model before is in full.
        try FileManager.default.removeItem(atPath: folder("adapter"))
        let mixed = StateDict(whole.pairs.map { ($0.0, $0.0.hasPrefix("head") ? $0.1 + 1e-4 : $0.1.to(.bfloat16)) })
        try AdapterFolder.write(
            adapted.stateDict(of: .adapters), Self.adaptation, baseModel: "mixed", base: mixed, to: folder("adapter"))
        let beside = try #require(try AdapterFolder(path: folder("adapter")).warning(on: whole, named: "before"))
        #expect(beside.contains("(mixed) than before: head differs ("), "\(beside)")
        let both = try #require(warning { name, tensor in name.hasSuffix("fc.weight") ? tensor + 1 : tensor * 1.5 })
        #expect(both.contains("than before: a.q_proj, b.v_proj, eye.fc, head differ ("), "\(both)")
        // An earlier version's file knows adapted weights alone.
        let known = base["a.q_proj.weight"]?.array(of: Float.self) ?? []
        try FileManager.default.removeItem(atPath: folder("adapter"))
        let path = try write(#"{"r": 2}"#, pair)
        _ = folder.write(
            Array(#"{"name": "old", "values": {"a.q_proj.weight": [\#(known[0])]}}"#.utf8), "adapter/base_model.json")
        let old = try AdapterFolder(path: path)
        #expect(old.warning(on: whole, named: "before") == nil)
        whole["a.q_proj.weight"] = .ones([3, 4])
        #expect(
            old.warning(on: whole, named: "before")?.contains("(old) than before: a.q_proj differs") == true)
    }

    @Test func `The names of older versions are understood`() throws {
        let older = pair.map { ($0.0.replacing(".weight", with: ".default.weight"), $0.1) }
        let adapter = try AdapterFolder(path: try write(#"{"peft_type": "LORA", "r": 2, "lora_alpha": 4}"#, older))
        #expect(adapter.weights.names.sorted() == ["a.q_proj.lora_A.weight", "a.q_proj.lora_B.weight"])
        #expect(adapter.adaptation.targets == ["a.q_proj"])
    }

    @Test(arguments: [
        (#"{"peft_type": "PREFIX_TUNING", "r": 2}"#, "peft_type PREFIX_TUNING; only LORA"),
        (#"{"r": 2, "use_dora": true}"#, "use_dora"), (#"{"r": 2, "bias": "all"}"#, "bias all"),
        (#"{"r": 2, "modules_to_save": ["lm_head"]}"#, "modules_to_save"),
        (#"{"r": 2, "init_lora_weights": "pissa_niter_16"}"#, "init_lora_weights pissa_niter_16, which also changes"),
        (#"{"r": 2, "init_lora_weights": "olora"}"#, "init_lora_weights olora"),
        (#"{"r": 2, "alora_invocation_tokens": [5]}"#, "alora_invocation_tokens"),
        (#"{"r": 2, "rank_pattern": {"q_proj": 4}}"#, "rank_pattern"), (#"{"r": 0}"#, "the rank is 0"),
        (#"{"r": 4611686018427387904}"#, "it must be from 1 to 65536"),
        (#"{"r": "two"}"#, "r should be a whole number"), (#"{"r": 2"#, "is damaged"),
    ])
    func `What is no plain LoRA adapter is refused by name`(config: String, expected: String) throws {
        let path = try write(config, pair)
        let error = #expect(throws: CheckpointError.self) { try AdapterFolder(path: path) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(path) == true)
    }

    @Test func `Tensors of another kind, half a pair and a listed layer without tensors are reported`() throws {
        let strange = pair + [("base_model.model.lm_head.weight", .ones([1]))]
        let error = #expect(throws: CheckpointError.self) {
            try AdapterFolder(path: try write(#"{"r": 2}"#, strange))
        }
        #expect(error?.description.contains("base_model.model.lm_head.weight") == true)
        let half = try AdapterFolder(
            path: try write(#"{"r": 2, "target_modules": ["q_proj", "v_proj"]}"#, Array(pair.prefix(1))))
        let report = #expect(throws: LoadReport.self) { try half.check(store(half.adaptation)) }
        #expect(
            report?.missing == ["a.q_proj.lora_B.weight", "b.v_proj.lora_A.weight", "b.v_proj.lora_B.weight"])
    }

    @Test func `A folder without its weights is told`() throws {
        let path = try write(#"{"r": 2}"#, pair)
        try FileManager.default.removeItem(atPath: path + "/adapter_model.safetensors")
        let error = #expect(throws: CheckpointError.self) { try AdapterFolder(path: path) }
        #expect(error?.description.contains("neither adapter_model.safetensors nor adapter_model.bin") == true)
    }
}
