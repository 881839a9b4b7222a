import NN
import Processors
import Synchronization
import SyrinxModels
import TinyModels
import Torch

/// The tiny model, noting how many images come to its encoder at a time.
final class ImageCounting: MultimodalLanguageModel {
    let passes = Mutex<[Int]>([])
    private let model = TinyModel.shared

    var vocabularySize: Int { model.vocabularySize }
    var contextLength: Int { model.contextLength }
    var tokenContract: TokenContract { model.tokenContract }

    func encode(_ values: Tensor, _ modality: Modality) -> Tensor {
        passes.withLock { $0.append(values.size(0)) }
        return model.encode(values, modality)
    }

    func embed(tokenIDs: Tensor) -> Tensor { model.embed(tokenIDs: tokenIDs) }

    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput { model.decode(embeddings, pass) }

    func logits(hiddenStates: Tensor) -> Tensor { model.logits(hiddenStates: hiddenStates) }

    func forwardOperations(_ work: ForwardWork) -> Double { model.forwardOperations(work) }

    func makeCache(batch: Int, capacity: Int) -> KVCache { model.makeCache(batch: batch, capacity: capacity) }
}

/// The tiny model with one score that is no number, as a weight that is none makes them.
final class BrokenModel: MultimodalLanguageModel {
    private let model = TinyModel.shared

    var vocabularySize: Int { model.vocabularySize }
    var contextLength: Int { model.contextLength }
    var tokenContract: TokenContract { model.tokenContract }

    func encode(_ values: Tensor, _ modality: Modality) -> Tensor { model.encode(values, modality) }

    func embed(tokenIDs: Tensor) -> Tensor { model.embed(tokenIDs: tokenIDs) }

    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput { model.decode(embeddings, pass) }

    func logits(hiddenStates: Tensor) -> Tensor {
        let nothing = (0..<vocabularySize).map { $0 == 7 ? Float.nan : 0 }
        return model.logits(hiddenStates: hiddenStates) + Tensor(nothing)
    }

    func forwardOperations(_ work: ForwardWork) -> Double { 0 }

    func makeCache(batch: Int, capacity: Int) -> KVCache { model.makeCache(batch: batch, capacity: capacity) }
}

/// A random model of a few thousand parameters with images of 16 pixels and 4 tokens each.
enum TinyModel {
    static let vocabularySize = 48
    static let placeholder = 3
    static let contextLength = 64

    static let shared = make(seed: 1)

    static func make(seed: UInt64) -> MM1 {
        var config = MM1.demo(vocabularySize: vocabularySize, imagePlaceholder: placeholder)
        config.visionEncoder.imageSize = 16
        config.visionEncoder.stem = .convolutional(channels: [4, 8])
        config.visionEncoder.hiddenSize = 16
        config.visionEncoder.intermediateSize = 32
        config.visionEncoder.layerCount = 1
        config.visionEncoder.headCount = 2
        config.connector = .averagePool(tokenCount: 4)
        config.languageModel.hiddenSize = 32
        config.languageModel.intermediateSize = 64
        config.languageModel.layerCount = 2
        config.languageModel.headCount = 4
        config.languageModel.keyValueHeadCount = 2
        config.languageModel.headSize = 8
        config.languageModel.contextLength = contextLength
        let store = ParameterStore()
        let model = MM1(config, at: store.root)
        store.initialize(seed: seed)
        return model
    }

    /// One row: an image of one `brightness` first, where one is given, then text.
    static func input(_ text: [Int], brightness: Double? = nil, id: String? = nil) -> ModelInput {
        let count = brightness == nil ? 0 : shared.imageTokenCount
        let tokenIDs = [Int](repeating: placeholder, count: count) + text
        return ModelInput(
            tokenIDs: Tensor(tokenIDs.map(Int64.init), shape: [1, tokenIDs.count]),
            positionIDs: Tensor((0..<tokenIDs.count).map(Int64.init), shape: [1, tokenIDs.count]),
            layout: SegmentLayout(
                rows: 1, columns: tokenIDs.count, segments: [.init(row: 0, start: 0, length: tokenIDs.count)]),
            pixelValues: brightness.map { Tensor.full([1, 3, 16, 16], value: $0) },
            mediaPositions: count > 0 ? Tensor((0..<count).map(Int64.init)) : nil, ids: id.map { [$0] })
    }

    /// Logits of the last position, recomputing everything.
    static func lastLogits(_ input: ModelInput) -> [Float] {
        inferenceMode {
            let length = input.tokenIDs.shape[1]
            return shared.logits(embeddings: shared.embed(input), positionIDs: input.positionIDs)
                .select(dim: 1, index: length - 1).array(of: Float.self)
        }
    }
}
