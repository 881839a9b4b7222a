import Foundation
import Testing
import Torch
import Training

@Suite("Run checkpoints", .serialized)
struct CheckpointStoreTests {
    private struct Killed: Error {}

    /// Ends the run at a step as a kill would: without saving.
    private final class Killer: TrainingObserver {
        let step: Int
        init(_ step: Int) { self.step = step }
        func onStep(_ report: StepReport) throws { if report.step == step { throw Killed() } }
    }

    private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = NSTemporaryDirectory() + "checkpoints-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    /// A run with noise from a generator of its own, saving every three steps.
    private func makeRun(_ algorithm: OptimizerConfig.Algorithm, _ dtype: DType, noise: Generator) throws -> ToyRun {
        var run = try ToyRun(
            steps: 20, computeDType: dtype, accumulationSteps: 2,
            optimizer: OptimizerConfig(algorithm: algorithm, peakLearningRate: 0.01))
        run.config.checkpointInterval = 3
        let objective = run.objective
        run.objective = Objective(name: "noisy", weight: objective.weight) { item in
            try objective.loss(ToyItem(x: item.x + Tensor.randn(item.x.shape, generator: noise) * 0.1, y: item.y))
        }
        return run
    }

    private func train(
        _ run: ToyRun, _ store: CheckpointStore, noise: Generator, killAt step: Int? = nil, resume: Bool = false
    ) throws {
        let saved = resume ? store.newestValid { _ in } : nil
        #expect(!resume || saved != nil)
        if let saved {
            try run.weights.restore(saved.weight)
            try run.optimizers.restore(saved.optimizerState)
        }
        let hooks = TrainingHooks(
            observers: [run.recorder] + (step.map { [Killer($0)] } ?? []), generators: ["noise": noise]
        ) { state in
            try store.save(
                state, weights: run.weights.trainedStateDict, optimizer: run.optimizers.state, files: ["note.txt": [1]])
        }
        let trainer = Trainer(run.config, run.objective, on: TrainingData(run.source.source), run.optimizers, hooks)
        try trainer.run(resuming: saved?.state)
    }

    @Test(
        "A run killed at any step resumes to the bit-identical losses and weights",
        arguments: [(OptimizerConfig.Algorithm.adamW, DType.float32), (.muon, .float32), (.muon, .bfloat16)])
    func killAndResume(algorithm: OptimizerConfig.Algorithm, dtype: DType) throws {
        try withFolder { folder in
            let noise = Generator(seed: 5)
            let whole = try makeRun(algorithm, dtype, noise: noise)
            try train(whole, CheckpointStore(folder: folder, keep: 1), noise: noise)
            for step in [4, 9, 11, 19] {
                let path = folder + "/killed-\(step)"
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                let store = CheckpointStore(folder: path, keep: 2)
                let firstNoise = Generator(seed: 5)
                let first = try makeRun(algorithm, dtype, noise: firstNoise)
                #expect(throws: Killed.self) { try train(first, store, noise: firstNoise, killAt: step) }
                // Another process starts from scratch: new model, new optimizer, a generator that was elsewhere.
                let secondNoise = Generator(seed: 999)
                let second = try makeRun(algorithm, dtype, noise: secondNoise)
                try train(second, store, noise: secondNoise, resume: true)
                let resumedAt = second.recorder.starts[0].step
                #expect(resumedAt == step / 3 * 3 || resumedAt == (step - 1) / 3 * 3)
                #expect(second.recorder.fingerprints == Array(whole.recorder.fingerprints[resumedAt...]))
                #expect(second.weightBytes == whole.weightBytes)
                #expect(store.names().count <= 2)
            }
        }
    }

    /// Three checkpoints in `folder`, and what the newest valid one is after `damage`.
    private func newestAfter(_ damage: (_ newest: String) throws -> Void) throws -> (step: Int?, messages: [String]) {
        try withFolder { folder in
            let noise = Generator(seed: 5)
            let run = try makeRun(.adamW, .float32, noise: noise)
            let store = CheckpointStore(folder: folder, keep: 3)
            try train(run, store, noise: noise)
            #expect(store.names() == ["step-000015", "step-000018", "step-000020"])
            try damage(folder + "/step-000020")
            var messages: [String] = []
            let saved = store.newestValid { messages.append($0) }
            return (saved?.state.step, messages)
        }
    }

    private func edit(_ path: String, _ change: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        change(&data)
        try data.write(to: URL(fileURLWithPath: path))
    }

    @Test("The newest checkpoint wins when it is whole")
    func newestWins() throws {
        let result = try newestAfter { _ in }
        #expect(result.step == 20 && result.messages.isEmpty)
    }

    @Test(
        "A truncated, bit-flipped or incomplete checkpoint is passed over by name, and the one before is used",
        arguments: [
            "flip model.safetensors", "flip optimizer.safetensors", "flip state.json", "flip manifest.json",
            "cut model.safetensors", "remove note.txt", "remove manifest.json", "empty manifest.json",
        ])
    func damage(kind: String) throws {
        let words = kind.split(separator: " ").map(String.init)
        let result = try newestAfter { newest in
            let path = "\(newest)/\(words[1])"
            switch words[0] {
            case "flip": try edit(path) { $0[$0.count / 2] ^= 0x10 }
            case "cut": try edit(path) { $0.removeLast(100) }
            case "empty": try edit(path) { $0.removeAll() }
            default: try FileManager.default.removeItem(atPath: path)
            }
        }
        #expect(result.step == 18)
        #expect(
            result.messages.count == 1 && result.messages[0].contains("step-000020: "),
            "\(result.messages)")
        #expect(result.messages[0].contains(words[1]), "\(result.messages)")
    }

    @Test("A half-written checkpoint of a killed run is ignored, and removed at the next save")
    func leftovers() throws {
        try withFolder { folder in
            let partial = folder + "/.partial-step-000002-123"
            try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
            let store = CheckpointStore(folder: folder, keep: 1)
            #expect(store.names().isEmpty)
            #expect(store.newestValid { _ in } == nil)
            let run = try ToyRun(steps: 1)
            _ = try store.save(
                TrainerState(stageIndex: 0, stage: "toy", step: 1), weights: run.weights.stateDict,
                optimizer: run.optimizers.state)
            #expect(!FileManager.default.fileExists(atPath: partial))
            #expect(store.names() == ["step-000001"])
        }
    }

    @Test("A folder that cannot be written is one sentence, and what was there stays")
    func unwritable() throws {
        let store = CheckpointStore(folder: "/proc/self", keep: 1)
        let run = try ToyRun(steps: 1)
        let error = #expect(throws: TrainingError.self) {
            try store.save(
                TrainerState(stageIndex: 0, stage: "toy", step: 1), weights: run.weights.stateDict, optimizer: [])
        }
        #expect(error?.description.contains("\n") == false)
    }

    @Test("A checkpoint of another model is refused by the name and both shapes of what does not fit")
    func wrongModel() throws {
        let run = try ToyRun(steps: 1)
        let error = #expect(throws: TrainingError.self) { try run.weights.restore { _ in Tensor.zeros([3, 3]) } }
        #expect(
            error?.description == "the checkpoint's 'encoder.weight' has shape [3, 3], this recipe's model needs [8, 4]"
        )
        let missing = #expect(throws: TrainingError.self) { try run.weights.restore { _ in nil } }
        #expect(missing?.description.contains("has no 'encoder.weight'") == true)
    }

    @Test("Damaged checkpoints of later steps take no place from those that are saved")
    func damagedLaterSteps() throws {
        try withFolder { folder in
            for step in [8, 9] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/step-00000\(step)", withIntermediateDirectories: true)
            }
            let store = CheckpointStore(folder: folder, keep: 2)
            let run = try ToyRun(steps: 1)
            for step in [2, 4, 6] {
                _ = try store.save(
                    TrainerState(stageIndex: 0, stage: "toy", step: step), weights: run.weights.stateDict,
                    optimizer: run.optimizers.state)
            }
            #expect(store.newestValid { _ in }?.state.step == 6)
            #expect(store.names() == ["step-000004", "step-000006", "step-000008", "step-000009"])
        }
    }
}
