import DataPipeline
import Evaluation
import NN
import Processors
import SyrinxModels
import Torch

/// A model that reads the answer off the image: it knows what every image shows and says it perfectly.
///
/// An image of brightness b shows world item b. Its one visual token prefers the item's words; a text position lets
/// through the words that may follow its own token. So after "colours:" the item's colour is likeliest, after "name:" its
/// name, after "kind:" its kind, and everywhere else the full stop. A blank picture (brightness -1) prefers nothing.
struct OracleModel: MultimodalLanguageModel {
    static let words = [
        "<begin>", "<end>", "<image>", "name:", "kind:", "colours:", ".", "apple", "frog", "sky", "sun", "leaf", "food",
        "animals", "nature", "red", "green", "blue", "yellow",
    ]
    static let world: [CorpusRecord.Caption] = [
        .init(name: "apple", kind: "food", colours: ["red"]), .init(name: "frog", kind: "animals", colours: ["green"]),
        .init(name: "sky", kind: "nature", colours: ["blue"]), .init(name: "sun", kind: "nature", colours: ["yellow"]),
        .init(name: "leaf", kind: "nature", colours: ["green"]),
    ]

    static func encode(_ text: String) -> [Int] {
        text.split(separator: " ").flatMap { word -> [Int] in
            let parts = word.hasSuffix(".") && word.count > 1 ? [String(word.dropLast()), "."] : [String(word)]
            return parts.compactMap { part in words.firstIndex(of: part) }
        }
    }

    static func decode(_ ids: [Int]) -> String { ids.map { words[$0] }.joined(separator: " ") }

    static let subject = EvaluationSubject(
        model: OracleModel(), contract: TokenContract(imagePlaceholder: 2, tokenCount: 1), beginID: 0,
        stopTokenIDs: [1], encode: { encode($0) }, decode: { decode($0) })

    let vocabularySize = words.count
    let contextLength = 64
    let tokenContract = TokenContract(imagePlaceholder: 2, tokenCount: 1)

    /// Images whose every value is the item's number, to preferences over words; D = 2 V.
    func encode(_ pixelValues: Tensor, _ modality: Modality) -> Tensor {
        let brightness = pixelValues.mean(dims: [1, 2, 3]).array(of: Float.self)
        var rows = [Float](repeating: 0, count: brightness.count * 2 * vocabularySize)
        for (row, value) in brightness.enumerated() where value >= 0 {
            let item = Self.world[Int(value.rounded()) % Self.world.count]
            for word in [item.name, item.kind ?? "", item.colours[0]] {
                rows[row * 2 * vocabularySize + (Self.words.firstIndex(of: word) ?? 0)] = 10
            }
        }
        return Tensor(rows, shape: [brightness.count, 2 * vocabularySize])
    }

    func embed(tokenIDs: Tensor) -> Tensor {
        let oneHot = tokenIDs.oneHot(classes: vocabularySize).to(.float32)
        return Tensor.cat([oneHot * 0, oneHot], dim: 2)
    }

    /// Preferences add up along the sequence; the own token stays.
    func decode(_ embeddings: Tensor, _ pass: DecoderPass) -> DecoderOutput {
        let count = embeddings.shape[1]
        var all = embeddings.narrow(dim: 2, start: 0, length: vocabularySize)
        if let cache = pass.cache {
            let keys = all.unsqueeze(1)
            all = cache.update(layer: 0, keys: keys, values: keys).keys.select(dim: 1, index: 0)
        }
        let sums = all.cumsum(dim: 1)
        return DecoderOutput(
            Tensor.cat(
                [
                    sums.narrow(dim: 1, start: all.shape[1] - count, length: count),
                    embeddings.narrow(dim: 2, start: vocabularySize, length: vocabularySize),
                ], dim: 2))
    }

    func logits(hiddenStates: Tensor) -> Tensor {
        let last = hiddenStates.rank - 1
        let preferences = hiddenStates.narrow(dim: last, start: 0, length: vocabularySize)
        let own = hiddenStates.narrow(dim: last, start: vocabularySize, length: vocabularySize)
        return preferences * own.matmul(Self.followers) + own.matmul(Self.ends) * 5
    }

    func forwardOperations(_ work: ForwardWork) -> Double { 0 }

    func makeCache(batch: Int, capacity: Int) -> KVCache {
        KVCache(
            layerCount: 1, batch: batch, capacity: capacity, keyValueHeadCount: 1, headSize: vocabularySize,
            dtype: .float32, device: .cpu)
    }

    /// [V, V]: 1 where the column's word may follow the row's.
    private static let followers: Tensor = table { row, column in
        switch words[row] {
        case "name:": (7...11).contains(column)
        case "kind:": (12...14).contains(column)
        case "colours:": (15...18).contains(column)
        default: false
        }
    }

    /// [V, V]: 1 where the row's word is followed by a full stop, or a full stop by the end.
    private static let ends: Tensor = table { row, column in
        row >= 7 ? column == 6 : row == 6 && column == 1
    }

    private static func table(_ holds: (Int, Int) -> Bool) -> Tensor {
        let values = words.indices.flatMap { row in words.indices.map { holds(row, $0) ? Float(1) : 0 } }
        return Tensor(values, shape: [words.count, words.count])
    }

    /// `count` items of one source that go through the world in order, with their images.
    static func set(count: Int, source: String = "emoji") -> CaptionedSet {
        let items = (0..<count).map { index in
            CaptionedSet.Item(
                id: "\(source)/\(index)", source: source, caption: world[index % world.count],
                provenance: .init(package: "p", version: "1", path: "x", licence: "public domain"), png: [])
        }
        let values = (0..<count).map { Float($0 % world.count) }
        let pixels = Tensor(values, shape: [count, 1, 1, 1]).expand([count, 3, 2, 2]).contiguous()
        return CaptionedSet(split: .test, items: items, pixelValues: pixels)
    }

    /// A training split with twice as many "nature" as the others.
    static var statistics: CaptionStatistics {
        var statistics = CaptionStatistics()
        for caption in world { statistics.add(caption, source: "emoji") }
        return statistics
    }
}
