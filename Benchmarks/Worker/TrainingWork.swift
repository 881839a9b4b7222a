import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Torch
import Training

/// Whole training steps of the trainer, in bfloat16 with float32 masters or in float32: forward, backward, clipping, AdamW.
struct TrainingWork {
    private let files: WorkFolder
    private let model: MM1
    private let store = ParameterStore()
    private let input: ModelInput
    private let labels: Tensor

    /// The one micro-batch that every step takes.
    private struct Item: TrainingItem {}

    init(_ files: WorkFolder) throws {
        self.files = files
        let work = files.work
        let tensors = try files.tensors("\(work).input.safetensors")
        func tensor(_ name: String) throws -> Tensor {
            guard let tensor = tensors[name] else { throw WorkError("the input of \(work) has no \(name)") }
            return tensor
        }
        model = MM1(Self.config(work), at: store.root)
        try store.load(files.tensors("\(work).safetensors"))
        labels = try tensor("labels")
        let segments = try tensor("segments").array(of: Int64.self).map(Int.init)  // row, start, length
        let layout = SegmentLayout(
            rows: labels.size(0), columns: labels.size(1),
            segments: stride(from: 0, to: segments.count, by: 3).map {
                .init(row: segments[$0], start: segments[$0 + 1], length: segments[$0 + 2])
            })
        input = ModelInput(
            tokenIDs: try tensor("tokens"), positionIDs: try tensor("positions"), layout: layout,
            media: try tensors["pixels"].map {
                [MediaBatch(modality: .image, values: $0, positions: try tensor("visual_positions"))]
            } ?? [])
    }

    private static func config(_ work: String) -> MM1.Config {
        var config = MM1.demo(vocabularySize: 4096, imagePlaceholder: 4)
        if work == "train-100m" {
            // Text alone through a decoder of 110 million parameters; the small encoder rests.
            config.languageModel = LLaMADecoder.Config(
                vocabularySize: 32_768, hiddenSize: 768, intermediateSize: 2048, layerCount: 12, headCount: 12,
                contextLength: 4096, ropeLayout: .interleaved, tiesEmbeddings: true)
        }
        return config
    }

    func serve(_ conversation: Conversation) throws {
        if input.media.isEmpty {
            for part in ["vision_encoder", "connector"] { store.freeze(under: part) }
        }
        let weights = MasterWeights(store, computeDType: files.dtype)
        let optimizers = try OptimizerSet(
            OptimizerConfig(peakLearningRate: 1e-4), weights, nonEmbeddingParameterCount: 1)
        let clock = StepClock(conversation, files)
        let converted = input.castingMedia(to: files.dtype)
        let (model, labels, weight) = (model, labels, labels.notEqual(to: -100).to(.float32).sum().item())
        let source = TrainingSource(
            next: { try clock.next() ? Item() : nil }, position: { "" }, restore: { _ in })
        let objective = Objective<Item>(name: "nextToken", weight: { _ in weight }) { _ in
            let loss = model.nextTokenLoss(converted, labels: labels)
            return StepLoss(total: loss.total, tokenCount: labels.elementCount, imageCount: 0)
        }
        let trainer = Trainer(
            .init(stage: "bench", limit: RunLimit(steps: nil), schedule: Schedule(warmupSteps: 0, decay: .constant)),
            objective, on: TrainingData(source), optimizers, TrainingHooks(observers: [clock]))
        try trainer.run()
    }

    /// Hands out a step for each `run` and reports its time; the first steps run unasked and warm up.
    private final class StepClock: TrainingObserver {
        static let comparedSteps = 3
        private let conversation: Conversation
        private var start = ContinuousClock.now
        private let files: WorkFolder
        private var losses: [Double] = []

        init(_ conversation: Conversation, _ files: WorkFolder) {
            self.conversation = conversation
            self.files = files
        }

        func next() throws -> Bool {
            if losses.count == Self.comparedSteps {
                try files.write(Tensor(losses.map { Float($0) }))
                conversation.ready()
            }
            if losses.count >= Self.comparedSteps, !conversation.isAskedToRun() { return false }
            start = .now
            return true
        }

        func onStep(_ report: StepReport) {
            let seconds = (ContinuousClock.now - start).seconds
            losses.append(report.loss)
            if losses.count > Self.comparedSteps { conversation.report(seconds: seconds) }
        }
    }
}
