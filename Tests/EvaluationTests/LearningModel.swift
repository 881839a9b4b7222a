import DataPipeline
import Evaluation
import NN
import Processors
import SyrinxModels
import Torch

/// A model that learns words from its prompt and knows nothing else: after `name:` it prefers the word that followed an
/// earlier image of the same group. An image of brightness b shows group b; a blank picture (-1) shows none.
struct LearningModel: MultimodalLanguageModel {
    static let words = ["<begin>", "<end>", "<image>", "name:", "."] + FewShotNamingTask.words
    static let kinds = ["food", "animals", "nature", "travel", "flags"]

    static let subject = EvaluationSubject(
        model: LearningModel(), contract: TokenContract(imagePlaceholder: 2, tokenCount: 1), beginID: 0,
        stopTokenIDs: [1],
        encode: { text in
            text.split(separator: " ").flatMap { word -> [Int] in
                let parts = word.hasSuffix(".") ? [String(word.dropLast()), "."] : [String(word)]
                return parts.compactMap { words.firstIndex(of: $0) }
            }
        }, decode: { $0.map { words[$0] }.joined(separator: " ") })

    let vocabularySize = words.count
    let contextLength: Int
    let tokenContract = TokenContract(imagePlaceholder: 2, tokenCount: 1)

    init(contextLength: Int = 64) { self.contextLength = contextLength }

    /// One token [V + 1]: no word, and the group's number (0 for none) in the last place.
    func encode(_ pixelValues: Tensor, _ modality: Modality) -> Tensor {
        let brightness = pixelValues.mean(dims: [1, 2, 3]).array(of: Float.self)
        let rows = brightness.flatMap { [Float](repeating: 0, count: vocabularySize) + [max(0, $0.rounded() + 1)] }
        return Tensor(rows, shape: [brightness.count, vocabularySize + 1])
    }

    func embed(tokenIDs: Tensor) -> Tensor {
        let oneHot = tokenIDs.oneHot(classes: vocabularySize).to(.float32)
        return Tensor.cat([oneHot, oneHot.narrow(dim: 2, start: 0, length: 1) * 0], dim: 2)
    }

    /// Preferences over words, computed position by position; no cache, since this model only scores.
    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        let (rows, columns, width) = (embeddings.shape[0], embeddings.shape[1], embeddings.shape[2])
        let values = embeddings.array(of: Float.self)
        var result = [Float](repeating: 0, count: values.count)
        for row in 0..<rows {
            var taught = [Float: [Int]]()
            var group: Float = 0
            var afterName = false
            for column in 0..<columns {
                let start = (row * columns + column) * width
                let own = values[start..<start + width]
                if own[start + width - 1] > 0 { group = own[start + width - 1] }
                let word = own.dropLast().firstIndex { $0 == 1 }.map { $0 - start }
                if own.allSatisfy({ $0 == 0 }) { group = 0 }  // a blank picture
                if afterName, let word { taught[group, default: []].append(word) }
                afterName = word == 3
                if afterName { for word in taught[group] ?? [] { result[start + word] += 5 } }
            }
        }
        return DecoderOutput(Tensor(result, shape: embeddings.shape))
    }

    func logits(hiddenStates: Tensor) -> Tensor {
        hiddenStates.narrow(dim: hiddenStates.rank - 1, start: 0, length: vocabularySize)
    }

    func forwardOperations(_ work: ForwardWork) -> Double { 0 }

    func makeCache(batch: Int, capacity: Int) -> KVCache {
        KVCache(
            layerCount: 1, batch: batch, capacity: capacity, keyValueHeadCount: 1, headSize: vocabularySize,
            dtype: .float32, device: .cpu)
    }

    /// `count` items that go through the groups in order.
    static func set(count: Int) -> CaptionedSet {
        let items = (0..<count).map { index in
            CaptionedSet.Item(
                id: "emoji/\(index)", source: "emoji",
                caption: .init(name: "n\(index)", kind: kinds[index % kinds.count]),
                provenance: .init(package: "p", version: "1", path: "x", licence: "public domain"), png: [])
        }
        let values = (0..<count).map { Float($0 % kinds.count) }
        return CaptionedSet(
            split: .test, items: items,
            pixelValues: Tensor(values, shape: [count, 1, 1, 1]).expand([count, 3, 2, 2]).contiguous())
    }

    /// What the tasks share, for this model.
    static func context(count: Int, seed: UInt64 = 0) -> EvaluationContext {
        CaptionEvaluation(sources: [], seed: seed, resampleCount: 20).context(
            subject, set: set(count: count), statistics: CaptionStatistics(),
            blank: Tensor.full([3, 2, 2], value: -1))
    }
}
