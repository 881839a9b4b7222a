import Checkpoints
import NN
import Testing
import Torch

@Suite("State-dict adapter")
struct StateDictAdapterTests {
    private let adapter = StateDictAdapter([
        .name(published: "model.embed.weight", own: "embedding.weight"),
        .name(published: "model.layers.{}.norm.weight", own: "blocks.{}.norm.weight"),
        .name(published: "model.layers.{}.experts.{}.w", own: "blocks.{}.experts.{}.weight", .transposed()),
        .name(published: "model.layers.0.special", own: "first.special"),
        .name(published: "conv.weight", own: "patch.weight", .permuted([3, 0, 1, 2])),
        .name(published: "position", own: "position.weight", .reshaped(own: [-1, 4], published: [1, -1, 4])),
        .split(
            published: "model.layers.{}.qkv.weight", own: ["blocks.{}.q", "blocks.{}.k", "blocks.{}.v"],
            sizes: [4, 2, 2]),
        .joined(published: ["model.layers.{}.gate", "model.layers.{}.up"], own: "blocks.{}.gateUp", dim: 1),
        .ignored("model.layers.{}.rotary.inv_freq"),
    ])

    private func numbered(_ shape: [Int], from start: Int) -> Tensor {
        Tensor((0..<shape.reduce(1, *)).map { Float(start + $0) }, shape: shape)
    }

    private func published() -> StateDict {
        var weights = StateDict([
            ("model.embed.weight", numbered([5, 4], from: 0)), ("conv.weight", numbered([2, 3, 4, 5], from: 100)),
            ("position", numbered([1, 6, 4], from: 300)), ("model.layers.0.special", numbered([2], from: 7)),
        ])
        for layer in [0, 1, 10] {
            let prefix = "model.layers.\(layer)"
            weights["\(prefix).norm.weight"] = numbered([4], from: 1000 * layer)
            weights["\(prefix).qkv.weight"] = numbered([8, 3], from: 1000 * layer + 1)
            weights["\(prefix).gate"] = numbered([2, 3], from: 1000 * layer + 2)
            weights["\(prefix).up"] = numbered([2, 5], from: 1000 * layer + 3)
            weights["\(prefix).rotary.inv_freq"] = numbered([2], from: 9)
            for expert in 0..<2 { weights["\(prefix).experts.\(expert).w"] = numbered([2, 3], from: 50 * expert) }
        }
        return weights
    }

    @Test("names, indices, layouts, splits and joins are translated")
    func translates() throws {
        let own = try adapter.ownStateDict(from: published())
        #expect(own["embedding.weight"]?.shape == [5, 4])
        #expect(own["blocks.10.norm.weight"]?.array(of: Float.self) == [10000, 10001, 10002, 10003])
        #expect(own["blocks.1.experts.1.weight"]?.shape == [3, 2])
        #expect(own["blocks.1.experts.1.weight"]?.array(of: Float.self) == [50, 53, 51, 54, 52, 55])
        #expect(own["first.special"]?.shape == [2])
        #expect(own["patch.weight"]?.shape == [5, 2, 3, 4])
        #expect(own["position.weight"]?.shape == [6, 4])
        #expect(own["blocks.0.q"]?.shape == [4, 3])
        #expect(own["blocks.0.k"]?.array(of: Float.self) == [13, 14, 15, 16, 17, 18])
        #expect(own["blocks.0.gateUp"]?.shape == [2, 8])
        #expect(!own.names.contains { $0.contains("inv_freq") })
        #expect(own.count == 4 + 3 * (1 + 3 + 1 + 2))
    }

    @Test("there and back again is the same checkpoint without what is ignored")
    func roundTrip() throws {
        // Equal parts cannot be told from a join of unequal ones, so this table states the sizes.
        let table = StateDictAdapter([
            .name(published: "conv.weight", own: "patch.weight", .permuted([3, 0, 1, 2])),
            .name(published: "position", own: "position.weight", .reshaped(own: [-1, 4], published: [1, -1, 4])),
            .name(
                published: "w.{}", own: "v.{}.t", .transposed().followed(by: .reshaped(own: [-1], published: [3, 2]))),
            .split(published: "qkv.{}", own: ["q.{}", "k.{}", "v.{}"]),
            .joined(published: ["gate", "up"], own: "gateUp", dim: 1, sizes: [3, 5]),
            .ignored("inv_freq"),
        ])
        let original = StateDict([
            ("conv.weight", numbered([2, 3, 4, 5], from: 0)), ("position", numbered([1, 6, 4], from: 5)),
            ("w.3", numbered([2, 3], from: 6)), ("qkv.0", numbered([6, 2], from: 7)),
            ("gate", numbered([2, 3], from: 8)),
            ("up", numbered([2, 5], from: 9)), ("inv_freq", numbered([2], from: 1)),
        ])
        let own = try table.ownStateDict(from: original)
        let back = try table.publishedStateDict(from: own)
        #expect(Set(back.names) == Set(original.names).subtracting(["inv_freq"]))
        for (name, tensor) in back.pairs { #expect(original[name].map { isEqual($0, tensor) } == true, "\(name)") }
        let again = try table.ownStateDict(from: back)
        for (name, tensor) in again.pairs { #expect(own[name].map { isEqual($0, tensor) } == true, "\(name)") }
    }

    @Test("a dictionary literal is a table of plain names")
    func literal() throws {
        let adapter: StateDictAdapter = ["a.{}.b": "x.{}.y", "rope": nil]
        let own = try adapter.ownStateDict(from: StateDict([("a.7.b", .ones([1])), ("rope", .ones([1]))]))
        #expect(own.names == ["x.7.y"])
        #expect(try adapter.publishedStateDict(from: own).names == ["a.7.b"])
    }

    private func message(_ body: () throws -> StateDict) -> String {
        let error = #expect(throws: CheckpointError.self) { _ = try body() }
        return error.map { "\($0)" } ?? ""
    }

    @Test("all names that the table does not list are reported at once")
    func unlisted() {
        var weights = published()
        for name in [
            "model.layers.x.norm.weight", "model.layers.01.norm.weight", "model.layers.0.norm.weight.extra", "lm_head",
        ] {
            weights[name] = Tensor.ones([1])
        }
        let message = message { try adapter.ownStateDict(from: weights) }
        for name in ["layers.x.norm", "layers.01.norm", "weight.extra", "lm_head", "4 of 29"] {
            #expect(message.contains(name), "\(message)")
        }
    }

    @Test("parts that are missing or do not fit are named")
    func parts() {
        var weights = published()
        weights["model.layers.1.up"] = nil
        #expect(
            message { try adapter.ownStateDict(from: weights) }.contains(
                "model.layers.1.gate must be joined with model.layers.1.up"))
        weights = published()
        weights["model.layers.1.qkv.weight"] = numbered([7, 3], from: 0)
        #expect(
            message { try adapter.ownStateDict(from: weights) }.contains(
                "size 7 in dimension 0, expected parts of [4, 2, 2]"))
        weights = published()
        weights["model.layers.1.up"] = numbered([3, 5], from: 0)
        #expect(message { try adapter.ownStateDict(from: weights) }.contains("cannot be joined along dimension 1"))
    }
}
