import NN
import Torch
import Training

/// A two-layer regression with three parts, small enough to train in milliseconds.
struct ToyModel {
    let store = ParameterStore()
    let encoder: Linear
    let block: Linear
    let unused: Linear

    /// - Parameter frozen: what does not train, besides the part that nothing uses.
    init(seed: UInt64 = 1, frozen: [String] = []) {
        encoder = Linear(4, 8, bias: true, at: store.root / "encoder")
        block = Linear(8, 2, bias: false, at: store.root / "decoder" / "layers" / 0)
        unused = Linear(2, 2, bias: false, at: store.root / "unused")
        store.initialize(seed: seed)
        for prefix in frozen + ["unused"] { store.freeze(under: prefix) }
    }

    func callAsFunction(_ x: Tensor) -> Tensor { block(encoder(x.to(encoder.weight.tensor.dtype)).tanh()).to(.float32) }
}

/// Rows of inputs and targets.
struct ToyItem: TrainingItem {
    let x: Tensor
    let y: Tensor
    var rowCount: Int { x.shape[0] }

    func halves() -> (ToyItem, ToyItem)? {
        guard rowCount > 1 else { return nil }
        let half = rowCount / 2
        func part(_ start: Int, _ length: Int) -> ToyItem {
            ToyItem(
                x: x.narrow(dim: 0, start: start, length: length), y: y.narrow(dim: 0, start: start, length: length))
        }
        return (part(0, half), part(half, rowCount - half))
    }

    /// Item number `index` of an endless stream that follows from the seed.
    static func make(_ index: Int, rowCount: Int = 4, seed: UInt64 = 7) -> ToyItem {
        let generator = Generator(seed: seed &+ UInt64(index) &* 1_000_003)
        let x = Tensor.randn([rowCount, 4], generator: generator)
        let y = Tensor.stack([x.sum(dims: [1]) * 0.5, x.select(dim: 1, index: 0) - x.select(dim: 1, index: 1)], dim: 1)
        return ToyItem(x: x, y: y)
    }
}

/// A numbered stream of items.
final class ToySource {
    private(set) var index = 0
    let count: Int
    let make: (Int) -> ToyItem

    init(count: Int = .max, make: @escaping (Int) -> ToyItem = { ToyItem.make($0) }) {
        self.count = count
        self.make = make
    }

    var source: TrainingSource<ToyItem> {
        TrainingSource(
            next: {
                guard self.index < self.count else { return nil }
                defer { self.index += 1 }
                return self.make(self.index)
            },
            position: { String(self.index) },
            restore: { self.index = Int($0)! })
    }
}

extension Objective where Item == ToyItem {
    static func squaredError(_ model: ToyModel) -> Objective {
        Objective(name: "squared error", weight: { Double($0.rowCount) }) { item in
            let loss = (model(item.x) - item.y).square().sum()
            return StepLoss(total: loss, parts: ["squared": loss], tokenCount: item.rowCount, imageCount: 0)
        }
    }
}

/// Keeps everything it hears.
final class Recorder: TrainingObserver {
    var starts: [StartReport] = []
    var steps: [StepReport] = []
    var validations: [ValidationReport] = []
    var checkpoints: [CheckpointReport] = []
    var messages: [String] = []
    var ends: [EndReport] = []
    var fingerprints: [String] { steps.map(\.fingerprint) }

    func onStart(_ report: StartReport) throws { starts.append(report) }
    func onStep(_ report: StepReport) throws { steps.append(report) }
    func onValidation(_ report: ValidationReport) throws { validations.append(report) }
    func onCheckpoint(_ report: CheckpointReport) throws { checkpoints.append(report) }
    func onMessage(_ text: String) { messages.append(text) }
    func onEnd(_ report: EndReport) throws { ends.append(report) }
}

/// A run of the toy task with everything a test may want to look at.
struct ToyRun {
    let model: ToyModel
    let weights: MasterWeights
    let optimizers: OptimizerSet
    let source: ToySource
    let recorder = Recorder()
    var config: Trainer<ToyItem>.Config
    var objective: Objective<ToyItem>
    var validation: [ValidationSet<ToyItem>] = []

    init(
        steps: Int, computeDType: DType = .float32, accumulationSteps: Int = 1,
        optimizer: OptimizerConfig = OptimizerConfig(peakLearningRate: 0.01),
        source: ToySource = ToySource(), frozen: [String] = [], changing: Set<String>? = nil,
        configure: (inout Trainer<ToyItem>.Config) -> Void = { _ in }
    ) throws {
        model = ToyModel(frozen: frozen)
        weights = MasterWeights(model.store, changing: changing, computeDType: computeDType)
        optimizers = try OptimizerSet(optimizer, weights, nonEmbeddingParameterCount: 100)
        self.source = source
        objective = .squaredError(model)
        config = Trainer<ToyItem>.Config(
            stage: "toy", limit: RunLimit(steps: steps), accumulationSteps: accumulationSteps,
            schedule: Schedule(warmupSteps: 2), parts: ["encoder", "decoder"])
        configure(&config)
    }

    func trainer(
        generators: [String: Generator] = [:], save: ((TrainerState) throws -> CheckpointReport)? = nil
    ) -> Trainer<ToyItem> {
        Trainer(
            config, objective, on: TrainingData(source.source, validation: validation), optimizers,
            TrainingHooks(observers: [recorder], generators: generators, save: save))
    }

    var weightBytes: [UInt8] { weights.stateDict.pairs.flatMap { $0.1.bytes() } }
}

extension MasterWeights {
    /// The masters there are.
    var trained: [Tensor] { masters.compactMap { $0 } }
}
