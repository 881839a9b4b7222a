import Checkpoints
import Foundation
import NN
import TestSupport
import Testing
import Torch
import Training

/// What of a model lies in memory at full precision while it trains, and what does not.
@Suite("Masters and frozen weights")
struct MasterWeightsTests {
    private let frozen = ["encoder.weight", "encoder.bias", "unused.weight"]

    private func address(_ tensor: Tensor) -> UnsafeRawPointer? { tensor.withUnsafeBytes { $0.baseAddress } }

    @Test(
        "What is frozen has no master and lies in memory once, in the compute dtype",
        arguments: [DType.bfloat16, .float32])
    func noMaster(dtype: DType) throws {
        let model = ToyModel(frozen: ["encoder"])
        let before = model.encoder.weight.tensor
        let weights = MasterWeights(model.store, computeDType: dtype)
        #expect(
            weights.parameters.map(\.name) == [
                "encoder.weight", "encoder.bias", "decoder.layers.0.weight", "unused.weight",
            ])
        #expect(weights.masters.map { $0 == nil } == [true, true, false, true])
        #expect(weights.trainedStateDict.names == ["decoder.layers.0.weight"])
        #expect(weights.stateDict.names == weights.parameters.map(\.name))
        #expect(weights.stateDict["decoder.layers.0.weight"]?.dtype == .float32)
        for name in frozen {
            let value = try #require(weights.stateDict[name])
            #expect(value.dtype == dtype)
            #expect(address(value) == address(try #require(model.store[name]).tensor.detach()))
        }
        #expect(model.encoder.weight.tensor.bytes() == before.to(dtype).bytes())
        #expect(Set(weights.frozenDigests.keys) == Set(frozen))
    }

    @Test("Frozen bfloat16 weights stay in the file they were mapped from, trained ones leave it")
    func mapped() throws {
        let folder = NSTemporaryDirectory() + "masters-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = ToyModel(frozen: ["encoder"])
        model.store.convert(to: .bfloat16)
        let stored = try ModelFolder.write(model.store.stateDict(), to: folder).stateDict()
        try model.store.load(stored, dtype: nil)
        let weights = MasterWeights(model.store, computeDType: .bfloat16)
        for name in frozen {
            #expect(address(try #require(weights.stateDict[name])) == address(try #require(stored[name])))
        }
        let name = "decoder.layers.0.weight"
        let trained = model.block.weight.tensor.detach()
        #expect(address(trained) != address(try #require(stored[name])), "an update would write into the file")
        #expect(try #require(weights.stateDict[name]).bytes() == stored[name]?.to(.float32).bytes())
        // Training and restoring write to what is trained only: the mapping cannot be written to.
        let saved = weights.trainedStateDict
        try weights.restore { saved[$0] }
    }

    @Test(
        "A run without masters of what is frozen has the bits of one with them", arguments: [DType.bfloat16, .float32])
    func sameBits(dtype: DType) throws {
        let all = Set(ToyModel().store.parameters.map(\.name))
        let lean = try ToyRun(steps: 8, computeDType: dtype, frozen: ["encoder"])
        let rich = try ToyRun(steps: 8, computeDType: dtype, frozen: ["encoder"], changing: all)
        #expect(rich.weights.trained.count == 4 && lean.weights.trained.count == 1)
        for run in [lean, rich] { try run.trainer().run() }
        #expect(lean.recorder.fingerprints == rich.recorder.fingerprints)
        #expect(Set(lean.recorder.fingerprints).count == 8, "the loss moves")
        let name = "decoder.layers.0.weight"
        let own = try #require(lean.weights.trainedStateDict[name])
        #expect(own.bytes() == rich.weights.trainedStateDict[name]?.bytes())
        for parameter in try nonempty(lean.model.store.parameters) {
            #expect(parameter.tensor.bytes() == rich.model.store[parameter.name]?.tensor.bytes(), "\(parameter.name)")
        }
    }

    @Test("What a later stage trains has its master from the start when it is announced, and gets one when it is not")
    func laterStage() throws {
        let model = ToyModel(frozen: ["encoder"])
        let before = model.encoder.weight.tensor.detach()
        let announced = MasterWeights(
            model.store, changing: ["encoder.weight", "decoder.layers.0.weight"], computeDType: .bfloat16)
        #expect(announced.stateDict["encoder.weight"]?.bytes() == before.bytes(), "at full precision")
        let store = ToyModel(frozen: ["encoder"]).store
        let unannounced = MasterWeights(store, computeDType: .bfloat16)
        #expect(unannounced.frozenDigests.count == 3)
        store.unfreeze(under: "encoder")
        let optimizers = try OptimizerSet(OptimizerConfig(), unannounced, nonEmbeddingParameterCount: 10)
        #expect(optimizers.trainableIndices == [0, 1, 2])
        let master = try #require(unannounced.masters[0])
        #expect(master.dtype == .float32 && master.bytes() == before.to(.bfloat16).to(.float32).bytes())
        #expect(Array(unannounced.frozenDigests.keys) == ["unused.weight"])
    }

    @Test("A changed frozen weight has another digest")
    func digests() {
        func digests(seed: UInt64) -> [String: String] {
            MasterWeights(ToyModel(seed: seed, frozen: ["encoder"]).store, computeDType: .bfloat16).frozenDigests
        }
        #expect(digests(seed: 1) == digests(seed: 1))
        #expect(digests(seed: 1)["encoder.weight"] != digests(seed: 2)["encoder.weight"])
        #expect(digests(seed: 1)["encoder.weight"]?.count == 64)
    }
}
