import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import Testing
import TinyModels
import Torch

/// The tiny models that the published code of the mPLUG-Owls saved, and what tests do with them.
enum OwlFixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/"

    static func load(_ name: String) throws -> (any MultimodalLanguageModel, ParameterStore) {
        let (model, _, store, weights) = try ModelRegistry.open(ModelFolder(path: folder + name))
        try store.load(weights)
        return (model, store)
    }

    /// The `config.json` of a fixture's model with other values at paths of keys; nil removes a key.
    static func configuration(_ system: String, _ changes: [(path: [String], value: Any?)]) throws -> Data {
        func changed(_ object: [String: Any], _ path: ArraySlice<String>, _ value: Any?) -> [String: Any] {
            guard let key = path.first else { return object }
            var object = object
            object[key] =
                path.count == 1 ? value : changed(object[key] as? [String: Any] ?? [:], path.dropFirst(), value)
            return object
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "\(system)/model/config.json"))
        let root = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try JSONSerialization.data(
            withJSONObject: changes.reduce(root) { changed($0, $1.path[...], $1.value) })
    }

    /// The fixture's weights in a model of a changed configuration.
    static func load(
        _ system: String, _ changes: [(path: [String], value: Any?)]
    ) throws -> (any MultimodalLanguageModel, ParameterStore) {
        let weights = try ModelRegistry.open(ModelFolder(path: folder + "\(system)/model")).weights
        let (model, _, store) = try ModelRegistry.declare(
            configuration: configuration(system, changes),
            weightShapes: Dictionary(uniqueKeysWithValues: weights.pairs.map { ($0.0, $0.1.shape) }))
        try store.load(weights)
        return (model, store)
    }

    /// One row of ids with a model's placeholders, and the images that fill them.
    static func input(
        _ ids: Tensor, _ pixelValues: Tensor?, lengths: [Int]? = nil, imageTokens: Tensor? = nil
    ) -> ModelInput {
        let (rows, columns) = (ids.size(0), ids.size(1))
        let places = ids.reshape([-1]).less(than: 0).nonzero().reshape([-1])
        let segments = (0..<rows).map {
            SegmentLayout.Segment(row: $0, start: 0, length: lengths?[$0] ?? columns)
        }
        return ModelInput(
            tokenIDs: ids, positionIDs: Tensor.arange(columns).unsqueeze(0).expand([rows, columns]),
            layout: SegmentLayout(rows: rows, columns: columns, segments: segments), pixelValues: pixelValues,
            mediaPositions: places.elementCount > 0 ? places : nil, imageTokens: imageTokens)
    }

    /// The input of a case of `expected.safetensors`.
    static func input(_ fixture: ParityFixture, _ part: String) throws -> ModelInput {
        let expanded = fixture.all["input.\(part).expanded_ids"]
        return input(try expanded ?? fixture("input.\(part).ids"), fixture.all["input.\(part).pixel_values"])
    }

    static func logits(_ model: any MultimodalLanguageModel, _ input: ModelInput, embeddings: Tensor? = nil) -> Tensor {
        withoutGrad {
            model.logits(
                embeddings: embeddings ?? model.embed(input), positionIDs: input.positionIDs,
                mediaPositions: input.mediaPositions)
        }
    }

    /// Twenty tokens by the highest score, each computed from the cache and the token before.
    static func greedy(
        _ model: any MultimodalLanguageModel, _ input: ModelInput, embeddings: Tensor? = nil
    ) -> [Int64] {
        withoutGrad {
            var length = input.tokenIDs.size(1)
            let cache = model.makeCache(batch: 1, capacity: length + 20)
            var states = model.hiddenStates(
                embeddings: embeddings ?? model.embed(input), positionIDs: input.positionIDs, layout: nil,
                mediaPositions: input.mediaPositions, cache: cache)
            cache.advance(by: [length])
            var chosen: [Int64] = []
            while true {
                let last = states.narrow(dim: 1, start: states.size(1) - 1, length: 1)
                let token = model.logits(hiddenStates: last).argmax(dim: -1)
                chosen += token.array(of: Int64.self)
                if chosen.count == 20 { return chosen }
                states = model.hiddenStates(
                    embeddings: model.embed(tokenIDs: token), positionIDs: Tensor([Int64(length)], shape: [1, 1]),
                    layout: nil, mediaPositions: nil, cache: cache)
                cache.advance(by: [1])
                length += 1
            }
        }
    }
}
