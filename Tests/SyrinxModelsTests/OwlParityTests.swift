import Checkpoints
import Foundation
import NN
import Processors
import SyrinxModels
import TestSupport
import Testing
import TinyModels
import Torch

/// mPLUG-Owl, its video variant and mPLUG-Owl2 against the published code, on tiny random models that it saved itself.
///
/// Weights are read from the reference's own `pytorch_model.bin`. Fixtures: `scripts/reference/mplug_owl.py` and its
/// siblings; what each tensor is, the READMEs beside them say.
struct OwlParityTests {
    @Test(
        arguments: ["mplug-owl", "mplug-owl2"], ["text", "one_image", "two_images"])
    func `Images, splice, scores and the greedy continuation equal the published code's`(
        system: String, part: String
    ) throws {
        let fixture = try ParityFixture("\(system)/expected")
        let (model, _) = try OwlFixture.load("\(system)/model")
        let ids = try fixture(system == "mplug-owl" ? "input.\(part).ids" : "input.\(part).expanded_ids")
        let input = OwlFixture.input(ids, fixture.all["input.\(part).pixel_values"])
        if let pixelValues = input.pixelValues {
            let stages = model.encodingStages(pixelValues, .image)
            try fixture.expect(stages[0].value, equals: "output.\(part).vision_features")
            try fixture.expect(stages[1].value, equals: "output.\(part).image_embeddings")
        }
        let embeddings = model.embed(input)
        try fixture.expect(embeddings, equals: "output.\(part).embeddings")
        let logits = model.logits(
            embeddings: embeddings, positionIDs: input.positionIDs, mediaPositions: input.mediaPositions)
        try fixture.expect(logits, equals: "output.\(part).logits")
        #expect(
            OwlFixture.greedy(model, input, embeddings: embeddings)
                == (try fixture("output.\(part).greedy")).array(of: Int64.self))
    }

    @Test(arguments: ["image", "video", "image_and_video"])
    func `Clips and images of the video model equal the published code's`(part: String) throws {
        let fixture = try ParityFixture("mplug-owl-video/expected")
        let (loaded, _) = try OwlFixture.load("mplug-owl-video/model")
        let model = try #require(loaded as? MPLUGOwl)
        #expect(model.config.isVideo)
        let (rows, ids) = try mediaRows(model, fixture, part)
        if part != "image_and_video" {
            try fixture.expect(rows, equals: "output.\(part).image_embeddings")
        }
        let input = OwlFixture.input(ids, nil, imageTokens: rows)
        let embeddings = model.embed(input)
        try fixture.expect(embeddings, equals: "output.\(part).embeddings")
        let logits = model.logits(embeddings: embeddings, positionIDs: input.positionIDs)
        try fixture.expect(logits, equals: "output.\(part).logits")
        #expect(
            OwlFixture.greedy(model, input, embeddings: embeddings)
                == (try fixture("output.\(part).greedy")).array(of: Int64.self))
    }

    /// What a case's image and clip become in the order of their placeholders, and its ids.
    private func mediaRows(
        _ model: MPLUGOwl, _ fixture: ParityFixture, _ part: String
    ) throws -> (Tensor, Tensor) {
        let ids = try fixture("input.\(part).ids")
        let image = fixture.all["input.\(part).pixel_values"].map(model.imageTokens)
        let clip = fixture.all["input.\(part).video_pixel_values"].map(model.clipTokens)
        let values = ids.reshape([-1]).array(of: Int64.self)
        let clipFirst = (values.firstIndex(of: -2) ?? .max) < (values.firstIndex(of: -1) ?? .max)
        return (Tensor.cat((clipFirst ? [clip, image] : [image, clip]).compactMap { $0 }, dim: 0), ids)
    }

    @Test func `The loss and every gradient of a step of mPLUG-Owl equal the published code's`() throws {
        let fixture = try ParityFixture("mplug-owl/expected")
        let (model, store) = try OwlFixture.load("mplug-owl/model")
        let input = OwlFixture.input(try fixture("input.batch.ids"), try fixture("input.batch.pixel_values"))
        try expectStep(model, store, input, labels: try fixture("input.batch.labels"), fixture)
    }

    @Test func `The loss and every gradient of a step of mPLUG-Owl2 equal the published code's`() throws {
        let fixture = try ParityFixture("mplug-owl2/expected")
        let (model, store) = try OwlFixture.load("mplug-owl2/model")
        let (ids, labels) = (try fixture("input.batch.ids"), try fixture("input.batch.labels"))
        let lengths = try fixture("input.batch.mask").sum(dims: [1]).array(of: Int64.self)
        // The published code puts an image's rows in the place of one id, and spends an image on the row without any.
        var rows: [(ids: [Int64], labels: [Int64])] = []
        for row in 0..<ids.size(0) {
            let own = ids.select(dim: 0, index: row).array(of: Int64.self).prefix(Int(lengths[row]))
            let wanted = labels.select(dim: 0, index: row).array(of: Int64.self).prefix(own.count)
            var expanded: (ids: [Int64], labels: [Int64]) = ([], [])
            for (id, label) in try pairs(own, wanted) {
                let count = id == -200 ? model.imageTokenCount : 1
                expanded.ids += [Int64](repeating: id, count: count)
                expanded.labels += [Int64](repeating: id == -200 ? -100 : label, count: count)
            }
            rows.append(expanded)
        }
        let columns = rows.map(\.ids.count).max() ?? 0
        func padded(_ values: [[Int64]], with value: Int64) -> Tensor {
            Tensor(
                values.flatMap { $0 + [Int64](repeating: value, count: columns - $0.count) },
                shape: [values.count, columns])
        }
        let images = try fixture("input.batch.pixel_values").indexSelect(dim: 0, Tensor([Int64(0), 2, 3]))
        let input = OwlFixture.input(
            padded(rows.map(\.ids), with: 0), images, lengths: rows.map(\.ids.count))
        try expectStep(model, store, input, labels: padded(rows.map(\.labels), with: -100), fixture)
    }

    @Test func `The loss and every gradient of a step of mPLUG-Owl video equal the published code's`() throws {
        let fixture = try ParityFixture("mplug-owl-video/expected")
        let (loaded, store) = try OwlFixture.load("mplug-owl-video/model")
        let model = try #require(loaded as? MPLUGOwl)
        let (rows, ids) = try mediaRows(model, fixture, "batch")
        let input = OwlFixture.input(ids, nil, imageTokens: rows)
        let logits = model.logits(
            embeddings: model.embed(input), positionIDs: input.positionIDs)
        let labels = try fixture("input.batch.labels")
        let count = labels.size(1) - 1
        let loss = crossEntropy(
            logits.narrow(dim: 1, start: 0, length: count).flatten(0, 1),
            labels.narrow(dim: 1, start: 1, length: count).flatten())
        try fixture.expect(loss.reshape([1]), equals: "output.batch.loss")
        loss.backward()
        fixture.expectGradients(store, fixture.gradients)
    }

    /// Mean cross-entropy of each position's next label, and its gradients.
    private func expectStep(
        _ model: any MultimodalLanguageModel, _ store: ParameterStore, _ input: ModelInput, labels: Tensor,
        _ fixture: ParityFixture
    ) throws {
        let last = Tensor.full([labels.size(0), 1], value: -100, dtype: .int64)
        let next = Tensor.cat([labels.narrow(dim: 1, start: 1, length: labels.size(1) - 1), last], dim: 1)
        let sum = model.nextTokenLoss(input, labels: next)
        let loss = sum.total / Double(sum.count)
        try fixture.expect(loss.reshape([1]), equals: "output.batch.loss")
        loss.backward()
        fixture.expectGradients(store, fixture.gradients)
    }

    @Test func `The switches of mPLUG-Owl2.1 in a configuration give the published encoder and abstractor`() throws {
        let configuration = """
            {"model_type": "mplug_owl2", "hidden_size": 32, "intermediate_size": 44, "num_hidden_layers": 1,
             "num_attention_heads": 4, "vocab_size": 331, "visual_config": {
              "visual_model": {"hidden_size": 24, "intermediate_size": 50, "num_hidden_layers": 1, "num_attention_heads": 3,
               "image_size": 36, "patch_size": 2, "layer_norm_eps": 2e-3, "use_cls_token": false,
               "use_post_layernorm": false},
              "visual_abstractor": {"num_learnable_queries": 5, "hidden_size": 24, "num_hidden_layers": 1,
               "num_attention_heads": 2, "intermediate_size": 37, "layer_norm_eps": 3e-3, "encoder_hidden_size": 24,
               "grid_size": 18, "use_cls_token": false}}}
            """
        let fixture = try ParityFixture("mplug-owl2/without_class_token")
        let (model, _, store) = try ModelRegistry.declare(configuration: Data(configuration.utf8))
        for part in ["model.vision_model", "model.visual_abstractor"] {
            let weights = fixture.weights.prefixed(with: "model").pairs.filter { $0.0.hasPrefix(part) }
            try store.load(StateDict(weights), under: part)
        }
        let stages = model.encodingStages(try fixture("input.pixel_values"), .image)
        try fixture.expect(stages[0].value, equals: "output.vision_features")
        try fixture.expect(stages[1].value, equals: "output.image_embeddings")
    }

    @Test func `A prompt in pieces through the cache equals the whole: images in both, the last tokens one by one`()
        throws
    {
        let fixture = try ParityFixture("mplug-owl2/expected")
        let (model, _) = try OwlFixture.load("mplug-owl2/model")
        let input = try OwlFixture.input(fixture, "two_images")
        let length = input.tokenIDs.size(1)
        let places = try #require(input.mediaPositions).array(of: Int64.self)
        // Between the two images, so that each piece has one.
        let cut = Int(places[model.imageTokenCount]) - 1
        let starts = [0, cut] + (length - 3..<length)
        #expect(places.allSatisfy { $0 < length - 3 })
        func inPieces(routed: Bool) -> Tensor {
            withoutGrad {
                let embeddings = model.embed(input)
                let cache = model.makeCache(batch: 1, capacity: length)
                let pieces = zip(starts, starts.dropFirst() + [length]).map { start, end -> Tensor in
                    let own = places.filter { (start..<end).contains(Int($0)) }.map { $0 - Int64(start) }
                    let states = model.hiddenStates(
                        embeddings: embeddings.narrow(dim: 1, start: start, length: end - start),
                        positionIDs: input.positionIDs.narrow(dim: 1, start: start, length: end - start), layout: nil,
                        mediaPositions: routed || start == 0 ? Tensor(own) : nil, cache: cache)
                    cache.advance(by: [end - start])
                    return states
                }
                return model.logits(hiddenStates: Tensor.cat(pieces, dim: 1))
            }
        }
        let pieces = inPieces(routed: true)
        try fixture.expect(pieces, equals: "output.two_images.logits")
        let whole = OwlFixture.logits(model, input)
        for place in length - 3..<length {
            let error = ParityFixture.error(
                pieces.narrow(dim: 1, start: place, length: 1), whole.narrow(dim: 1, start: place, length: 1))
            #expect(error < ParityFixture.outputBound, "token \(place): \(error)")
        }
        #expect(ParityFixture.error(inPieces(routed: false), try fixture("output.two_images.logits")) > 1e-3)
    }

    @Test func `Shards without padded numbers load to the same weights as the single file`() throws {
        let one = try ModelFolder(path: OwlFixture.folder + "mplug-owl2/model").stateDict()
        let (_, store) = try OwlFixture.load("mplug-owl2/sharded")
        #expect(!store.parameters.isEmpty)
        for parameter in store.parameters { #expect(parameter.tensor.bytes() == one[parameter.name]?.bytes()) }
    }

    @Test func `With equal branches the modality-adaptive decoder is the plain one, and images change the answer`()
        throws
    {
        let fixture = try ParityFixture("mplug-owl2/expected")
        let (model, store) = try OwlFixture.load("mplug-owl2/model")
        let input = try OwlFixture.input(fixture, "one_image")
        func scores(_ mediaPositions: Tensor?) -> Tensor {
            withoutGrad {
                model.logits(
                    embeddings: model.embed(input), positionIDs: input.positionIDs, mediaPositions: mediaPositions)
            }
        }
        let adaptive = scores(input.mediaPositions)
        #expect(ParityFixture.error(scores(nil), adaptive) > 1e-3)
        var equal = store.stateDict()
        for name in try nonempty(equal.names.filter { $0.contains("multiway.1.") }) {
            equal[name] = equal[name.replacing("multiway.1.", with: "multiway.0.")]
        }
        try store.load(equal)
        #expect(ParityFixture.error(scores(input.mediaPositions), scores(nil)) < 1e-6)
    }

    @Test(
        arguments: [
            ("mplug-owl-7b", "mplug-owl-llama-7b", 7_123_068_928, 722),
            ("mplug-owl-7b-video", "mplug-owl-llama-7b-video", 7_152_633_856, 917),
            ("mplug-owl2-7b", "mplug-owl2-llama2-7b", 8_197_859_328, 850),
        ])
    func `The published sizes have the published code's names, shapes and counts`(
        name: String, published: String, elements: Int, parameters: Int
    ) throws {
        let size = try #require(ModelRegistry.namedSizes.first { $0.name == name })
        let (_, store) = try ModelRegistry.declare(size.shape)
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/published/\(published).txt")
        let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map(String.init)
        let kept = lines.filter { !$0.hasSuffix("ignored") }
        #expect(lines.count - kept.count == 32 && kept.count == parameters)
        let own = store.parameters.map { "\($0.name) [\($0.shape.map(String.init).joined(separator: ", "))]" }
        #expect(Set(own) == Set(kept), "\(Set(own).symmetricDifference(kept).sorted().prefix(5))")
        #expect(store.elementCount() == elements)
    }
}
