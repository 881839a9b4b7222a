import Checkpoints
import Foundation
import NN
import SyrinxModels
import TestSupport
import Testing
import Torch

struct PublishedPartsTests {
    static let config = VisionTransformer.Config(
        imageSize: 12, stem: .patch(size: 4), hiddenSize: 12, intermediateSize: 20, layerCount: 2, headCount: 3,
        projectionSize: 8)

    /// A random encoder and its checkpoint as open_clip would write it.
    private func openCLIP() throws -> (ParameterStore, StateDict) {
        let store = ParameterStore()
        _ = VisionTransformer(Self.config, at: store.root)
        store.initialize(seed: 31)
        var published = StateDict()
        let own = store.stateDict()
        func copy(_ from: String, _ to: String) { published["visual." + to] = own[from] }
        copy("embeddings.class_embedding", "class_embedding")
        copy("embeddings.position_embedding.weight", "positional_embedding")
        copy("embeddings.patch_embedding.weight", "conv1.weight")
        published["visual.proj"] = own["visual_projection.weight"]?.transpose(0, 1).contiguous()
        for kind in ["weight", "bias"] {
            copy("pre_layrnorm.\(kind)", "ln_pre.\(kind)")
            copy("post_layernorm.\(kind)", "ln_post.\(kind)")
            for i in 0..<2 {
                let (mine, theirs) = ("encoder.layers.\(i)", "transformer.resblocks.\(i)")
                copy("\(mine).layer_norm1.\(kind)", "\(theirs).ln_1.\(kind)")
                copy("\(mine).layer_norm2.\(kind)", "\(theirs).ln_2.\(kind)")
                copy("\(mine).self_attn.out_proj.\(kind)", "\(theirs).attn.out_proj.\(kind)")
                copy("\(mine).mlp.fc1.\(kind)", "\(theirs).mlp.c_fc.\(kind)")
                copy("\(mine).mlp.fc2.\(kind)", "\(theirs).mlp.c_proj.\(kind)")
                published["visual.\(theirs).attn.in_proj_\(kind)"] = Tensor.cat(
                    ["q", "k", "v"].map { own["\(mine).self_attn.\($0)_proj.\(kind)"]! }, dim: 0)
            }
        }
        published["text_projection"] = .zeros([2, 2])
        published["logit_scale"] = .zeros([])
        return (store, published)
    }

    @Test func `A CLIP checkpoint in open_clip's names gives the encoder it was written from`() throws {
        let (original, published) = try openCLIP()
        let loaded = ParameterStore()
        let encoder = VisionTransformer(Self.config, at: loaded.root)
        try loaded.load(VisionTransformer.stateDict(fromPublished: published, for: Self.config))
        for parameter in try nonempty(original.parameters) {
            let other = try #require(loaded[parameter.name])
            #expect(parameter.tensor.array(of: Float.self) == other.tensor.array(of: Float.self), "\(parameter.name)")
        }
        #expect(encoder.imageEmbeddings(.zeros([1, 3, 12, 12])).shape == [1, 8])
    }

    @Test func `A Hugging Face checkpoint loads with and without its prefix, and its text tower is left out`() throws {
        let (original, _) = try openCLIP()
        var whole = original.stateDict().prefixed(with: "vision_model")
        whole["visual_projection.weight"] = whole["vision_model.visual_projection.weight"]
        whole["vision_model.visual_projection.weight"] = nil
        whole["text_model.embeddings.token_embedding.weight"] = .zeros([3, 3])
        for published in [whole, original.stateDict()] {
            let store = ParameterStore()
            _ = VisionTransformer(Self.config, at: store.root)
            try store.load(VisionTransformer.stateDict(fromPublished: published, for: Self.config))
        }
    }

    @Test(
        "What no shape tells is read from the configuration beside a published encoder",
        arguments: [
            (#"{"model_type": "clip", "vision_config": {"hidden_act": "quick_gelu", "num_attention_heads": 3}}"#, []),
            (#"{"model_type": "clip_vision_model", "hidden_act": "gelu", "num_attention_heads": 3}"#, [activation]),
            (
                #"{"vision_config": {"num_attention_heads": 4}}"#,
                ["the number of heads is 4 in the checkpoint and 3 in the recipe"]
            ),
            (#"{"model_cfg": {"quick_gelu": true, "vision_cfg": {"width": 12, "head_width": 4}}}"#, []),
            (#"{"model_cfg": {"vision_cfg": {"width": 12, "head_width": 4}}}"#, [activation]),
            (#"{"model_cfg": {"quick_gelu": true, "vision_cfg": {"width": 192}}}"#, []),
            (
                #"{"model_cfg": {"vision_cfg": {"width": 1280, "head_width": 80}}}"#,
                [activation, "the number of heads is 16 in the checkpoint and 3 in the recipe"]
            ),
            (#"{"model_cfg": {"vision_cfg": {"timm_model_name": "vit"}}}"#, []), ("no json", []), ("{}", []),
        ])
    func contradictions(json: String, expected: [String]) {
        #expect(Self.config.contradictions(inPublished: Data(json.utf8)) == expected)
    }

    @Test(
        "What no shape tells is read from the configuration beside a published language model",
        arguments: [
            (#"{"model_type": "llama", "num_attention_heads": 4}"#, []),
            (#"{"model_type": "llama", "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}"#, []),
            (
                #"{"model_type": "llama", "rope_parameters": {"rope_theta": 500000.0}, "num_attention_heads": 8}"#,
                [
                    "rope_theta is 500000.0 in the checkpoint and 10000.0 in the recipe",
                    "the number of heads is 8 in the checkpoint and 4 in the recipe",
                ]
            ),
            (
                #"{"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2}}"#,
                ["the checkpoint and the recipe scale positions differently"]
            ),
            (#"{"rope_theta": 3.0}"#, []), (#"{"model_type": "gpt2", "rope_theta": 3.0}"#, []), ("no json", []),
        ])
    func languageContradictions(json: String, expected: [String]) {
        let config = LLaMADecoder.Config(
            vocabularySize: 37, hiddenSize: 16, intermediateSize: 20, layerCount: 1, headCount: 4, contextLength: 32,
            ropeLayout: .halfSplit, tiesEmbeddings: false)
        #expect(config.contradictions(inPublished: Data(json.utf8)) == expected)
        let window = #"{"model_type": "llama", "sliding_window": 4096}"#
        #expect(config.contradictions(inPublished: Data(window.utf8)).first?.contains("sliding_window is 4096") == true)
    }

    private static let activation = "the activation is gelu in the checkpoint and quick_gelu in the recipe"

    @Test func `A position table for another image size keeps its class token and its flat parts`() {
        var larger = Self.config
        larger.imageSize = 20
        let table = Tensor.cat([Tensor.full([1, 12], value: 7), Tensor.full([9, 12], value: 2)], dim: 0)
        let resized = VisionTransformer.resizedPositions(table, for: larger)
        #expect(resized.shape == [26, 12])
        #expect(resized.select(dim: 0, index: 0).array(of: Float.self).allSatisfy { $0 == 7 })
        #expect(resized.narrow(dim: 0, start: 1, length: 25).array(of: Float.self).allSatisfy { abs($0 - 2) < 1e-5 })
        #expect(VisionTransformer.resizedPositions(table, for: Self.config).shape == table.shape)
    }

    @Test func `Reordered projections give the same scores with neighbouring pairs as with split halves`() {
        let generator = Generator(seed: 41)
        let x = Tensor.randn([1, 5, 12], generator: generator)
        let (q, k) = (Tensor.randn([16, 12], generator: generator), Tensor.randn([16, 12], generator: generator))
        let positions = Tensor.arange(5).unsqueeze(0)
        func scores(_ layout: RotaryEmbedding.Layout, _ q: Tensor, _ k: Tensor) -> Tensor {
            let tables = RotaryEmbedding(headSize: 8, theta: 100, layout: layout).tables(
                for: positions, dtype: .float32)
            func heads(_ w: Tensor) -> Tensor { tables(linear(x, w).reshape([1, 5, 2, 8]).transpose(1, 2)) }
            return heads(q).matmul(heads(k).transpose(2, 3))
        }
        let split = scores(.halfSplit, q, k)
        let neighbouring = scores(
            .interleaved, LLaMADecoder.neighbouringPairs(q, headSize: 8), LLaMADecoder.neighbouringPairs(k, headSize: 8)
        )
        #expect((split - neighbouring).abs().max().item() < 1e-4)
        #expect((split - scores(.interleaved, q, k)).abs().max().item() > 1e-2)
    }
}
